//! Single values: the engine's id and the like.

use crate::db::Db;
use crate::db::schema::setting;
use crate::model::setting::{Setting, Settings};
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

/// The engine's settings: what was never set has its default.
pub fn engine(db: &mut Db) -> QueryResult<Settings> {
    let rows: Vec<(String, String)> = setting::table.filter(setting::name.like("config.%")).load(db)?;
    let mut settings = Settings::default();
    for (name, value) in rows {
        let known = name.strip_prefix("config.").and_then(|name| name.parse().ok());
        if known.is_none_or(|known: Setting| settings.set(known, &value).is_err()) {
            tracing::warn!(name, value, "a setting cannot be read; its default holds");
        }
    }
    Ok(settings)
}

/// Keeps the engine's settings.
pub fn set_engine(db: &mut Db, settings: &Settings) -> QueryResult<()> {
    Setting::ALL.iter().try_for_each(|known| set(db, &format!("config.{known}"), &settings.get(*known)))
}
