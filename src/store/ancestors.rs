//! oVirt's tree of objects, flat: each object with itself and all above it. Kept by whoever makes, moves or removes an object.

use crate::db::Db;
use crate::db::schema::{object_ancestor, permission};
use crate::model::ids::{ObjectId, SYSTEM};
use crate::store::{first_run, icons, quotas, tags};
use diesel::prelude::*;

/// Puts `object` below `parents` (and all that is above them) and the system.
pub fn set(db: &mut Db, object: ObjectId, parents: &[ObjectId]) -> QueryResult<()> {
    diesel::delete(object_ancestor::table.filter(object_ancestor::object_id.eq(object))).execute(db)?;
    let mut all: Vec<ObjectId> = object_ancestor::table
        .filter(object_ancestor::object_id.eq_any(parents))
        .select(object_ancestor::ancestor_id)
        .distinct()
        .load(db)?;
    all.extend([object, SYSTEM]);
    all.sort();
    all.dedup();
    for ancestor in all {
        diesel::insert_into(object_ancestor::table)
            .values((object_ancestor::object_id.eq(object), object_ancestor::ancestor_id.eq(ancestor)))
            .execute(db)?;
    }
    Ok(())
}

/// Takes an object out, with the permissions on it, the quota it counts on, its tags and what its guests are told.
pub fn remove(db: &mut Db, object: ObjectId) -> QueryResult<()> {
    diesel::delete(permission::table.filter(permission::object_id.eq(object))).execute(db)?;
    diesel::delete(object_ancestor::table.filter(object_ancestor::object_id.eq(object))).execute(db)?;
    quotas::choose(db, object, None)?;
    icons::remove(db, object)?;
    tags::forget(db, &[object])?;
    first_run::remove(db, object)
}

/// It is in the tree.
pub fn exists(db: &mut Db, object: ObjectId) -> QueryResult<bool> {
    let found: Option<ObjectId> = object_ancestor::table
        .filter(object_ancestor::object_id.eq(object))
        .select(object_ancestor::object_id)
        .first(db)
        .optional()?;
    Ok(found.is_some())
}
