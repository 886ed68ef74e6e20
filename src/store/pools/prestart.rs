//! Which pools have too few VMs that run and are free, and what was left over in pools. Reads the running and the taken, never all.

use crate::db::Db;
use crate::db::dialect::DynamicQuery;
use crate::db::schema::{job_lock, vm_pool};
use crate::model::clock::Timestamp;
use crate::model::ids::{PoolId, VmId};
use crate::model::vm::VmStatus;
use crate::store::catalog::unsigned;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};
use std::collections::HashMap;

/// Counts as started ahead, if nobody has it.
const AHEAD: &str = "('up', 'powering_up', 'wait_for_launch', 'reboot_in_progress')";

#[derive(QueryableByName)]
struct One {
    #[diesel(sql_type = Text)]
    vm: VmId,
}

#[derive(QueryableByName)]
struct Ahead {
    #[diesel(sql_type = Text)]
    pool: PoolId,
    #[diesel(sql_type = BigInt)]
    n: i64,
}

/// Pools that have fewer VMs running ahead than they promise, and do not wait after a failure. Only what runs is read.
pub fn short(db: &mut Db, now: Timestamp) -> QueryResult<Vec<PoolId>> {
    let promised: Vec<(PoolId, i32)> = vm_pool::table
        .filter(vm_pool::prestarted.gt(0))
        .filter(vm_pool::prestart_wait.is_null().or(vm_pool::prestart_wait.le(now)))
        .select((vm_pool::id, vm_pool::prestarted))
        .load(db)?;
    if promised.is_empty() {
        return Ok(Vec::new());
    }
    let mut q = DynamicQuery::new("select vm.vm_pool_id as pool, count(*) as n from vm_run r cross join vm ");
    q.push("where vm.id = r.vm_id and vm.vm_pool_id is not null and r.status in ").push(AHEAD);
    q.push(" and not exists (select 1 from pool_assignment a where a.vm_id = vm.id) group by vm.vm_pool_id");
    let ahead: HashMap<PoolId, i64> = q.load::<Ahead>(db)?.into_iter().map(|row| (row.pool, row.n)).collect();
    let short = |(pool, wanted): (PoolId, i32)| {
        (ahead.get(&pool).copied().unwrap_or_default() < i64::from(wanted)).then_some(pool)
    };
    Ok(promised.into_iter().filter_map(short).collect())
}

/// How a pool stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// Started ahead or on the way there.
    pub ahead: u32,
    /// Of those, on the way.
    pub starting: u32,
    /// People who wait for a VM of any pool to start.
    pub waiting: u32,
    /// A task changes the pool.
    pub held: bool,
}

/// Counts what runs.
pub fn standing(db: &mut Db, pool: PoolId) -> QueryResult<Standing> {
    let mut ahead = DynamicQuery::new(
        "select count(*) as n from vm join vm_run r on r.vm_id = vm.id left join pool_assignment a on a.vm_id = vm.id \
         where a.vm_id is null and vm.vm_pool_id = ",
    );
    ahead.bind(pool.to_string()).push(" and r.status in ").push(AHEAD);
    let mut starting = DynamicQuery::new(
        "select count(*) as n from vm_run r join vm on vm.id = r.vm_id left join pool_assignment a on a.vm_id = vm.id \
         where r.status = 'wait_for_launch' and a.vm_id is null and vm.vm_pool_id = ",
    );
    starting.bind(pool.to_string());
    let waiting = DynamicQuery::new(
        "select count(*) as n from vm_run r join pool_assignment a on a.vm_id = r.vm_id where r.status = 'wait_for_launch'",
    );
    let lock = job_lock::table.filter(job_lock::object_id.eq(pool.object())).count();
    Ok(Standing {
        ahead: unsigned(ahead.count(db)?),
        starting: unsigned(starting.count(db)?),
        waiting: unsigned(waiting.count(db)?),
        held: lock.get_result::<i64>(db)? > 0,
    })
}

/// Free VMs that are down, the least used first: one that fails is not tried again and again.
pub fn startable(db: &mut Db, pool: PoolId, most: u32) -> QueryResult<Vec<VmId>> {
    let mut q = DynamicQuery::new(
        "select vm.id as vm from vm join vm_run r on r.vm_id = vm.id left join pool_assignment a on a.vm_id = vm.id \
         left join job_lock l on l.object_id = vm.id where a.vm_id is null and l.object_id is null and r.status = 'down' \
         and r.host_id is null and vm.vm_pool_id = ",
    );
    q.bind(pool.to_string()).push(&format!(" order by r.generation, length(vm.name), vm.name limit {most}"));
    Ok(q.load::<One>(db)?.into_iter().map(|one| one.vm).collect())
}

/// A VM of a pool that is not as it should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LeftOver {
    pub vm: VmId,
    /// It must be stopped first.
    pub runs: bool,
}

#[derive(QueryableByName)]
struct LeftRow {
    #[diesel(sql_type = Text)]
    vm: VmId,
    #[diesel(sql_type = Text)]
    status: VmStatus,
}

/// VMs that are to go back to their pools and are held by no task: down and not his any more who had them, running though they
/// were taken back, or down with a throw-away layer.
pub fn left_over(db: &mut Db) -> QueryResult<Vec<LeftOver>> {
    // `cross join`: from the few that are taken, or have such a layer, to their state; SQLite would read all that are down.
    let taken = DynamicQuery::new(
        "select a.vm_id as vm, r.status from pool_assignment a cross join vm_run r cross join vm_pool p \
         left join job_lock l on l.object_id = a.vm_id where r.vm_id = a.vm_id and p.id = a.vm_pool_id \
         and l.object_id is null and (r.status = 'down' and r.host_id is null and (p.kind = 'automatic' \
         or not exists (select 1 from permission where permission.id = a.permission_id)) \
         or a.ends and r.status in ('up', 'powering_up', 'paused', 'reboot_in_progress'))",
    );
    let layers = DynamicQuery::new(
        "select distinct vm.id as vm, r.status from image i cross join vm_disk d cross join vm cross join vm_run r \
         left join pool_assignment a on a.vm_id = vm.id left join job_lock l on l.object_id = vm.id where i.is_stateless \
         and d.disk_id = i.disk_id and vm.id = d.vm_id and r.vm_id = vm.id and vm.vm_pool_id is not null \
         and r.status = 'down' and r.host_id is null and a.vm_id is null and l.object_id is null",
    );
    let mut all: Vec<LeftRow> = taken.load(db)?;
    all.extend(layers.load::<LeftRow>(db)?);
    Ok(all.into_iter().map(|row| LeftOver { vm: row.vm, runs: row.status != VmStatus::Down }).collect())
}

/// What is known of a pool's last failure: how often in a row, why, and until when it waits.
pub fn failures(db: &mut Db, pool: PoolId) -> QueryResult<(u32, String, Option<Timestamp>)> {
    let row: Option<(i32, String, Option<Timestamp>)> = vm_pool::table
        .find(pool)
        .select((vm_pool::prestart_failures, vm_pool::prestart_reason, vm_pool::prestart_wait))
        .first(db)
        .optional()?;
    Ok(row.map_or((0, String::new(), None), |(failures, why, wait)| (unsigned(failures), why, wait)))
}

/// Starting ahead failed: it is tried again at `next`.
pub fn failed(db: &mut Db, pool: PoolId, failures: u32, why: &str, next: Timestamp) -> QueryResult<()> {
    diesel::update(vm_pool::table.find(pool))
        .set((
            vm_pool::prestart_failures.eq(i32::try_from(failures).unwrap_or(i32::MAX)),
            vm_pool::prestart_wait.eq(Some(next)),
            vm_pool::prestart_reason.eq(why),
        ))
        .execute(db)
        .map(drop)
}

/// It goes again.
pub fn works(db: &mut Db, pool: PoolId) -> QueryResult<bool> {
    let troubled = vm_pool::table.find(pool).filter(vm_pool::prestart_failures.gt(0));
    let none: Option<Timestamp> = None;
    let set = (vm_pool::prestart_failures.eq(0), vm_pool::prestart_wait.eq(none), vm_pool::prestart_reason.eq(""));
    Ok(diesel::update(troubled).set(set).execute(db)? == 1)
}
