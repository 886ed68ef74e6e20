//! Pools: VMs that users take and give back.

use crate::engine::{Created, Cx, Engine, EngineError};
use crate::model::ids::{JobId, PoolId, VmId};
use crate::model::page::{ListQuery, Page};
use crate::model::pool::{NewPool, PoolView};
use crate::model::vm::VmRow;
use std::sync::Arc;

/// The pools the actor may see.
///
/// # Errors
/// Refused, invalid, hidden, or the database failed.
pub async fn list(_cx: &Cx, _query: &ListQuery) -> Result<Page<PoolView>, EngineError> {
    Err(EngineError::Internal(String::new()))
}

/// One pool.
///
/// # Errors
/// Refused, invalid, hidden, or the database failed.
pub async fn get(_cx: &Cx, _id: PoolId) -> Result<PoolView, EngineError> {
    Err(EngineError::Internal(String::new()))
}

/// A pool's VMs that the actor may see.
///
/// # Errors
/// Refused, invalid, hidden, or the database failed.
pub async fn vms(_cx: &Cx, _id: PoolId) -> Result<Vec<VmRow>, EngineError> {
    Err(EngineError::Internal(String::new()))
}

/// Makes a pool with its VMs.
///
/// # Errors
/// Refused, invalid, hidden, or the database failed.
pub async fn create(_cx: &Cx, _new: NewPool) -> Result<Created<PoolId>, EngineError> {
    Err(EngineError::Internal(String::new()))
}

/// Removes a pool with its VMs; none may be taken or run.
///
/// # Errors
/// Refused, invalid, hidden, or the database failed.
pub async fn remove(_cx: &Cx, _id: PoolId) -> Result<JobId, EngineError> {
    Err(EngineError::Internal(String::new()))
}

/// Gives the actor a VM of the pool, running: a prestarted one, else a fresh one is started.
///
/// # Errors
/// Refused, invalid, hidden, or the database failed.
pub async fn take(_cx: &Cx, _id: PoolId) -> Result<Created<VmId>, EngineError> {
    Err(EngineError::Internal(String::new()))
}

/// A pool's VM came down: it goes back as fresh as before.
pub(in crate::engine) async fn vm_stopped(_engine: &Arc<Engine>, _vm: VmId) {}

/// Keeps the wanted number of untaken VMs running.
///
/// # Errors
/// The database failed.
pub(in crate::engine) async fn prestart(_engine: &Arc<Engine>) -> Result<(), EngineError> {
    Ok(())
}
