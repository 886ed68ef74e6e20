//! Who sits in a class: the people who have a pool's VMs, with what is kept of them.

use crate::db::Db;
use crate::db::schema::{pool_assignment, users, vm, vm_pool, vm_run};
use crate::model::clock::Timestamp;
use crate::model::ids::{HostId, PoolId, UserId, VmId};
use diesel::prelude::*;
use std::collections::{HashMap, HashSet};

/// Somebody with a VM of a pool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seat {
    pub vm: VmId,
    pub name: String,
    pub pool: PoolId,
    pub pool_name: String,
    pub user: UserId,
    /// He may not use it any more.
    pub returning: bool,
    pub hand: Option<Timestamp>,
    /// Alone.
    pub locked_until: Option<Timestamp>,
    /// With all others.
    pub pool_locked_until: Option<Timestamp>,
}

impl Seat {
    /// Until when the screen is locked, if it is.
    pub fn locked(&self, now: Timestamp) -> Option<Timestamp> {
        self.locked_until.max(self.pool_locked_until).filter(|until| *until > now)
    }
}

/// Whose seats are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Whose {
    Pool(PoolId),
    User(UserId),
    Vm(VmId),
}

/// Seats by the VM's name.
pub fn seats(db: &mut Db, whose: Whose) -> QueryResult<Vec<Seat>> {
    type Row = (
        (VmId, String, PoolId, String),
        (String, Option<String>),
        (Option<Timestamp>, Option<Timestamp>, Option<Timestamp>),
    );
    let query = pool_assignment::table
        .inner_join(vm::table)
        .inner_join(vm_pool::table.on(vm_pool::id.eq(pool_assignment::vm_pool_id)))
        .order(vm::name)
        .select((
            (vm::id, vm::name, vm_pool::id, vm_pool::name),
            (pool_assignment::user_id, pool_assignment::permission_id),
            (pool_assignment::hand, pool_assignment::locked_until, vm_pool::locked_until),
        ));
    let rows: Vec<Row> = match whose {
        Whose::Pool(pool) => query.filter(pool_assignment::vm_pool_id.eq(pool)).load(db)?,
        Whose::User(user) => query.filter(pool_assignment::user_id.eq(user.to_string())).load(db)?,
        Whose::Vm(vm) => query.filter(pool_assignment::vm_id.eq(vm)).load(db)?,
    };
    let seat = |((vm, name, pool, pool_name), (user, permission), (hand, alone, all)): Row| {
        let user = user.parse().ok()?;
        let returning = permission.is_none();
        Some(Seat { vm, name, pool, pool_name, user, returning, hand, locked_until: alone, pool_locked_until: all })
    };
    Ok(rows.into_iter().filter_map(seat).collect())
}

/// The VMs whose screens are locked.
pub fn locked(db: &mut Db, now: Timestamp) -> QueryResult<HashSet<VmId>> {
    let all: Vec<VmId> = pool_assignment::table
        .inner_join(vm_pool::table)
        .filter(pool_assignment::locked_until.gt(now).or(vm_pool::locked_until.gt(now)))
        .select(pool_assignment::vm_id)
        .load(db)?;
    Ok(all.into_iter().collect())
}

/// What people are called: first and last name, else the name they sign in with.
pub fn full_names(db: &mut Db, ids: &[UserId]) -> QueryResult<HashMap<UserId, String>> {
    type Row = (UserId, String, String, String);
    let rows: Vec<Row> = users::table
        .filter(users::id.eq_any(ids))
        .select((users::id, users::user_name, users::first_name, users::last_name))
        .load(db)?;
    let name = |(id, user, first, last): Row| {
        let full = format!("{first} {last}").trim().to_owned();
        (id, if full.is_empty() { user } else { full })
    };
    Ok(rows.into_iter().map(name).collect())
}

/// Where a VM of the pool runs, and whether its guest agent answers; none: it is another pool's.
pub fn agent_of(db: &mut Db, vm: VmId) -> QueryResult<Option<(HostId, bool)>> {
    let found: Option<(Option<HostId>, bool)> =
        vm_run::table.find(vm).select((vm_run::host_id, vm_run::agent_connected)).first(db).optional()?;
    Ok(found.and_then(|(host, agent)| Some((host?, agent))))
}

/// Locks all of a pool's screens until then; none: unlocks all, those that were locked alone, too.
pub fn lock_all(db: &mut Db, pool: PoolId, until: Option<Timestamp>) -> QueryResult<bool> {
    let found = diesel::update(vm_pool::table.find(pool)).set(vm_pool::locked_until.eq(until)).execute(db)?;
    if until.is_none() {
        let alone = pool_assignment::table.filter(pool_assignment::vm_pool_id.eq(pool));
        diesel::update(alone).set(pool_assignment::locked_until.eq(None::<Timestamp>)).execute(db)?;
    }
    Ok(found == 1)
}

/// Until when all of a pool's screens are locked.
pub fn pool_lock(db: &mut Db, pool: PoolId) -> QueryResult<Option<Timestamp>> {
    Ok(vm_pool::table.find(pool).select(vm_pool::locked_until).first(db).optional()?.flatten())
}

/// Locks one screen until then, or unlocks it.
pub fn lock_one(db: &mut Db, vm: VmId, until: Option<Timestamp>) -> QueryResult<()> {
    diesel::update(pool_assignment::table.find(vm)).set(pool_assignment::locked_until.eq(until)).execute(db).map(drop)
}

/// Raises a hand, or takes it down. A hand that is up stays up since when it was raised. True if something changed.
pub fn hand(db: &mut Db, vm: VmId, since: Option<Timestamp>) -> QueryResult<bool> {
    let row = pool_assignment::table.find(vm);
    let changed = match since {
        Some(_) => diesel::update(row.filter(pool_assignment::hand.is_null()))
            .set(pool_assignment::hand.eq(since))
            .execute(db)?,
        None => diesel::update(row.filter(pool_assignment::hand.is_not_null()))
            .set(pool_assignment::hand.eq(since))
            .execute(db)?,
    };
    Ok(changed == 1)
}

/// Takes locks away that are over. How many there were.
pub fn end_locks(db: &mut Db, now: Timestamp) -> QueryResult<usize> {
    let none: Option<Timestamp> = None;
    let all = diesel::update(vm_pool::table.filter(vm_pool::locked_until.le(now)))
        .set(vm_pool::locked_until.eq(none))
        .execute(db)?;
    let alone = diesel::update(pool_assignment::table.filter(pool_assignment::locked_until.le(now)))
        .set(pool_assignment::locked_until.eq(none))
        .execute(db)?;
    Ok(all + alone)
}

/// Whether there are any.
pub fn locks_to_end(db: &mut Db, now: Timestamp) -> QueryResult<bool> {
    let pool: Option<PoolId> =
        vm_pool::table.filter(vm_pool::locked_until.le(now)).select(vm_pool::id).first(db).optional()?;
    let alone: Option<VmId> = pool_assignment::table
        .filter(pool_assignment::locked_until.le(now))
        .select(pool_assignment::vm_id)
        .first(db)
        .optional()?;
    Ok(pool.is_some() || alone.is_some())
}
