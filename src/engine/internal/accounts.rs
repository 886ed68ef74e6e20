//! Accounts of the internal domain: shown, edited, unlocked.

use super::may;
use crate::engine::changes::Topic;
use crate::engine::{Cx, EngineError};
use crate::model::clock::Timestamp;
use crate::model::event::{About, EventCode};
use crate::model::ids::UserId;
use crate::model::internal::LoginHours;
use crate::model::permission::ObjectKind;
use crate::model::user::{AccountView, INTERNAL_DOMAIN};
use crate::model::valid::{self, Invalid, Problem};
use crate::store::{accounts as store, users};
use diesel::result::{DatabaseErrorKind, Error as QueryError};

/// What to change of an account; None stays as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Edit {
    pub user_name: Option<String>,
    pub first_name: Option<String>,
    pub last_name: Option<String>,
    pub email: Option<String>,
    pub department: Option<String>,
    pub title: Option<String>,
    pub description: Option<String>,
    pub disabled: Option<bool>,
    pub valid_from: Option<Option<Timestamp>>,
    pub valid_to: Option<Option<Timestamp>>,
    pub login_hours: Option<LoginHours>,
    pub password_valid_to: Option<Option<Timestamp>>,
}

/// Everything that is known of an account.
///
/// # Errors
/// Refused, no such user, or the database failed.
pub async fn get(cx: &Cx, id: UserId) -> Result<AccountView, EngineError> {
    let inner = cx.clone();
    cx.engine
        .db
        .read(move |db| {
            may(&inner, db)?;
            found(store::view(db, id)?, id)
        })
        .await
}

fn found<T>(one: Option<T>, id: UserId) -> Result<T, EngineError> {
    one.ok_or_else(|| EngineError::NotFound { kind: "user", id: id.to_string() })
}

/// The user of the internal domain with this name.
///
/// # Errors
/// Refused, no such user, or the database failed.
pub async fn by_name(cx: &Cx, name: &str) -> Result<UserId, EngineError> {
    let (inner, name) = (cx.clone(), name.to_lowercase());
    cx.engine
        .db
        .read(move |db| {
            may(&inner, db)?;
            let account = store::find(db, &name, INTERNAL_DOMAIN)?;
            account.map(|a| a.id).ok_or_else(|| EngineError::NotFound { kind: "user", id: name })
        })
        .await
}

/// Changes an account; all or nothing.
///
/// # Errors
/// Refused, invalid, no such user, the name is taken, or the database failed.
pub async fn edit(cx: &Cx, id: UserId, edit: Edit) -> Result<(), EngineError> {
    let inner = cx.clone();
    cx.engine
        .db
        .write(move |db| {
            may(&inner, db)?;
            let mut account = found(store::view(db, id)?, id)?;
            apply(&mut account, edit)?;
            let name = account.user.user_name.clone();
            match store::update(db, &account) {
                Err(QueryError::DatabaseError(DatabaseErrorKind::UniqueViolation, _)) => {
                    return Err(Invalid::new("user_name", Problem::Taken { name }).into());
                }
                other => other?,
            }
            inner.engine.changed(Topic::Object(ObjectKind::User), Some(id.0));
            inner.tell(db, EventCode::UserEdited, About::default(), &account.user.principal())
        })
        .await?;
    cx.engine.consoles.recheck(&cx.engine).await
}

fn apply(account: &mut AccountView, edit: Edit) -> Result<(), EngineError> {
    let mut wrong = Vec::new();
    let user = &mut account.user;
    if let Some(name) = edit.user_name {
        match valid::name("user_name", &name, 255) {
            Ok(name) => user.user_name = name.to_lowercase(),
            Err(invalid) => wrong.push(invalid),
        }
    }
    let mut text = |field: &'static str, new: Option<String>, old: &mut String| match new
        .map(|new| valid::text(field, &new, 255))
    {
        Some(Ok(new)) => *old = new,
        Some(Err(invalid)) => wrong.push(invalid),
        None => {}
    };
    text("name", edit.first_name, &mut user.first_name);
    text("last_name", edit.last_name, &mut user.last_name);
    text("email", edit.email, &mut user.email);
    text("department", edit.department, &mut account.department);
    text("title", edit.title, &mut account.title);
    text("description", edit.description, &mut account.description);
    let validity = &mut account.validity;
    validity.disabled = edit.disabled.unwrap_or(validity.disabled);
    validity.valid_from = edit.valid_from.unwrap_or(validity.valid_from);
    validity.valid_to = edit.valid_to.unwrap_or(validity.valid_to);
    validity.password_valid_to = edit.password_valid_to.unwrap_or(validity.password_valid_to);
    if let Some(hours) = edit.login_hours {
        validity.login_hours = hours;
    }
    if wrong.is_empty() { Ok(()) } else { Err(EngineError::Invalid(wrong)) }
}

/// Lets a locked account sign in again. False: it was not locked.
///
/// # Errors
/// Refused, no such user, or the database failed.
pub async fn unlock(cx: &Cx, id: UserId) -> Result<bool, EngineError> {
    let inner = cx.clone();
    cx.engine
        .db
        .write(move |db| {
            may(&inner, db)?;
            let user = found(users::get(db, id)?, id)?;
            let was_locked = store::unlock(db, id)?;
            if was_locked {
                inner.engine.changed(Topic::Object(ObjectKind::User), Some(id.0));
                inner.tell(db, EventCode::UserUnlocked, About::default(), &user.principal())?;
            }
            Ok(was_locked)
        })
        .await
}
