//! Taking a VM: who asks gets one in one transaction; then it is made to run.

use super::{missing, reservations};
use crate::auth;
use crate::db::Db;
use crate::engine::jobs::{self, JobContext, Kind, NewJob, Next, Outcome, steps};
use crate::engine::quotas::Asker;
use crate::engine::vms::{start, state};
use crate::engine::{Created, Cx, Engine, EngineError};
use crate::model::conflict::Conflict;
use crate::model::event::{About, EventCode};
use crate::model::ids::{PermissionId, PoolId, UserId, VmId};
use crate::model::job::JobKind;
use crate::model::permission::ObjectKind;
use crate::model::pool::PoolKind;
use crate::model::role::{Action, USER_ROLE};
use crate::model::vm::VmStatus;
use crate::store::permissions;
use crate::store::pools;
use crate::store::pools::take::{self as taking, Candidate};
use crate::store::pools::write::{self as rows, PoolConfig};
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

/// So many VMs are tried before a start is given up: one may have a broken disk.
const TRIED: u32 = 5;

/// Gives the actor a VM of the pool, running: a prestarted one, else one that is being started, else a fresh one is started.
///
/// # Errors
/// None is free, he has his share already, no host can run it, or he may not.
pub async fn take(cx: &Cx, id: PoolId) -> Result<Created<VmId>, EngineError> {
    let inner = cx.clone();
    let created = cx.engine.db.write(move |db| begin(&inner, db, id)).await?;
    jobs::kick(&cx.engine, created.job);
    Ok(created)
}

/// Takes a VM, or sends who has his share already to one that he has: of several to one that he does not use just now, which is
/// started.
///
/// # Errors
/// As [`take`].
pub async fn take_or_go_on(cx: &Cx, id: PoolId) -> Result<VmId, EngineError> {
    let share = match take(cx, id).await {
        Err(error @ EngineError::Conflict(Conflict::PoolShare { .. })) => error,
        other => return other.map(|taken| taken.id),
    };
    let user = cx.actor.user;
    let his = cx.engine.db.read(move |db| Ok::<_, EngineError>(taking::held(db, id, user)?)).await?;
    let usable = his.iter().filter(|vm| vm.status != VmStatus::Unknown);
    let Some(vm) = usable.min_by_key(|vm| vm.status != VmStatus::Down) else { return Err(share) };
    if vm.status == VmStatus::Down {
        start::start(cx, vm.vm).await?;
    }
    Ok(vm.vm)
}

fn begin(cx: &Cx, db: &mut Db, id: PoolId) -> Result<Created<VmId>, EngineError> {
    auth::check(db, &cx.actor, Action::VmPoolBasicOperations, id.object())?;
    if !rows::queue_up(db, id)? {
        return Err(missing(id));
    }
    let pool = rows::config(db, id)?.ok_or_else(|| missing(id))?;
    let (engine, user, now) = (&cx.engine, cx.actor.user, cx.engine.clock.now());
    reservations::check(db, &cx.actor, &pool, now)?;
    let mine = his_share(cx, db, &pool)?;
    if mine >= pool.max_user_vms {
        return Err(Conflict::PoolShare { pool: pool.name, mine, most: pool.max_user_vms }.into());
    }
    let (chosen, start) = choose(cx, db, &pool)?;
    Asker::of(cx).given(db, chosen.vm, user)?;
    let permission = permissions::grant(db, USER_ROLE, user.into(), ObjectKind::Vm, chosen.vm.object(), now)?;
    rows::assign(db, chosen.vm, id, user, permission, now)?;
    let args = Args { vm: chosen.vm, vm_name: chosen.name, pool: id, pool_name: pool.name.clone(), permission, start };
    engine.changed(super::topic(), Some(id.0));
    engine.changed(crate::engine::changes::Topic::Object(ObjectKind::Vm), Some(chosen.vm.0));
    super::touch(engine, id);
    // One that is being started ahead is its start's until it runs; there is nothing else to do to it.
    let locks = if chosen.held { Vec::new() } else { vec![chosen.vm.object()] };
    let job = jobs::insert::<TakeFromPool>(db, &NewJob::asked(cx, &pool.name), &args, &locks)?;
    Ok(Created { id: chosen.vm, job })
}

/// How many VMs he has that count. One whose host does not answer does not: he gets another one. In an automatic pool it is not his
/// any more, and goes back when its host is there again; in a manual pool it stays his, for what he did is in it.
fn his_share(cx: &Cx, db: &mut Db, pool: &PoolConfig) -> Result<u32, EngineError> {
    let his = taking::held(db, pool.id, cx.actor.user)?;
    let (lost, good): (Vec<_>, Vec<_>) = his.into_iter().partition(|vm| vm.status == VmStatus::Unknown);
    for vm in lost.into_iter().filter(|_| pool.kind == PoolKind::Automatic) {
        permissions::revoke(db, vm.permission)?;
        rows::end(db, vm.vm)?;
        let about = About { vm: Some((vm.vm, vm.name)), pool: Some((pool.id, pool.name.clone())), ..About::default() };
        cx.tell(db, EventCode::PoolVmLost, about, "")?;
    }
    Ok(u32::try_from(good.len()).unwrap_or(u32::MAX))
}

/// The VM he waits least for, and how it is started if it does not run.
fn choose(cx: &Cx, db: &mut Db, pool: &PoolConfig) -> Result<(Candidate, Option<start::Args>), EngineError> {
    let mut why = None;
    for one in taking::candidates(db, pool.id, TRIED)? {
        if one.status != VmStatus::Down {
            return Ok((one, None));
        }
        let run = state::load(db, one.vm)?;
        match start::reserve(Asker::of(cx), db, &run) {
            Ok(args) => return Ok((one, Some(args))),
            // Another one may have what this one lacks.
            Err(refused @ EngineError::Refused { .. }) => why = why.or(Some(refused)),
            Err(error) => return Err(error),
        }
    }
    match why {
        Some(refused) => Err(refused),
        None => Err(none_free(db, pool)?),
    }
}

fn none_free(db: &mut Db, pool: &PoolConfig) -> Result<EngineError, EngineError> {
    let taken = pools::get(db, pool.id, UserId::fixed(0))?.map_or(0, |view| view.assigned);
    Ok(Conflict::PoolEmpty { pool: pool.name.clone(), taken, size: pool.size }.into())
}

impl Kind for TakeFromPool {
    const KIND: JobKind = JobKind::TakeFromPool;
    type Args = Args;
    type Step = Step;

    async fn run(engine: &Arc<Engine>, _: &JobContext, args: &mut Args, step: Step) -> Result<Next, EngineError> {
        let Some(start) = &mut args.start else { return Ok(Next::Done) };
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
