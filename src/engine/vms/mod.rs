//! Virtual machines.

pub mod console;

use crate::engine::{Created, Cx, EngineError};
use crate::model::ids::{DiskId, JobId, VmId};
use crate::model::page::{ListQuery, Page};
use crate::model::vm::{NewVm, VmRow, VmUpdate, VmView};
use bytes::Bytes;

/// The VMs the actor may see.
///
/// # Errors
/// Refused, invalid, hidden, or the database failed.
pub async fn list(_cx: &Cx, _query: &ListQuery) -> Result<Page<VmRow>, EngineError> {
    Err(EngineError::Internal(String::new()))
}

/// One VM with all its details.
///
/// # Errors
/// Refused, invalid, hidden, or the database failed.
pub async fn get(_cx: &Cx, _id: VmId) -> Result<VmView, EngineError> {
    Err(EngineError::Internal(String::new()))
}

/// Makes a VM from a template (or Blank).
///
/// # Errors
/// Refused, invalid, hidden, or the database failed.
pub async fn create(_cx: &Cx, _new: NewVm) -> Result<Created<VmId>, EngineError> {
    Err(EngineError::Internal(String::new()))
}

/// Changes a VM; a running VM takes size and boot order at its next start.
///
/// # Errors
/// Refused, invalid, hidden, or the database failed.
pub async fn update(_cx: &Cx, _id: VmId, _change: VmUpdate) -> Result<(), EngineError> {
    Err(EngineError::Internal(String::new()))
}

/// Removes a VM with its disks; `keep_disks` leaves them unattached.
///
/// # Errors
/// Refused, invalid, hidden, or the database failed.
pub async fn remove(_cx: &Cx, _id: VmId, _keep_disks: bool) -> Result<JobId, EngineError> {
    Err(EngineError::Internal(String::new()))
}

/// Runs it: down starts, suspended restores, paused goes on.
///
/// # Errors
/// Refused, invalid, hidden, or the database failed.
pub async fn start(_cx: &Cx, _id: VmId) -> Result<JobId, EngineError> {
    Err(EngineError::Internal(String::new()))
}

/// Pulls the plug.
///
/// # Errors
/// Refused, invalid, hidden, or the database failed.
pub async fn stop(_cx: &Cx, _id: VmId) -> Result<JobId, EngineError> {
    Err(EngineError::Internal(String::new()))
}

/// Asks the guest to shut down.
///
/// # Errors
/// Refused, invalid, hidden, or the database failed.
pub async fn shutdown(_cx: &Cx, _id: VmId) -> Result<JobId, EngineError> {
    Err(EngineError::Internal(String::new()))
}

/// Asks the guest to reboot.
///
/// # Errors
/// Refused, invalid, hidden, or the database failed.
pub async fn reboot(_cx: &Cx, _id: VmId) -> Result<JobId, EngineError> {
    Err(EngineError::Internal(String::new()))
}

/// Saves its memory to disk and stops it.
///
/// # Errors
/// Refused, invalid, hidden, or the database failed.
pub async fn suspend(_cx: &Cx, _id: VmId) -> Result<JobId, EngineError> {
    Err(EngineError::Internal(String::new()))
}

/// Puts another medium into the drive of a VM, now and for later starts; none ejects.
///
/// # Errors
/// Refused, invalid, hidden, or the database failed.
pub async fn change_cd(_cx: &Cx, _id: VmId, _cd: Option<DiskId>) -> Result<(), EngineError> {
    Err(EngineError::Internal(String::new()))
}

/// What its screen shows, as PNG.
///
/// # Errors
/// Refused, invalid, hidden, or the database failed.
pub async fn screenshot(_cx: &Cx, _id: VmId) -> Result<Bytes, EngineError> {
    Err(EngineError::Internal(String::new()))
}
