//! Roles: the predefined ones, and own ones.

mod change;
#[cfg(test)]
mod tests;

pub use change::{Edit, add, edit, remove, set_permit};

use crate::engine::{Cx, EngineError};
use crate::model::ids::RoleId;
use crate::model::role::RoleView;
use crate::store::roles as store;

/// All roles.
///
/// # Errors
/// The database failed.
pub async fn list(cx: &Cx) -> Result<Vec<RoleView>, EngineError> {
    cx.engine.db.read(|db| Ok(store::list(db)?)).await
}

/// One role.
///
/// # Errors
/// There is none, or the database failed.
pub async fn get(cx: &Cx, id: RoleId) -> Result<RoleView, EngineError> {
    let none = move || EngineError::NotFound { kind: "role", id: id.to_string() };
    cx.engine.db.read(move |db| store::get(db, id)?.ok_or_else(none)).await
}
