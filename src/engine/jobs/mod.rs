//! Jobs: work that outlasts a request, in steps that can be repeated and undone.
//!
//! One file per kind, beside the commands of its noun (`engine/vms/start.rs`); [`registry`] lists them. A command inserts its
//! job in the transaction of its own rows and kicks it:
//!
//! ```text
//! let job = engine.db.write(move |db| { …rows…; jobs::insert::<StartVm>(db, &new, &args, &[vm.object()]) }).await?;
//! jobs::kick(&engine, job);
//! ```

mod faults;
mod kind;
mod registry;
mod runner;
#[cfg(test)]
pub(in crate::engine) mod testing;

pub(crate) use kind::steps;
pub use kind::{JobContext, Kind, Next, Outcome, Steps};
pub use runner::Jobs;
pub(in crate::engine) use runner::resume_all;

use crate::auth::View;
use crate::db::Db;
use crate::engine::changes::Topic;
use crate::engine::{Cx, Engine, EngineError};
use crate::model::clock::Timestamp;
use crate::model::conflict::{Attempt, Conflict, Holder};
use crate::model::ids::{JobId, ObjectId, UserId};
use crate::model::job::{JobKind, JobStatus, JobView};
use crate::model::vm::Refusal;
use crate::store::jobs::{self as store, NewJobRow, Whose};
use diesel::result::{DatabaseErrorKind, Error as QueryError};
use std::sync::Arc;

/// A job to be made.
#[derive(Debug, Clone)]
pub struct NewJob {
    pub id: JobId,
    /// The name of what it works on.
    pub subject: String,
    /// None: the engine itself.
    pub owner: Option<UserId>,
    pub correlation_id: String,
    pub engine_id: String,
    pub now: Timestamp,
}

impl NewJob {
    /// What somebody asked for.
    pub fn asked(cx: &Cx, subject: &str) -> Self {
        Self { owner: Some(cx.actor.user), correlation_id: cx.correlation_id.clone(), ..Self::own(&cx.engine, subject) }
    }

    /// What the engine does by itself.
    pub fn own(engine: &Engine, subject: &str) -> Self {
        let id = JobId::random();
        Self {
            id,
            subject: subject.to_owned(),
            owner: None,
            correlation_id: id.to_string(),
            engine_id: engine.id.clone(),
            now: engine.clock.now(),
        }
    }
}

/// Keeps a job and takes its locks, in the caller's transaction. [`kick`] it when that is committed.
///
/// # Errors
/// Another job holds one of the locks, or the database failed.
pub fn insert<K: Kind>(db: &mut Db, new: &NewJob, args: &K::Args, locks: &[ObjectId]) -> Result<JobId, EngineError> {
    if let Some((_, kind, subject)) = store::holder(db, locks)? {
        return Err(locked(K::KIND, &new.subject, Holder::Job { kind, subject }));
    }
    let row = NewJobRow {
        id: new.id,
        kind: K::KIND,
        version: K::VERSION,
        args: &kind::print::<K>(args)?,
        subject: &new.subject,
        owner: new.owner,
        correlation_id: &new.correlation_id,
        engine_id: &new.engine_id,
        now: new.now,
        lease_until: runner::lease(new.now),
    };
    let steps: Vec<&str> = K::Step::ALL.iter().map(|s| s.name()).collect();
    match store::insert(db, &row, &steps, locks) {
        Ok(()) => Ok(new.id),
        // Somebody else's transaction was faster by a hair; what it is called cannot be asked in this failed one.
        Err(QueryError::DatabaseError(DatabaseErrorKind::UniqueViolation, _)) => {
            Err(locked(K::KIND, &new.subject, Holder::AtTheSameMoment))
        }
        Err(error) => Err(error.into()),
    }
}

fn locked(wanted: JobKind, name: &str, job: Holder) -> EngineError {
    EngineError::Refused { what: Attempt::Job(wanted, name.to_owned()), because: Refusal::Locked { job } }
}

/// Starts working on a job that is committed.
pub fn kick(engine: &Arc<Engine>, job: JobId) {
    engine.changes.tell(Topic::Jobs, Some(job.0));
    runner::kick(engine, job);
}

/// [`kick`] as soon as the running write transaction is kept.
pub fn kick_after_commit(engine: &Arc<Engine>, job: JobId) {
    let (engine, runtime) = (engine.clone(), tokio::runtime::Handle::current());
    crate::db::after_commit(move || {
        let _inside = runtime.enter();
        kick(&engine, job);
    });
}

/// Waits until a job ended or is stuck.
///
/// # Errors
/// There is no such job, or the database failed.
pub async fn wait(engine: &Arc<Engine>, id: JobId) -> Result<JobView, EngineError> {
    let mut changes = engine.changes.listen();
    loop {
        let view = engine.db.read(move |db| one(db, Whose::Everybody, id)).await?;
        if view.status != JobStatus::Started {
            return Ok(view);
        }
        // A missed change only means to look again sooner; the time limit covers changes by other engines.
        let _ = tokio::time::timeout(std::time::Duration::from_secs(1), async {
            while let Ok(change) = changes.recv().await {
                if change.topic == Topic::Jobs {
                    break;
                }
            }
        })
        .await;
    }
}

fn whose(cx: &Cx) -> Whose {
    match cx.actor.view {
        View::Admin => Whose::Everybody,
        View::User => Whose::Only(cx.actor.user),
    }
}

fn one(db: &mut Db, whose: Whose, id: JobId) -> Result<JobView, EngineError> {
    let found = store::views(db, whose, Some(id))?.pop();
    found.ok_or(EngineError::NotFound { kind: "job", id: id.to_string() })
}

/// Running jobs and those that ended lately, newest first; users see their own.
///
/// # Errors
/// Refused, invalid, hidden, or the database failed.
pub async fn list(cx: &Cx) -> Result<Vec<JobView>, EngineError> {
    let whose = whose(cx);
    cx.engine.db.read(move |db| Ok(store::views(db, whose, None)?)).await
}

/// One job with its steps.
///
/// # Errors
/// Refused, invalid, hidden, or the database failed.
pub async fn get(cx: &Cx, id: JobId) -> Result<JobView, EngineError> {
    let whose = whose(cx);
    cx.engine.db.read(move |db| one(db, whose, id)).await
}

/// Tries a stuck job again.
///
/// # Errors
/// Refused, invalid, hidden, or the database failed.
pub async fn retry(cx: &Cx, id: JobId) -> Result<(), EngineError> {
    let (whose, engine_id) = (whose(cx), cx.engine.id.clone());
    let until = runner::lease(cx.engine.clock.now());
    cx.engine
        .db
        .write(move |db| {
            let view = one(db, whose, id)?;
            if store::retry(db, id, &engine_id, until)? {
                return Ok(());
            }
            let status = view.status;
            let job = Holder::Job { kind: view.kind, subject: view.subject };
            Err(EngineError::from(Conflict::NotStuck { job, status }))
        })
        .await?;
    kick(&cx.engine, id);
    Ok(())
}
