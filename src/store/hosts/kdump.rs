//! Hosts that tell of themselves when their kernel crashed and is being dumped.

use crate::db::Db;
use crate::db::schema::{host, host_kdump as k};
use crate::model::clock::Timestamp;
use crate::model::host::HostStatus;
use crate::model::ids::HostId;
use diesel::prelude::*;

/// Whether it is listened for.
pub fn is_on(db: &mut Db, id: HostId) -> QueryResult<bool> {
    let known: i64 = k::table.find(id).count().get_result(db)?;
    Ok(known > 0)
}

/// Listens for it, or not any more.
pub fn set(db: &mut Db, id: HostId, on: bool) -> QueryResult<()> {
    match (is_on(db, id)?, on) {
        (false, true) => diesel::insert_into(k::table).values(k::host_id.eq(id)).execute(db).map(drop),
        (true, false) => diesel::delete(k::table.find(id)).execute(db).map(drop),
        _ => Ok(()),
    }
}

/// It told so just now.
pub fn heard(db: &mut Db, id: HostId, now: Timestamp) -> QueryResult<()> {
    diesel::update(k::table.find(id)).set(k::heard.eq(now)).execute(db).map(drop)
}

/// A host that is listened for, its address, its state, and when it was heard last.
pub type Listened = (HostId, String, HostStatus, Option<Timestamp>);

/// All of them.
pub fn all(db: &mut Db) -> QueryResult<Vec<Listened>> {
    host::table
        .inner_join(k::table.on(k::host_id.eq(host::id)))
        .select((host::id, host::address, host::status, k::heard))
        .load(db)
}
