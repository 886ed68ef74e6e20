//! Taking a VM: who asks gets one in one transaction; then it is made to run.

use crate::auth;
use crate::db::Db;
use crate::engine::jobs::{self, JobContext, Kind, NewJob, Next, Outcome, steps};
use crate::engine::vms::{start, state};
use crate::engine::{Created, Cx, Engine, EngineError};
use crate::model::conflict::Conflict;
use crate::model::event::{About, EventCode};
use crate::model::ids::{PermissionId, PoolId, VmId};
use crate::model::job::JobKind;
use crate::model::permission::ObjectKind;
use crate::model::pool::PoolView;
use crate::model::role::{Action, USER_ROLE};
use crate::model::vm::VmStatus;
use crate::store::permissions;
use crate::store::pools::{self, write as rows};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// What the job knows.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(in crate::engine) struct Args {
    vm: VmId,
    vm_name: String,
    pool: PoolId,
    pool_name: String,
    permission: PermissionId,
    /// None: it runs already.
    start: Option<start::Args>,
}

steps! { Step { Prepare = "prepare", Launch = "launch", Confirm = "confirm", } }

/// The job.
pub(in crate::engine) struct TakeFromPool;

/// Gives the actor a VM of the pool, running: a prestarted one, else a fresh one is started.
///
/// # Errors
/// None is free, he has his share already, no host can run it, or he may not.
pub async fn take(cx: &Cx, id: PoolId) -> Result<Created<VmId>, EngineError> {
    let inner = cx.clone();
    let created = cx.engine.db.write(move |db| begin(&inner, db, id)).await?;
    jobs::kick(&cx.engine, created.job);
    Ok(created)
}

fn begin(cx: &Cx, db: &mut Db, id: PoolId) -> Result<Created<VmId>, EngineError> {
    auth::check(db, &cx.actor, Action::VmPoolBasicOperations, id.object())?;
    let missing = || EngineError::NotFound { kind: "pool", id: id.to_string() };
    if !rows::queue_up(db, id)? {
        return Err(missing());
    }
    let pool = pools::get(db, id, cx.actor.user)?.ok_or_else(missing)?;
    if pool.mine >= pool.max_user_vms {
        return Err(Conflict::PoolShare { pool: pool.name, mine: pool.mine, most: pool.max_user_vms }.into());
    }
    let members = rows::members(db, id)?;
    let free = |status: VmStatus| members.iter().find(|m| m.taken_by.is_none() && !m.locked && m.status == status);
    let chosen = free(VmStatus::Up).or_else(|| free(VmStatus::Down)).ok_or_else(|| none_free(&pool))?;
    let (engine, user, now) = (&cx.engine, cx.actor.user, cx.engine.clock.now());
    let permission = permissions::grant(db, USER_ROLE, user.into(), ObjectKind::Vm, chosen.vm.object(), now)?;
    rows::assign(db, chosen.vm, id, user, permission, now)?;
    let start = match chosen.status {
        VmStatus::Down => {
            let run = state::load(db, chosen.vm)?;
            Some(start::reserve(engine, db, &run)?)
        }
        _ => None,
    };
    let args =
        Args { vm: chosen.vm, vm_name: chosen.name.clone(), pool: id, pool_name: pool.name.clone(), permission, start };
    engine.changed(super::topic(), Some(id.0));
    engine.changed(crate::engine::changes::Topic::Object(ObjectKind::Vm), Some(chosen.vm.0));
    let job = jobs::insert::<TakeFromPool>(db, &NewJob::asked(cx, &pool.name), &args, &[chosen.vm.object()])?;
    Ok(Created { id: chosen.vm, job })
}

fn none_free(pool: &PoolView) -> EngineError {
    Conflict::PoolEmpty { pool: pool.name.clone(), taken: pool.assigned, size: pool.size }.into()
}

impl Kind for TakeFromPool {
    const KIND: JobKind = JobKind::TakeFromPool;
    type Args = Args;
    type Step = Step;

    async fn run(engine: &Arc<Engine>, _: &JobContext, args: &mut Args, step: Step) -> Result<Next, EngineError> {
        let Some(start) = &args.start else { return Ok(Next::Done) };
        match step {
            Step::Prepare => start::prepare(engine, start).await,
            Step::Launch => start::launch(engine, start).await,
            Step::Confirm => start::confirm(engine, start).await,
        }
    }

    async fn undo(engine: &Arc<Engine>, _: &JobContext, args: &mut Args, step: Step) -> Result<(), EngineError> {
        let Some(start) = &mut args.start else { return Ok(()) };
        match step {
            Step::Prepare => start::undo_prepare(engine, start).await,
            Step::Launch => start::undo_launch(engine, start).await,
            Step::Confirm => Ok(()),
        }
    }

    fn ended(
        engine: &Arc<Engine>,
        cx: &JobContext,
        db: &mut Db,
        args: &Args,
        outcome: Outcome<'_>,
    ) -> Result<(), EngineError> {
        let about = About {
            vm: Some((args.vm, args.vm_name.clone())),
            pool: Some((args.pool, args.pool_name.clone())),
            ..About::default()
        };
        engine.changed(super::topic(), Some(args.pool.0));
        match outcome {
            Outcome::Finished => cx.tell(engine, db, EventCode::TakeFromPool, about, ""),
            Outcome::Failed(why) => {
                permissions::revoke(db, args.permission)?;
                rows::release(db, args.vm)?;
                if let Some(start) = &args.start {
                    start::give_up(engine, db, start, why)?;
                }
                cx.tell(engine, db, EventCode::TakeFromPoolFailed, about, why)
            }
        }
    }
}
