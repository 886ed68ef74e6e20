//! A student's VM that hangs is reset, or he gets a fresh one.

use super::admit_to;
use crate::engine::vms::reboot;
use crate::engine::{Cx, EngineError, pools};
use crate::model::ids::{JobId, PoolId, VmId};
use crate::model::role::Action;

/// Resets a student's VM as its button would: what it has not saved is lost.
///
/// # Errors
/// Refused, hidden, nobody has the VM, or its state does not allow it.
pub async fn reset(cx: &Cx, pool: PoolId, vm: VmId) -> Result<JobId, EngineError> {
    permitted(cx, pool, vm).await?;
    reboot::reset(cx, vm).await
}

/// Takes a student's VM back: the next that he takes is as fresh as the pool's are.
///
/// # Errors
/// Refused, hidden, nobody has the VM, or its state does not allow it.
pub async fn fresh(cx: &Cx, pool: PoolId, vm: VmId) -> Result<(), EngineError> {
    permitted(cx, pool, vm).await?;
    pools::reclaim_for(cx, vm, Action::ResetClass).await
}

async fn permitted(cx: &Cx, pool: PoolId, vm: VmId) -> Result<(), EngineError> {
    let inner = cx.clone();
    cx.engine.db.read(move |db| admit_to(&inner, db, pool, vm, Action::ResetClass).map(drop)).await
}
