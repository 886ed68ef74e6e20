//! Users and groups.

use crate::auth::{self, password};
use crate::engine::changes::Topic;
use crate::engine::{Cx, EngineError, internal};
use crate::model::conflict::Conflict;
use crate::model::event::{About, EventCode};
use crate::model::ids::{GroupId, UserId};
use crate::model::internal::Settings;
use crate::model::page::{ListQuery, Page};
use crate::model::permission::ObjectKind;
use crate::model::user::{GroupView, INTERNAL_DOMAIN, UserView};
use crate::model::valid::{self, Invalid, Problem};
use crate::store::users::{self as store, NewUserRow};
use crate::store::{accounts, groups, people};
use diesel::result::{DatabaseErrorKind, Error as QueryError};

/// A user of the internal domain to be made.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct NewUser {
    pub user_name: String,
    /// None: he cannot sign in before he gets one.
    pub password: Option<String>,
    pub first_name: String,
    pub last_name: String,
    pub email: String,
}

/// The users: all of them for administrators, else oneself.
///
/// # Errors
/// Refused, invalid, hidden, or the database failed.
pub async fn list(cx: &Cx, query: &ListQuery) -> Result<Page<UserView>, EngineError> {
    if !sees_all(cx) {
        return Ok(Page::whole(vec![get(cx, cx.actor.user).await?]));
    }
    let (query, now) = (query.clone(), cx.engine.clock.now());
    cx.engine.db.read(move |db| Ok(people::users(db, &query, now)?)).await
}

fn sees_all(cx: &Cx) -> bool {
    cx.actor.is_admin && cx.actor.view == auth::View::Admin
}

/// One user.
///
/// # Errors
/// Refused, invalid, hidden, or the database failed.
pub async fn get(cx: &Cx, id: UserId) -> Result<UserView, EngineError> {
    let none = move || EngineError::NotFound { kind: "user", id: id.to_string() };
    if id != cx.actor.user && !sees_all(cx) {
        return Err(none());
    }
    cx.engine.db.read(move |db| store::get(db, id)?.ok_or_else(none)).await
}

/// All groups.
///
/// # Errors
/// The database failed.
pub async fn groups(cx: &Cx) -> Result<Vec<GroupView>, EngineError> {
    cx.engine.db.read(|db| Ok(groups::list(db)?)).await
}

/// A page of the groups.
///
/// # Errors
/// The search is not understood, or the database failed.
pub async fn group_list(cx: &Cx, query: &ListQuery) -> Result<Page<GroupView>, EngineError> {
    let query = query.clone();
    cx.engine.db.read(move |db| Ok(people::groups(db, &query)?)).await
}

/// One group.
///
/// # Errors
/// There is none, or the database failed.
pub async fn group(cx: &Cx, id: GroupId) -> Result<GroupView, EngineError> {
    let none = move || EngineError::NotFound { kind: "group", id: id.to_string() };
    cx.engine.db.read(move |db| groups::get(db, id)?.ok_or_else(none)).await
}

/// The names of a group's users and of its groups; for administrators.
///
/// # Errors
/// Refused, or the database failed.
pub async fn members(cx: &Cx, id: GroupId) -> Result<(Vec<String>, Vec<String>), EngineError> {
    if !sees_all(cx) {
        return Err(EngineError::NotFound { kind: "group", id: id.to_string() });
    }
    cx.engine.db.read(move |db| Ok(groups::members(db, id)?)).await
}

/// Adds a user of the internal domain.
///
/// # Errors
/// Refused, invalid, hidden, or the database failed.
pub async fn add(cx: &Cx, new: NewUser) -> Result<UserId, EngineError> {
    let inner = cx.clone();
    let settings = cx
        .engine
        .db
        .read(move |db| {
            internal::may(&inner, db)?;
            Ok::<_, EngineError>(accounts::settings(db)?)
        })
        .await?;
    let new = checked(new, &settings)?;
    let hash = match &new.password {
        Some(password) => Some(password::hash(password).await.map_err(EngineError::Internal)?),
        None => None,
    };
    let (inner, id) = (cx.clone(), UserId::random());
    cx.engine
        .db
        .write(move |db| {
            let row = NewUserRow {
                user_name: &new.user_name,
                domain: INTERNAL_DOMAIN,
                first_name: &new.first_name,
                last_name: &new.last_name,
                email: &new.email,
                password_hash: hash.as_deref(),
            };
            match store::insert(db, id, &row, inner.engine.clock.now()) {
                Err(QueryError::DatabaseError(DatabaseErrorKind::UniqueViolation, _)) => {
                    return Err(Invalid::new("user_name", Problem::Taken { name: new.user_name }).into());
                }
                other => other?,
            }
            // The event's user is who did it; whom it is about stands in the detail.
            let name = format!("{}@{INTERNAL_DOMAIN}", new.user_name);
            inner.engine.changed(Topic::Object(ObjectKind::User), Some(id.0));
            let about = About { user: Some((id, name)), ..About::default() };
            inner.tell(db, EventCode::UserAdded, about, "")?;
            Ok(id)
        })
        .await
}

fn checked(new: NewUser, settings: &Settings) -> Result<NewUser, EngineError> {
    let mut wrong = Vec::new();
    let mut take = |result: Result<String, Invalid>| result.map_err(|one| wrong.push(one)).unwrap_or_default();
    let user = NewUser {
        user_name: take(valid::name("user_name", &new.user_name, 255)).to_lowercase(),
        first_name: take(valid::text("name", &new.first_name, 255)),
        last_name: take(valid::text("last_name", &new.last_name, 255)),
        email: take(valid::text("email", &new.email, 255)),
        password: new.password,
    };
    if let Some(Err(more)) = user.password.as_deref().map(|password| settings.fits("password", password)) {
        wrong.extend(more);
    }
    if wrong.is_empty() { Ok(user) } else { Err(EngineError::Invalid(wrong)) }
}

/// Removes a user with his permissions; nobody removes himself.
///
/// # Errors
/// Refused, invalid, hidden, or the database failed.
pub async fn remove(cx: &Cx, id: UserId) -> Result<(), EngineError> {
    let inner = cx.clone();
    cx.engine
        .db
        .write(move |db| {
            internal::may(&inner, db)?;
            if id == inner.actor.user {
                return Err(EngineError::from(Conflict::RemoveSelf));
            }
            let none = || EngineError::NotFound { kind: "user", id: id.to_string() };
            store::get(db, id)?.ok_or_else(none)?;
            store::remove(db, id)?;
            inner.engine.changed(Topic::Object(ObjectKind::User), Some(id.0));
            Ok(())
        })
        .await?;
    cx.engine.consoles.recheck(&cx.engine).await
}
