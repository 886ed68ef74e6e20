//! Disks as pages show them.

use crate::auth;
use crate::engine::{Cx, EngineError};
use crate::model::disk::DiskView;
use crate::model::ids::DiskId;
use crate::model::page::{ListQuery, Page};
use crate::model::search::{Field, Value, select};
use crate::store::disks;

const FIELDS: &[Field<DiskView>] = &[
    Field { name: "name", get: |d| Value::Text(d.alias.clone()) },
    Field { name: "alias", get: |d| Value::Text(d.alias.clone()) },
    Field { name: "description", get: |d| Value::Text(d.description.clone()) },
    Field { name: "status", get: |d| Value::Text(d.status.to_string()) },
    Field { name: "storage", get: |d| Value::Text(d.storage_domain_name.clone()) },
    Field { name: "disk_content_type", get: |d| Value::Text(d.content.to_string()) },
    Field { name: "provisioned_size", get: |d| Value::Number(d.virtual_bytes as f64) },
    Field { name: "actual_size", get: |d| Value::Number(d.actual_bytes as f64) },
    Field { name: "id", get: |d| Value::Text(d.id.to_string()) },
];

/// The disks the actor may see.
///
/// # Errors
/// The search is not understood, or the database failed.
pub async fn list(cx: &Cx, query: &ListQuery) -> Result<Page<DiskView>, EngineError> {
    let (actor, query) = (cx.actor.clone(), query.clone());
    cx.engine
        .db
        .read(move |db| {
            let scope = auth::visible(db, &actor)?;
            Ok(select(disks::list(db, &scope)?, "Disks", FIELDS, &query)?)
        })
        .await
}

/// One disk.
///
/// # Errors
/// Hidden, or the database failed.
pub async fn get(cx: &Cx, id: DiskId) -> Result<DiskView, EngineError> {
    let actor = cx.actor.clone();
    cx.engine
        .db
        .read(move |db| {
            auth::see(db, &actor, id.object())?;
            let found = disks::by_ids(db, &[id])?.remove(&id);
            found.ok_or_else(|| EngineError::NotFound { kind: "disk", id: id.to_string() })
        })
        .await
}
