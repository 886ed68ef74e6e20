//! Permissions: who has which role on what, who may what, and why.

pub mod change;
pub mod may;
#[cfg(test)]
mod tests;
pub mod why;

pub use crate::engine::roles::list as roles;
pub use change::{grant, revoke};

use crate::auth;
use crate::db::Db;
use crate::engine::{Cx, EngineError};
use crate::model::ids::{ObjectId, PermissionId, PrincipalId, RoleId, SYSTEM};
use crate::model::page::{ListQuery, Page};
use crate::model::permission::{ObjectKind, PermissionView, Place, Principal};
use crate::model::role::SUPER_USER;
use crate::model::search::{Search, paging};
use crate::store::people;
use crate::store::permissions::{self as store, Wanted};

/// Permissions on an object and, marked as inherited, on its ancestors.
///
/// # Errors
/// Refused, invalid, hidden, or the database failed.
pub async fn on(cx: &Cx, object: ObjectId) -> Result<Vec<PermissionView>, EngineError> {
    let actor = cx.actor.clone();
    cx.engine
        .db
        .read(move |db| {
            auth::see(db, &actor, object)?;
            Ok(store::on(db, object)?)
        })
        .await
}

/// A page of them; the search is a part of the holder's or the role's name.
///
/// # Errors
/// Refused, invalid, hidden, or the database failed.
pub async fn page_on(cx: &Cx, object: ObjectId, query: &ListQuery) -> Result<Page<PermissionView>, EngineError> {
    let (actor, query) = (cx.actor.clone(), query.clone());
    let wanted = Wanted { object: Some(object), ..Wanted::default() };
    cx.engine
        .db
        .read(move |db| {
            auth::see(db, &actor, object)?;
            page(db, wanted, &query)
        })
        .await
}

/// Permissions a user or group holds; those of others are for administrators.
///
/// # Errors
/// Refused, invalid, hidden, or the database failed.
pub async fn of(cx: &Cx, principal: PrincipalId) -> Result<Vec<PermissionView>, EngineError> {
    sees(cx, principal)?;
    cx.engine.db.read(move |db| Ok(store::of(db, &[principal])?)).await
}

/// A page of them.
///
/// # Errors
/// Refused, invalid, hidden, or the database failed.
pub async fn page_of(cx: &Cx, principal: PrincipalId, query: &ListQuery) -> Result<Page<PermissionView>, EngineError> {
    sees(cx, principal)?;
    let query = query.clone();
    let wanted = Wanted { principals: Some(vec![principal]), ..Wanted::default() };
    cx.engine.db.read(move |db| page(db, wanted, &query)).await
}

fn sees(cx: &Cx, principal: PrincipalId) -> Result<(), EngineError> {
    if cx.actor.principals.contains(&principal) || cx.actor.is_admin {
        return Ok(());
    }
    Err(EngineError::NotFound { kind: "user", id: principal.to_string() })
}

/// Who holds a role, and where: for administrators.
///
/// # Errors
/// Refused, invalid, hidden, or the database failed.
pub async fn page_with(cx: &Cx, role: RoleId, query: &ListQuery) -> Result<Page<PermissionView>, EngineError> {
    if !cx.actor.is_admin {
        return Ok(Page::whole(Vec::new()));
    }
    let query = query.clone();
    let wanted = Wanted { role: Some(role), ..Wanted::default() };
    cx.engine.db.read(move |db| page(db, wanted, &query)).await
}

fn page(db: &mut Db, mut wanted: Wanted, query: &ListQuery) -> Result<Page<PermissionView>, EngineError> {
    let (page, per_page) = paging(&Search::default(), query);
    wanted.text = query.search.chars().take(crate::model::search::MAX_LENGTH).collect();
    let total = store::count(db, &wanted)?;
    wanted.part = Some(((u64::from(page) - 1) * u64::from(per_page), per_page.into()));
    Ok(Page { rows: store::find(db, &wanted)?, total, page, per_page, fields: Vec::new() })
}

/// One permission, if the actor sees the object it is on or holds it.
///
/// # Errors
/// Hidden, or the database failed.
pub async fn get(cx: &Cx, id: PermissionId) -> Result<PermissionView, EngineError> {
    let actor = cx.actor.clone();
    cx.engine
        .db
        .read(move |db| {
            let none = || EngineError::NotFound { kind: "permission", id: id.to_string() };
            let found = store::get(db, id)?.ok_or_else(none)?;
            if !actor.principals.contains(&found.principal) {
                auth::see(db, &actor, found.object)?;
            }
            Ok(found)
        })
        .await
}

/// Users and groups with this in their names; for administrators.
///
/// # Errors
/// The database failed.
pub async fn search(cx: &Cx, text: &str, limit: u32) -> Result<Vec<Principal>, EngineError> {
    if !cx.actor.is_admin {
        return Ok(Vec::new());
    }
    let text: String = text.chars().take(255).collect();
    cx.engine.db.read(move |db| Ok(people::principals(db, &text, limit)?)).await
}

/// A user or group by its id; for administrators.
///
/// # Errors
/// There is none, or the database failed.
pub async fn principal(cx: &Cx, id: PrincipalId) -> Result<Principal, EngineError> {
    let none = move || EngineError::NotFound { kind: "user", id: id.to_string() };
    if !cx.actor.is_admin {
        return Err(none());
    }
    cx.engine.db.read(move |db| people::principal_of(db, id)?.ok_or_else(none)).await
}

/// An object by kind and id, if it is there and the actor sees it.
///
/// # Errors
/// Hidden, or the database failed.
pub async fn place(cx: &Cx, kind: ObjectKind, object: ObjectId) -> Result<Place, EngineError> {
    let actor = cx.actor.clone();
    cx.engine
        .db
        .read(move |db| {
            auth::see(db, &actor, object)?;
            named(db, kind, object)
        })
        .await
}

/// The objects of a kind with this name that the actor sees: names of networks and profiles may be there several times.
///
/// # Errors
/// The database failed.
pub async fn named_places(cx: &Cx, kind: ObjectKind, name: &str) -> Result<Vec<Place>, EngineError> {
    let (actor, name) = (cx.actor.clone(), name.trim().to_owned());
    cx.engine
        .db
        .read(move |db| {
            let scope = auth::visible(db, &actor)?;
            let mut seen = Vec::new();
            for place in store::by_name(db, kind, &name)? {
                if crate::store::scope::contains(db, &scope, place.object)? {
                    seen.push(place);
                }
            }
            Ok(seen)
        })
        .await
}

/// The object, if there is one of that kind: whoever asks may have mistaken one for another.
fn named(db: &mut Db, kind: ObjectKind, object: ObjectId) -> Result<Place, EngineError> {
    let name = store::object_name(db, kind, object)?;
    if name.is_empty() || (kind == ObjectKind::System) != (object == SYSTEM) {
        return Err(EngineError::NotFound { kind: "object", id: object.to_string() });
    }
    Ok(Place { object, kind, name })
}

/// The actor is a SuperUser of the whole system: only such give admin roles.
pub(in crate::engine) fn is_super_user(cx: &Cx, db: &mut Db) -> Result<bool, EngineError> {
    if cx.actor.is_root {
        return Ok(true);
    }
    let wanted = Wanted {
        object: Some(SYSTEM),
        principals: Some(cx.actor.principals.clone()),
        role: Some(SUPER_USER),
        part: Some((0, 1)),
        ..Wanted::default()
    };
    Ok(!store::find(db, &wanted)?.is_empty())
}
