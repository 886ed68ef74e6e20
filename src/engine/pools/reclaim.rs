//! An administrator takes a VM back from who has it: its user simply gets another one the next time.

use super::give_back;
use crate::auth;
use crate::db::Db;
use crate::engine::jobs::{self, NewJob};
use crate::engine::vms::{state, stop};
use crate::engine::{Cx, Engine, EngineError};
use crate::model::conflict::{Attempt, Conflict};
use crate::model::event::{About, EventCode};
use crate::model::ids::{JobId, VmId};
use crate::model::job::JobKind;
use crate::model::role::Action;
use crate::model::vm::{Refusal, VmAction};
use crate::store::pools::{self, write as rows};
use crate::store::{permissions, vms::run::VmRun};
use std::sync::Arc;

/// Ends the assignment of a VM. It is powered off if it runs, and goes back as fresh as before.
///
/// # Errors
/// Nobody has it, its state does not allow it, or he may not edit the pool.
pub async fn reclaim(cx: &Cx, vm: VmId) -> Result<(), EngineError> {
    let inner = cx.clone();
    // One that is not shown to him is not there for him, whatever he may do to its pool.
    cx.engine.db.read(move |db| Ok::<_, EngineError>(auth::see(db, &inner.actor, vm.object())?)).await?;
    reclaim_for(cx, vm, Action::EditVmPoolConfiguration).await
}

/// The same by another permit on the pool.
///
/// # Errors
/// Nobody has it, its state does not allow it, or he lacks the permit.
pub(in crate::engine) async fn reclaim_for(cx: &Cx, vm: VmId, permit: Action) -> Result<(), EngineError> {
    let inner = cx.clone();
    let job = cx.engine.db.write(move |db| begin(&inner, db, vm, permit)).await?;
    match job {
        Some(job) => jobs::kick(&cx.engine, job),
        // Held by a task, it goes back with a later round.
        None => drop(give_back::give_back(&cx.engine, vm).await),
    }
    cx.engine.refill.sweep();
    cx.engine.reconcilers.wake("pools");
    cx.engine.consoles.recheck(&cx.engine).await
}

fn begin(cx: &Cx, db: &mut Db, vm: VmId, permit: Action) -> Result<Option<JobId>, EngineError> {
    let run = state::load(db, vm)?;
    let Some(member) = rows::membership(db, vm)? else {
        return Err(Conflict::NotInPool { vm: run.name }.into());
    };
    auth::check(db, &cx.actor, permit, member.pool.object())?;
    let holders = pools::holders(db, member.pool)?;
    let Some(holder) = holders.get(&vm) else {
        return Err(Conflict::NotTaken { vm: run.name, pool: member.pool_name }.into());
    };
    if let Some(permission) = member.permission {
        permissions::revoke(db, permission)?;
    }
    rows::end(db, vm)?;
    let about =
        About { vm: Some((vm, run.name.clone())), pool: Some((member.pool, member.pool_name)), ..About::default() };
    cx.tell(db, EventCode::PoolVmReclaimed, about, &holder.name)?;
    cx.engine.changed(super::topic(), Some(member.pool.0));
    super::touch(&cx.engine, member.pool);
    power_off(&cx.engine, db, &run, &NewJob::asked(cx, &run.name))
}

/// What runs is powered off; what is between two states, or on a host that does not answer, is looked at again when that is over.
pub(super) fn power_off(
    engine: &Arc<Engine>,
    db: &mut Db,
    run: &VmRun,
    new: &NewJob,
) -> Result<Option<JobId>, EngineError> {
    if !run.status.is_running() || !run.status.allows(VmAction::PowerOff) {
        return Ok(None);
    }
    match stop::begin(engine, db, run, new) {
        Ok(job) => Ok(Some(job)),
        Err(EngineError::Refused { what: Attempt::Job(JobKind::StopVm, _), because: Refusal::Locked { .. } }) => {
            Ok(None)
        }
        Err(error) => Err(error),
    }
}
