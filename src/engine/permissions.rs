//! Permissions and roles: who has which role on what.

use crate::engine::{Cx, EngineError};
use crate::model::ids::{ObjectId, PermissionId, PrincipalId, RoleId};
use crate::model::permission::{ObjectKind, PermissionView};
use crate::model::role::RoleView;

/// All roles.
///
/// # Errors
/// Refused, invalid, hidden, or the database failed.
pub async fn roles(_cx: &Cx) -> Result<Vec<RoleView>, EngineError> {
    Err(EngineError::Internal(String::new()))
}

/// Permissions on an object and, marked as inherited, on its ancestors.
///
/// # Errors
/// Refused, invalid, hidden, or the database failed.
pub async fn on(_cx: &Cx, _object: ObjectId) -> Result<Vec<PermissionView>, EngineError> {
    Err(EngineError::Internal(String::new()))
}

/// Permissions a user or group holds.
///
/// # Errors
/// Refused, invalid, hidden, or the database failed.
pub async fn of(_cx: &Cx, _principal: PrincipalId) -> Result<Vec<PermissionView>, EngineError> {
    Err(EngineError::Internal(String::new()))
}

/// Gives a role. Admin roles: only by a SuperUser on the system.
///
/// # Errors
/// Refused, invalid, hidden, or the database failed.
pub async fn grant(
    _cx: &Cx,
    _role: RoleId,
    _principal: PrincipalId,
    _kind: ObjectKind,
    _object: ObjectId,
) -> Result<PermissionId, EngineError> {
    Err(EngineError::Internal(String::new()))
}

/// Takes a permission away; consoles that hung on it close.
///
/// # Errors
/// Refused, invalid, hidden, or the database failed.
pub async fn revoke(_cx: &Cx, _id: PermissionId) -> Result<(), EngineError> {
    Err(EngineError::Internal(String::new()))
}
