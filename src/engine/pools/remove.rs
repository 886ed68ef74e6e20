//! Removing a pool with its VMs.

use super::going::{self, Going};
use super::missing;
use crate::auth;
use crate::db::Db;
use crate::engine::jobs::{self, JobContext, Kind, NewJob, Next, Outcome, steps};
use crate::engine::{Cx, Engine, EngineError};
use crate::model::conflict::Conflict;
use crate::model::event::{About, EventCode};
use crate::model::ids::{JobId, PoolId};
use crate::model::job::JobKind;
use crate::model::role::Action;
use crate::model::vm::VmStatus;
use crate::store::pools::write::{self as rows, Member};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// What the job knows.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(in crate::engine) struct Args {
    pool: PoolId,
    name: String,
    vms: Vec<Going>,
}

steps! { Step { Stop = "stop", ForgetDomain = "forget_domain", RemoveImages = "remove_images", } }

/// The job.
pub(in crate::engine) struct RemovePool;

/// Removes a pool with its VMs; none may be taken. Those that run without a user are powered off.
///
/// # Errors
/// Names the VMs that are in use.
pub async fn remove(cx: &Cx, id: PoolId) -> Result<JobId, EngineError> {
    let inner = cx.clone();
    let job = cx.engine.db.write(move |db| begin(&inner, db, id)).await?;
    jobs::kick(&cx.engine, job);
    Ok(job)
}

fn begin(cx: &Cx, db: &mut Db, id: PoolId) -> Result<JobId, EngineError> {
    auth::check(db, &cx.actor, Action::DeleteVmPool, id.object())?;
    // Who takes a VM at this moment comes before or after, not between.
    if !rows::queue_up(db, id)? {
        return Err(missing(id));
    }
    let pool = rows::config(db, id)?.ok_or_else(|| missing(id))?;
    let members = rows::members(db, id)?;
    let idle =
        |m: &Member| m.taken_by.is_none() && matches!(m.status, VmStatus::Down | VmStatus::Up | VmStatus::PoweringUp);
    let busy: Vec<&str> = members.iter().filter(|m| !idle(m)).map(|m| m.name.as_str()).take(10).collect();
    if !busy.is_empty() {
        return Err(Conflict::PoolBusy { pool: pool.name, vms: busy.join(", ") }.into());
    }
    let vms = going::plan(&cx.engine, db, id, &members, true)?;
    let locks = going::locks(id, &vms);
    let args = Args { pool: id, name: pool.name.clone(), vms };
    jobs::insert::<RemovePool>(db, &NewJob::asked(cx, &pool.name), &args, &locks)
}

impl Kind for RemovePool {
    const KIND: JobKind = JobKind::RemovePool;
    const VERSION: i32 = 2;
    type Args = Args;
    type Step = Step;

    async fn run(engine: &Arc<Engine>, cx: &JobContext, args: &mut Args, step: Step) -> Result<Next, EngineError> {
        match step {
            Step::Stop => going::power_off(engine, &args.vms).await,
            Step::ForgetDomain => going::forget_domains(engine, cx, &args.vms).await,
            Step::RemoveImages => going::remove_images(engine, cx, &args.vms).await,
        }
    }

    /// What is removed stays removed; the pool can be removed again.
    async fn undo(_: &Arc<Engine>, _: &JobContext, _: &mut Args, _: Step) -> Result<(), EngineError> {
        Ok(())
    }

    fn ended(
        engine: &Arc<Engine>,
        cx: &JobContext,
        db: &mut Db,
        args: &Args,
        outcome: Outcome<'_>,
    ) -> Result<(), EngineError> {
        engine.changed(super::topic(), Some(args.pool.0));
        let about = About { pool: Some((args.pool, args.name.clone())), ..About::default() };
        match outcome {
            Outcome::Finished => {
                going::forget_rows(db, &args.vms)?;
                rows::remove(db, args.pool)?;
                cx.tell(engine, db, EventCode::UserRemovePool, about, "")
            }
            Outcome::Failed(why) => cx.tell(engine, db, EventCode::RemovePoolFailed, about, why),
        }
    }
}
