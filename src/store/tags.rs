//! Tags and what carries them.

use crate::db::Db;
use crate::db::schema::{tag as t, tag_above as above, tag_use as u};
use crate::model::ids::{ObjectId, TagId};
use crate::model::tag::Tag;
use diesel::prelude::*;
use std::collections::HashMap;

/// All tags, the root among them.
pub fn all(db: &mut Db) -> QueryResult<Vec<Tag>> {
    let rows: Vec<(TagId, Option<TagId>, String, String)> =
        t::table.select((t::id, t::parent_id, t::name, t::description)).load(db)?;
    Ok(rows.into_iter().map(|(id, parent, name, description)| Tag { id, parent, name, description }).collect())
}

/// Adds a tag.
pub fn add(db: &mut Db, tag: &Tag) -> QueryResult<()> {
    diesel::insert_into(t::table)
        .values((
            (t::id.eq(tag.id), t::parent_id.eq(tag.parent)),
            (t::name.eq(&tag.name), t::description.eq(&tag.description)),
        ))
        .execute(db)
        .map(drop)
}

/// Changes a tag.
pub fn update(db: &mut Db, tag: &Tag) -> QueryResult<()> {
    diesel::update(t::table.find(tag.id))
        .set((t::parent_id.eq(tag.parent), t::name.eq(&tag.name), t::description.eq(&tag.description)))
        .execute(db)
        .map(drop)
}

/// Removes a tag with those below it, given from above to below; nothing carries them any more.
pub fn remove(db: &mut Db, ids: &[TagId]) -> QueryResult<()> {
    diesel::delete(u::table.filter(u::tag_id.eq_any(ids))).execute(db)?;
    for id in ids.iter().rev() {
        diesel::delete(t::table.find(id)).execute(db)?;
    }
    Ok(())
}

/// Which tags each of these carries.
pub fn of(db: &mut Db, objects: &[ObjectId]) -> QueryResult<HashMap<ObjectId, Vec<TagId>>> {
    let mut found: HashMap<ObjectId, Vec<TagId>> = HashMap::new();
    for some in objects.chunks(500) {
        let rows: Vec<(ObjectId, TagId)> = u::table.filter(u::object_id.eq_any(some)).load(db)?;
        for (object, tag) in rows {
            found.entry(object).or_default().push(tag);
        }
    }
    Ok(found)
}

/// By the names of which tags each of these is found: its own, and those above them.
pub fn found_by(db: &mut Db, objects: &[ObjectId]) -> QueryResult<HashMap<ObjectId, Vec<String>>> {
    let mut found: HashMap<ObjectId, Vec<String>> = HashMap::new();
    for some in objects.chunks(500) {
        let rows: Vec<(ObjectId, String)> = u::table
            .inner_join(above::table.on(above::tag_id.eq(u::tag_id)))
            .inner_join(t::table.on(t::id.eq(above::above_id)))
            .filter(u::object_id.eq_any(some))
            .select((u::object_id, t::name))
            .load(db)?;
        for (object, name) in rows {
            found.entry(object).or_default().push(name);
        }
    }
    Ok(found)
}

/// Puts a tag on an object, or takes it off.
pub fn set(db: &mut Db, object: ObjectId, tag: TagId, on: bool) -> QueryResult<()> {
    diesel::delete(u::table.find((object, tag))).execute(db)?;
    if on {
        diesel::insert_into(u::table).values((u::object_id.eq(object), u::tag_id.eq(tag))).execute(db)?;
    }
    Ok(())
}

/// These objects go.
pub fn forget(db: &mut Db, objects: &[ObjectId]) -> QueryResult<()> {
    diesel::delete(u::table.filter(u::object_id.eq_any(objects))).execute(db).map(drop)
}
