//! How people want their consoles.

use crate::db::Db;
use crate::db::schema::user_preference;
use crate::model::ids::UserId;
use crate::model::preference::{ConsoleChoice, Preferences};
use crate::model::vm::Protocol;
use diesel::prelude::*;

/// What this person has chosen.
pub fn get(db: &mut Db, user: UserId) -> QueryResult<Preferences> {
    let found: Option<(ConsoleChoice, Protocol, bool, bool)> = user_preference::table
        .find(user)
        .select((
            user_preference::console,
            user_preference::protocol,
            user_preference::full_screen,
            user_preference::auto_connect,
        ))
        .first(db)
        .optional()?;
    Ok(found.map_or_else(Preferences::default, |(console, protocol, full_screen, auto_connect)| Preferences {
        console,
        protocol,
        full_screen,
        auto_connect,
    }))
}

/// Keeps what he has chosen.
pub fn set(db: &mut Db, user: UserId, chosen: &Preferences) -> QueryResult<()> {
    diesel::delete(user_preference::table.find(user)).execute(db)?;
    diesel::insert_into(user_preference::table)
        .values((
            user_preference::user_id.eq(user),
            user_preference::console.eq(chosen.console),
            user_preference::protocol.eq(chosen.protocol),
            user_preference::full_screen.eq(chosen.full_screen),
            user_preference::auto_connect.eq(chosen.auto_connect),
        ))
        .execute(db)
        .map(drop)
}
