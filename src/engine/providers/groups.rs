//! Groups that a provider's claims name: those the engine is told of can have roles.

use super::{may, not_found};
use crate::engine::{Cx, EngineError};
use crate::model::directory::DirectoryGroup;
use crate::model::event::{About, EventCode};
use crate::model::ids::{GroupId, ProviderId};
use crate::model::user::GroupView;
use crate::model::valid::{self, Invalid, Problem};
use crate::store::{groups, outsiders, providers as store};

/// The groups of a provider that the engine knows.
///
/// # Errors
/// Refused, no such provider, or the database failed.
pub async fn list(cx: &Cx, id: ProviderId) -> Result<Vec<GroupView>, EngineError> {
    let inner = cx.clone();
    cx.engine
        .db
        .read(move |db| {
            may(&inner, db)?;
            let provider = store::get(db, id)?.ok_or_else(|| not_found(id))?.view;
            Ok(groups::list(db)?.into_iter().filter(|g| g.domain == provider.name).collect())
        })
        .await
}

/// Makes a group known by the name that the claim has. People are in it from their next sign-in on.
///
/// # Errors
/// Refused, no name, no such provider, or the database failed.
pub async fn add(cx: &Cx, id: ProviderId, name: &str) -> Result<(), EngineError> {
    let name = valid::text("group", name, 255)?;
    if name.is_empty() {
        return Err(Invalid::new("group", Problem::Missing).into());
    }
    let inner = cx.clone();
    cx.engine
        .db
        .write(move |db| {
            may(&inner, db)?;
            let provider = store::get(db, id)?.ok_or_else(|| not_found(id))?.view;
            let group = DirectoryGroup { external_id: name.clone(), name, description: String::new() };
            outsiders::keep_group(db, &provider.name, &group)?;
            inner.tell(db, EventCode::GroupAdded, About::default(), &format!("{}@{}", group.name, provider.name))
        })
        .await
}

/// Forgets a group of a provider's, with its permissions.
///
/// # Errors
/// Refused, no such provider or group, or the database failed.
pub async fn remove(cx: &Cx, id: ProviderId, group: GroupId) -> Result<(), EngineError> {
    let inner = cx.clone();
    cx.engine
        .db
        .write(move |db| {
            may(&inner, db)?;
            let provider = store::get(db, id)?.ok_or_else(|| not_found(id))?.view;
            let found = groups::list(db)?.into_iter().find(|g| g.id == group && g.domain == provider.name);
            let none = || EngineError::NotFound { kind: "group", id: group.to_string() };
            let name = found.ok_or_else(none)?.name;
            groups::remove(db, group)?;
            inner.tell(db, EventCode::GroupRemoved, About::default(), &format!("{name}@{}", provider.name))
        })
        .await
}
