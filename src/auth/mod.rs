//! Who may: sign-in, sessions, permissions.
//!
//! Two functions decide everything: [`check`] at the entry of every command, [`visible`] for every list.

pub mod error;
pub mod factor;
pub mod guesses;
pub mod hash;
pub mod passkey;
pub mod password;
pub mod session;
pub mod sign_in;
pub mod ticket;
mod turns;
pub mod vault;
pub mod waiting;

pub use error::AuthError;

use crate::db::Db;
use crate::model::ids::{ObjectId, PrincipalId, SYSTEM, SessionId, UserId};
use crate::model::role::{Action, Actions};
use crate::store::scope::{self, Roles, Scope};
use crate::store::{ancestors, permissions};
use std::collections::HashMap;

/// Which of oVirt's two views a request has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum View {
    /// Admin Portal, unfiltered API: what admin roles reach.
    Admin,
    /// User Portal, API with `Filter: true`: what user roles reach.
    User,
}

/// Who asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Actor {
    pub user: UserId,
    /// `admin@internal`
    pub name: String,
    /// The user, his groups, Everyone.
    pub principals: Vec<PrincipalId>,
    pub session: Option<SessionId>,
    /// Holds an admin role somewhere, so may enter the Admin Portal.
    pub is_admin: bool,
    pub view: View,
    /// Holds the data folder, so may everything: the command line on the engine's machine.
    pub is_root: bool,
}

impl Actor {
    /// Who runs a command on the engine's machine. Nothing the portals can do locks him out.
    pub fn root() -> Self {
        Self {
            user: UserId::fixed(0),
            name: "root@cli".to_owned(),
            principals: Vec::new(),
            session: None,
            is_admin: true,
            view: View::Admin,
            is_root: true,
        }
    }
}

/// May `actor` do `action` to `object`? A role on the object or any ancestor must allow it.
///
/// # Errors
/// [`AuthError::Hidden`] (404) if he cannot even see the object, [`AuthError::Forbidden`] (403) if he can.
pub fn check(db: &mut Db, actor: &Actor, action: Action, object: ObjectId) -> Result<(), AuthError> {
    if actor.is_root || permissions::allows(db, &actor.principals, action, object)? {
        return Ok(());
    }
    // One who administers everything hears 404 for what is not there, too.
    let reach = scope::of(db, &actor.principals, Roles::Both)?;
    // That there is a system is no secret.
    if object == SYSTEM || (ancestors::exists(db, object)? && scope::contains(db, &reach, object)?) {
        return Err(AuthError::Forbidden { user: actor.name.clone(), action, object });
    }
    Err(AuthError::Hidden { object })
}

/// May `actor` see `object` in his view?
///
/// # Errors
/// [`AuthError::Hidden`] if not.
pub fn see(db: &mut Db, actor: &Actor, object: ObjectId) -> Result<(), AuthError> {
    let reach = visible(db, actor)?;
    if ancestors::exists(db, object)? && scope::contains(db, &reach, object)? {
        return Ok(());
    }
    Err(AuthError::Hidden { object })
}

/// What `actor` may do to each of `objects` (for a page of rows at once).
///
/// # Errors
/// The database failed.
pub fn actions_on(db: &mut Db, actor: &Actor, objects: &[ObjectId]) -> Result<HashMap<ObjectId, Actions>, AuthError> {
    Ok(permissions::actions_on(db, &actor.principals, objects)?)
}

/// What `actor` may see; the store's lists narrow themselves to it.
///
/// # Errors
/// The database failed.
pub fn visible(db: &mut Db, actor: &Actor) -> Result<Scope, AuthError> {
    if actor.is_root {
        return Ok(Scope::All);
    }
    let roles = match actor.view {
        View::Admin => Roles::Admin,
        View::User => Roles::User,
    };
    Ok(scope::of(db, &actor.principals, roles)?)
}
