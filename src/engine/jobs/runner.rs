//! Runs jobs: forward step by step, and backward over what was begun when a step fails.
//!
//! What is done next is read from the database alone, so a job goes on after a crash as if nothing had happened: a step that was
//! begun is run again, a job that was being undone goes on being undone.

use super::faults::Faults;
use super::kind::{AnyKind, JobContext, Next, Outcome};
use super::registry;
use crate::db::Db;
use crate::engine::changes::Topic;
use crate::engine::{Engine, EngineError};
use crate::model::clock::Timestamp;
use crate::model::event::{About, EventCode};
use crate::model::ids::JobId;
use crate::model::job::{JobStatus, StepStatus};
use crate::store::jobs::{self as store, JobRow};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::task::AbortHandle;
use tracing::Instrument as _;

/// How long an engine that says nothing keeps its jobs.
const LEASE: time::Duration = time::Duration::seconds(30);

/// The jobs this engine works on now.
#[derive(Debug)]
pub struct Jobs {
    running: Mutex<HashMap<JobId, AbortHandle>>,
    pub(super) faults: Faults,
}

impl Default for Jobs {
    fn default() -> Self {
        Self { running: Mutex::default(), faults: Faults::from_environment() }
    }
}

impl Jobs {
    fn running(&self) -> MutexGuard<'_, HashMap<JobId, AbortHandle>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Leaves all jobs where they are.
    pub(in crate::engine) fn stop(&self) {
        self.running().values().for_each(AbortHandle::abort);
    }
}

/// Until when a lease taken now holds.
pub(super) fn lease(now: Timestamp) -> Timestamp {
    now.saturating_add(LEASE)
}

/// Works on a job unless somebody here does already.
pub(super) fn kick(engine: &Arc<Engine>, job: JobId) {
    let mut running = engine.jobs.running();
    if running.contains_key(&job) {
        return;
    }
    let inner = engine.clone();
    let task = tokio::spawn(async move {
        let _running = Running { engine: inner.clone(), job };
        if let Err(error) = drive(&inner, job).await {
            tracing::error!(%job, %error, "a task stopped; it goes on with the next round");
        }
    });
    running.insert(job, task.abort_handle());
}

/// Takes the job off the list even if its step panicked.
struct Running {
    engine: Arc<Engine>,
    job: JobId,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.engine.jobs.running().remove(&self.job);
    }
}

/// Keeps the lease of this engine's jobs, takes over what another engine left, and works on whatever lies idle.
pub(in crate::engine) async fn resume_all(engine: &Arc<Engine>) -> Result<(), EngineError> {
    let (id, now) = (engine.id.clone(), engine.clock.now());
    let idle = engine.db.read({
        let id = id.clone();
        move |db| Ok::<_, EngineError>(store::unfinished(db, &id)?)
    });
    let none_of_mine = idle.await?.is_empty();
    let until = lease(now);
    let all = engine
        .db
        .write(move |db| {
            if !none_of_mine {
                store::renew(db, &id, until)?;
            }
            store::take_over(db, &id, now, until)?;
            Ok::<_, EngineError>(store::unfinished(db, &id)?)
        })
        .await?;
    all.into_iter().for_each(|job| kick(engine, job));
    Ok(())
}

/// One job on its way.
struct Drive<'a> {
    engine: &'a Arc<Engine>,
    row: JobRow,
    kind: &'static dyn AnyKind,
    cx: JobContext,
    args: String,
}

async fn drive(engine: &Arc<Engine>, job: JobId) -> Result<(), EngineError> {
    let found = engine.db.read(move |db| Ok::<_, EngineError>(store::load(db, job)?)).await?;
    let Some(row) = found.filter(|row| row.status == JobStatus::Started) else {
        return Ok(());
    };
    let kind = Some(registry::find(row.kind)).filter(|kind| kind.version() == row.version).ok_or_else(|| {
        EngineError::Internal(format!("this program does not know {} tasks of version {}", row.kind, row.version))
    })?;
    let cx = JobContext {
        job,
        subject: row.subject.clone(),
        owner: row.owner,
        owner_name: row.owner_name.clone(),
        correlation_id: row.correlation_id.clone(),
        step: 0,
    };
    let span = tracing::info_span!("job", %job, kind = %row.kind, correlation_id = %row.correlation_id);
    let args = row.args.clone();
    let mut drive = Drive { engine, row, kind, cx, args };
    async move {
        if !drive.row.undoing && drive.forward().await? {
            return Ok(());
        }
        drive.back().await
    }
    .instrument(span)
    .await
}

impl Drive<'_> {
    /// Does all steps that are not done. False: one failed, and all must be undone.
    async fn forward(&mut self) -> Result<bool, EngineError> {
        for number in 0..self.row.steps.len() {
            if self.row.steps[number].1 == StepStatus::Finished {
                continue;
            }
            self.cx.step = number;
            self.mark(number, StepStatus::Started).await?;
            self.pause(number, "before").await;
            match self.do_step(number).await {
                Ok(()) => {
                    self.pause(number, "after").await;
                    self.mark(number, StepStatus::Finished).await?;
                }
                Err(error) => {
                    self.turn_back(number, &error).await?;
                    return Ok(false);
                }
            }
        }
        self.end(JobStatus::Finished).await?;
        Ok(true)
    }

    async fn do_step(&mut self, number: usize) -> Result<(), EngineError> {
        for _ in 0..self.engine.jobs.faults.runs() {
            self.patiently().await?;
        }
        self.engine.jobs.faults.fail(self.row.kind, &self.row.steps[number].0)
    }

    /// Runs the present step until it is done. A host that is away for a moment is waited for.
    async fn patiently(&mut self) -> Result<(), EngineError> {
        let begun = tokio::time::Instant::now();
        loop {
            let before = self.args.clone();
            match self.kind.run(self.engine, &self.cx, &mut self.args).await {
                Ok(Next::Done) => return Ok(()),
                Ok(Next::Again(after)) => {
                    if self.args != before {
                        self.keep_args().await?;
                    }
                    tokio::time::sleep(after).await;
                }
                Err(EngineError::Unavailable(why)) if begun.elapsed() < self.engine.timing.patience => {
                    tracing::info!(%why, "a step waits for its host");
                    tokio::time::sleep(Duration::from_secs(1)).await;
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Undoes what was begun, last step first, and ends the job as failed.
    async fn back(&mut self) -> Result<(), EngineError> {
        for number in (0..self.row.steps.len()).rev() {
            if matches!(self.row.steps[number].1, StepStatus::Pending | StepStatus::Undone) {
                continue;
            }
            self.cx.step = number;
            let begun = tokio::time::Instant::now();
            loop {
                match self.kind.undo(self.engine, &self.cx, &mut self.args).await {
                    Ok(()) => break,
                    Err(EngineError::Unavailable(why)) if begun.elapsed() < self.engine.timing.patience => {
                        tracing::info!(%why, "undoing waits for its host");
                        tokio::time::sleep(Duration::from_secs(1)).await;
                    }
                    Err(error) => return self.stuck(number, &error).await,
                }
            }
            self.mark(number, StepStatus::Undone).await?;
        }
        self.end(JobStatus::Failed).await
    }

    async fn pause(&self, number: usize, moment: &str) {
        self.engine.jobs.faults.pause(self.row.kind, &self.row.steps[number].0, moment).await;
    }

    /// A write that only the job's owner may do.
    async fn own(
        &self,
        work: impl FnOnce(&mut Db, &str) -> Result<bool, EngineError> + Send + 'static,
    ) -> Result<(), EngineError> {
        let id = self.engine.id.clone();
        let mine = self.engine.db.write(move |db| work(db, &id)).await?;
        self.engine.changes.tell(Topic::Jobs, Some(self.cx.job.0));
        if mine { Ok(()) } else { Err(EngineError::Internal("another engine works on it".to_owned())) }
    }

    async fn mark(&mut self, number: usize, status: StepStatus) -> Result<(), EngineError> {
        let (job, args) = (self.cx.job, self.args.clone());
        self.own(move |db, engine| {
            Ok(store::set_step(db, job, engine, number, status)?
                && (status == StepStatus::Started || store::set_args(db, job, engine, &args)?))
        })
        .await?;
        self.row.steps[number].1 = status;
        Ok(())
    }

    async fn keep_args(&self) -> Result<(), EngineError> {
        let (job, args) = (self.cx.job, self.args.clone());
        self.own(move |db, engine| Ok(store::set_args(db, job, engine, &args)?)).await
    }

    async fn turn_back(&mut self, number: usize, error: &EngineError) -> Result<(), EngineError> {
        tracing::warn!(%error, step = %self.row.steps[number].0, "a task failed and is undone");
        let (job, args, error) = (self.cx.job, self.args.clone(), error.to_string());
        self.row.error.clone_from(&error);
        self.own(move |db, engine| {
            Ok(store::set_step(db, job, engine, number, StepStatus::Failed)?
                && store::set_args(db, job, engine, &args)?
                && store::set_undoing(db, job, engine, &error)?)
        })
        .await?;
        self.row.steps[number].1 = StepStatus::Failed;
        Ok(())
    }

    async fn stuck(&mut self, number: usize, error: &EngineError) -> Result<(), EngineError> {
        let what = format!("{} {}", self.row.kind.in_words(), self.cx.subject);
        let detail = format!("{what}, step {}: {error}", self.row.steps[number].0);
        tracing::error!(detail, "a task is stuck");
        let (engine, cx, error) =
            (self.engine.clone(), self.cx.clone(), format!("{} (undoing: {error})", self.row.error));
        self.own(move |db, id| {
            let mine = store::set_stuck(db, cx.job, id, &error)?;
            cx.tell(&engine, db, EventCode::JobStuck, About::default(), &detail)?;
            Ok(mine)
        })
        .await
    }

    async fn end(&mut self, status: JobStatus) -> Result<(), EngineError> {
        let (engine, cx, kind, args) = (self.engine.clone(), self.cx.clone(), self.kind, self.args.clone());
        let (error, now) = (self.row.error.clone(), self.engine.clock.now());
        self.own(move |db, id| {
            if !store::end(db, cx.job, id, status, now)? {
                return Ok(false);
            }
            let outcome = if status == JobStatus::Finished { Outcome::Finished } else { Outcome::Failed(&error) };
            kind.ended(&engine, &cx, db, &args, outcome)?;
            Ok(true)
        })
        .await?;
        self.engine.changes.tell(Topic::Jobs, None);
        Ok(())
    }
}
