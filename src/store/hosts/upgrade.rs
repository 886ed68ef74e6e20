//! What hosts could be upgraded with, what their upgrades said, and the upgrades of clusters.

use crate::db::Db;
use crate::db::schema::{cluster_upgrade as c, host_upgrade as u};
use crate::model::clock::Timestamp;
use crate::model::host_upgrade::{Course, Found, HostUpgrade};
use crate::model::ids::{ClusterId, HostId, JobId};
use diesel::prelude::*;
use std::collections::HashMap;

/// Of every host that was asked.
pub fn all(db: &mut Db) -> QueryResult<HashMap<HostId, HostUpgrade>> {
    let rows: Vec<(HostId, Option<Timestamp>, String)> =
        u::table.select((u::host_id, u::checked, u::found)).load(db)?;
    let read = |(id, checked, found): (HostId, Option<Timestamp>, String)| {
        (id, HostUpgrade { checked, found: serde_json::from_str(&found).unwrap_or_default() })
    };
    Ok(rows.into_iter().map(read).collect())
}

/// When a host was asked last, and when its lists were fetched.
pub type Look = (Option<Timestamp>, Option<Timestamp>);

/// The last look at each host.
pub fn looks(db: &mut Db) -> QueryResult<HashMap<HostId, Look>> {
    let rows: Vec<(HostId, Option<Timestamp>, Option<Timestamp>)> =
        u::table.select((u::host_id, u::checked, u::refreshed)).load(db)?;
    Ok(rows.into_iter().map(|(id, checked, refreshed)| (id, (checked, refreshed))).collect())
}

/// A row for a host that has none.
fn ensure(db: &mut Db, host: HostId) -> QueryResult<()> {
    let there: i64 = u::table.find(host).count().get_result(db)?;
    if there == 0 {
        let new = (u::host_id.eq(host), u::found.eq("{}"), u::told.eq(""), u::log.eq(""));
        diesel::insert_into(u::table).values(new).execute(db)?;
    }
    Ok(())
}

/// Keeps what a host told; the answer is what was told people before.
pub fn set_found(
    db: &mut Db,
    host: HostId,
    found: &Found,
    now: Timestamp,
    refreshed: bool,
) -> QueryResult<(Found, String)> {
    ensure(db, host)?;
    let (before, told): (String, String) = u::table.find(host).select((u::found, u::told)).first(db)?;
    let text = serde_json::to_string(found).unwrap_or_else(|_| "{}".to_owned());
    diesel::update(u::table.find(host)).set((u::checked.eq(now), u::found.eq(text))).execute(db)?;
    if refreshed {
        diesel::update(u::table.find(host)).set(u::refreshed.eq(now)).execute(db)?;
    }
    Ok((serde_json::from_str(&before).unwrap_or_default(), told))
}

/// People were told of this.
pub fn set_told(db: &mut Db, host: HostId, told: &str) -> QueryResult<()> {
    diesel::update(u::table.find(host)).set(u::told.eq(told)).execute(db).map(drop)
}

/// What a task's package manager said so far.
pub fn set_log(db: &mut Db, host: HostId, job: JobId, log: &str) -> QueryResult<()> {
    ensure(db, host)?;
    let set = (u::job_id.eq(job.to_string()), u::log.eq(log));
    diesel::update(u::table.find(host)).set(set).execute(db).map(drop)
}

/// What the last upgrade of a host said, and whose task that was.
pub fn log(db: &mut Db, host: HostId) -> QueryResult<Option<(String, String)>> {
    let found: Option<(Option<String>, String)> =
        u::table.find(host).select((u::job_id, u::log)).first(db).optional()?;
    Ok(found.and_then(|(job, log)| Some((job?, log))))
}

/// What a task said, and on which host.
pub fn log_of_job(db: &mut Db, job: JobId) -> QueryResult<Option<(HostId, String)>> {
    u::table.filter(u::job_id.eq(job.to_string())).select((u::host_id, u::log)).first(db).optional()
}

/// The upgrade of a cluster, and whether it was called off.
pub fn course(db: &mut Db, id: ClusterId) -> QueryResult<Option<(Course, bool)>> {
    let found: Option<(String, bool)> = c::table.find(id).select((c::course, c::called_off)).first(db).optional()?;
    Ok(found.map(|(course, off)| (serde_json::from_str(&course).unwrap_or_default(), off)))
}

/// Keeps how far it is.
pub fn set_course(db: &mut Db, id: ClusterId, course: &Course) -> QueryResult<()> {
    let text = serde_json::to_string(course).unwrap_or_else(|_| "{}".to_owned());
    let there = diesel::update(c::table.find(id)).set(c::course.eq(&text)).execute(db)?;
    if there == 0 {
        let new = (c::cluster_id.eq(id), c::called_off.eq(false), c::course.eq(&text));
        diesel::insert_into(c::table).values(new).execute(db)?;
    }
    Ok(())
}

/// The next host does not have its turn any more; or it is a new upgrade.
pub fn set_called_off(db: &mut Db, id: ClusterId, off: bool) -> QueryResult<()> {
    diesel::update(c::table.find(id)).set(c::called_off.eq(off)).execute(db).map(drop)
}
