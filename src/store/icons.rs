//! Pictures of VMs and templates that people gave them.

use crate::db::Db;
use crate::db::schema::icon;
use crate::model::icon::{Icons, MediaType};
use crate::model::ids::{IconId, ObjectId};
use diesel::prelude::*;

/// A picture that was given: as it came, and smaller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Given {
    pub icons: Icons,
    pub media_type: MediaType,
    /// In base64.
    pub large: String,
    /// A PNG, in base64.
    pub small: String,
}

/// The object's.
pub fn of(db: &mut Db, object: ObjectId) -> QueryResult<Option<Icons>> {
    let found: Option<(IconId, IconId)> =
        icon::table.find(object).select((icon::small_id, icon::large_id)).first(db).optional()?;
    Ok(found.map(|(small, large)| Icons { small, large }))
}

/// All of these objects.
pub fn of_all(db: &mut Db, objects: &[ObjectId]) -> QueryResult<Vec<(ObjectId, Icons)>> {
    let rows: Vec<(ObjectId, IconId, IconId)> = icon::table
        .filter(icon::object_id.eq_any(objects))
        .select((icon::object_id, icon::small_id, icon::large_id))
        .load(db)?;
    Ok(rows.into_iter().map(|(object, small, large)| (object, Icons { small, large })).collect())
}

/// All that were given.
pub fn all(db: &mut Db) -> QueryResult<Vec<(ObjectId, Icons)>> {
    let rows: Vec<(ObjectId, IconId, IconId)> =
        icon::table.select((icon::object_id, icon::small_id, icon::large_id)).load(db)?;
    Ok(rows.into_iter().map(|(object, small, large)| (object, Icons { small, large })).collect())
}

/// Whose it is, what it is and its bytes in base64.
pub fn get(db: &mut Db, id: IconId) -> QueryResult<Option<(ObjectId, MediaType, String)>> {
    let large = icon::table.filter(icon::large_id.eq(id)).select((icon::object_id, icon::media_type, icon::large));
    if let Some(found) = large.first(db).optional()? {
        return Ok(Some(found));
    }
    let small = icon::table.filter(icon::small_id.eq(id)).select((icon::object_id, icon::small));
    let found: Option<(ObjectId, String)> = small.first(db).optional()?;
    Ok(found.map(|(object, data)| (object, MediaType::Png, data)))
}

/// Gives it, in place of the one it had.
pub fn set(db: &mut Db, object: ObjectId, given: &Given) -> QueryResult<()> {
    remove(db, object)?;
    diesel::insert_into(icon::table)
        .values((
            icon::object_id.eq(object),
            icon::small_id.eq(given.icons.small),
            icon::large_id.eq(given.icons.large),
            icon::media_type.eq(given.media_type),
            icon::small.eq(&given.small),
            icon::large.eq(&given.large),
        ))
        .execute(db)
        .map(drop)
}

/// What is made of another has its picture.
pub fn inherit(db: &mut Db, from: ObjectId, to: ObjectId) -> QueryResult<()> {
    let columns = (icon::media_type, icon::large, icon::small);
    let found: Option<(MediaType, String, String)> = icon::table.find(from).select(columns).first(db).optional()?;
    let Some((media_type, large, small)) = found else { return Ok(()) };
    let icons = Icons { small: IconId::random(), large: IconId::random() };
    set(db, to, &Given { icons, media_type, large, small })
}

/// Takes it away. None there: fine.
pub fn remove(db: &mut Db, object: ObjectId) -> QueryResult<()> {
    diesel::delete(icon::table.find(object)).execute(db).map(drop)
}
