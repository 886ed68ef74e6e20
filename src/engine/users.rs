//! Users and groups.

use crate::engine::{Cx, EngineError};
use crate::model::ids::UserId;
use crate::model::page::{ListQuery, Page};
use crate::model::user::{GroupView, UserView};

/// A user of the internal domain to be made.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct NewUser {
    pub user_name: String,
    pub password: String,
    pub first_name: String,
    pub last_name: String,
    pub email: String,
}

/// The users.
///
/// # Errors
/// Refused, invalid, hidden, or the database failed.
pub async fn list(_cx: &Cx, _query: &ListQuery) -> Result<Page<UserView>, EngineError> {
    Err(EngineError::Internal(String::new()))
}

/// One user.
///
/// # Errors
/// Refused, invalid, hidden, or the database failed.
pub async fn get(_cx: &Cx, _id: UserId) -> Result<UserView, EngineError> {
    Err(EngineError::Internal(String::new()))
}

/// The groups.
///
/// # Errors
/// Refused, invalid, hidden, or the database failed.
pub async fn groups(_cx: &Cx) -> Result<Vec<GroupView>, EngineError> {
    Err(EngineError::Internal(String::new()))
}

/// Adds a user of the internal domain.
///
/// # Errors
/// Refused, invalid, hidden, or the database failed.
pub async fn add(_cx: &Cx, _new: NewUser) -> Result<UserId, EngineError> {
    Err(EngineError::Internal(String::new()))
}

/// Removes a user with his permissions; nobody removes himself.
///
/// # Errors
/// Refused, invalid, hidden, or the database failed.
pub async fn remove(_cx: &Cx, _id: UserId) -> Result<(), EngineError> {
    Err(EngineError::Internal(String::new()))
}
