//! Looking at VMs.

use crate::engine::{Cx, EngineError};
use crate::model::ids::VmId;
use crate::model::page::{ListQuery, Page};
use crate::model::vm::{VmRow, VmView};
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

/// What its screen shows, as PNG.
///
/// # Errors
/// Refused, invalid, hidden, or the database failed.
pub async fn screenshot(_cx: &Cx, _id: VmId) -> Result<Bytes, EngineError> {
    Err(EngineError::Internal(String::new()))
}
