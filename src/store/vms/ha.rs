//! Highly available VMs that went down without being told to.

use crate::db::Db;
use crate::db::schema::{ha_restart, vm};
use crate::model::clock::Timestamp;
use crate::model::ids::VmId;
use crate::model::vm_settings::VmSettings;
use diesel::prelude::*;

/// A VM that is to be started again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Waiting {
    pub vm: VmId,
    pub since: Timestamp,
    pub tries: u32,
    pub priority: u32,
}

/// It is marked as highly available.
pub fn is_marked(db: &mut Db, id: VmId) -> QueryResult<bool> {
    let settings: Option<String> = vm::table.find(id).select(vm::settings).first(db).optional()?;
    Ok(settings.is_some_and(|text| VmSettings::from_json(&text).high_availability))
}

/// It is to be started again. Known already: fine.
pub fn want(db: &mut Db, id: VmId, now: Timestamp) -> QueryResult<()> {
    let known: i64 = ha_restart::table.find(id).count().get_result(db)?;
    if known > 0 {
        return Ok(());
    }
    diesel::insert_into(ha_restart::table)
        .values((
            ha_restart::vm_id.eq(id),
            ha_restart::since.eq(now),
            ha_restart::tries.eq(0),
            ha_restart::next_try.eq(now),
        ))
        .execute(db)
        .map(drop)
}

/// It runs, or is given up.
pub fn forget(db: &mut Db, id: VmId) -> QueryResult<()> {
    diesel::delete(ha_restart::table.find(id)).execute(db).map(drop)
}

/// Those to be tried now, the most important and then the longest waiting first.
pub fn due(db: &mut Db, now: Timestamp) -> QueryResult<Vec<Waiting>> {
    let rows: Vec<(VmId, Timestamp, i32, String)> = ha_restart::table
        .inner_join(vm::table.on(vm::id.eq(ha_restart::vm_id)))
        .filter(ha_restart::next_try.le(now))
        .select((ha_restart::vm_id, ha_restart::since, ha_restart::tries, vm::settings))
        .load(db)?;
    let mut all: Vec<Waiting> = rows
        .into_iter()
        .map(|(vm, since, tries, settings)| Waiting {
            vm,
            since,
            tries: tries.unsigned_abs(),
            priority: VmSettings::from_json(&settings).priority,
        })
        .collect();
    all.sort_by_key(|one| (std::cmp::Reverse(one.priority), one.since));
    Ok(all)
}

/// It was tried, and is tried again then unless it runs.
pub fn tried(db: &mut Db, id: VmId, tries: u32, next: Timestamp) -> QueryResult<()> {
    diesel::update(ha_restart::table.find(id))
        .set((ha_restart::tries.eq(i32::try_from(tries).unwrap_or(i32::MAX)), ha_restart::next_try.eq(next)))
        .execute(db)
        .map(drop)
}
