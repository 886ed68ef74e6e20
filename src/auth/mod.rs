//! Who may: sign-in, sessions, permissions.
//!
//! Two functions decide everything: [`check`] at the entry of every command, [`visible`] for every list.

pub mod error;
pub mod session;
pub mod sign_in;
pub mod ticket;

pub use error::AuthError;

use crate::db::Db;
use crate::model::ids::{ObjectId, PrincipalId, SessionId, UserId};
use crate::model::permission::ObjectKind;
use crate::model::role::Action;
use std::collections::{HashMap, HashSet};

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
}

/// May `actor` do `action` to `object`? A role on the object or any ancestor must allow it.
///
/// # Errors
/// [`AuthError::Hidden`] (404) if he cannot even see the object, [`AuthError::Forbidden`] (403) if he can.
pub fn check(_db: &mut Db, actor: &Actor, action: Action, object: ObjectId) -> Result<(), AuthError> {
    Err(AuthError::Forbidden { user: actor.name.clone(), action, object })
}

/// What `actor` may do to each of `objects` (one query, for a page of rows).
///
/// # Errors
/// The database failed.
pub fn actions_on(
    _db: &mut Db,
    _actor: &Actor,
    _objects: &[ObjectId],
) -> Result<HashMap<ObjectId, HashSet<Action>>, AuthError> {
    Ok(HashMap::new())
}

/// What a list may show: handed to the store's list functions, which turn it into a sub-query.
#[derive(Debug, Clone)]
pub struct Visible {
    pub kind: ObjectKind,
    pub view: View,
    pub principals: Vec<PrincipalId>,
}

/// What `actor` may see of this kind.
pub fn visible(actor: &Actor, kind: ObjectKind) -> Visible {
    Visible { kind, view: actor.view, principals: actor.principals.clone() }
}
