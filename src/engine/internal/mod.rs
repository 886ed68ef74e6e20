//! The internal domain, as ovirt-aaa-jdbc-tool managed it: accounts, passwords, groups, settings.

pub mod accounts;
pub mod groups;
pub mod passwords;
pub mod settings;
#[cfg(test)]
mod tests;

use crate::auth;
use crate::db::Db;
use crate::engine::{Cx, EngineError};
use crate::model::ids::SYSTEM;
use crate::model::role::Action;

/// Who may manage users and groups.
pub(in crate::engine) fn may(cx: &Cx, db: &mut Db) -> Result<(), EngineError> {
    Ok(auth::check(db, &cx.actor, Action::ManipulateUsers, SYSTEM)?)
}
