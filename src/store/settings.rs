//! Single values: the engine's id and the like.

use crate::db::Db;
use crate::db::schema::setting;
use diesel::prelude::*;

/// The value, if it was ever set.
pub fn get(db: &mut Db, name: &str) -> QueryResult<Option<String>> {
    setting::table.find(name).select(setting::value).first(db).optional()
}

/// Sets it.
pub fn set(db: &mut Db, name: &str, value: &str) -> QueryResult<()> {
    let changed = diesel::update(setting::table.find(name)).set(setting::value.eq(value)).execute(db)?;
    if changed == 0 {
        diesel::insert_into(setting::table).values((setting::name.eq(name), setting::value.eq(value))).execute(db)?;
    }
    Ok(())
}
