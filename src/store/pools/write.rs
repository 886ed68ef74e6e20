//! Pools come and go; VMs are taken and given back.

use crate::db::Db;
use crate::db::schema::{job_lock, permission, pool_assignment, vm, vm_pool, vm_run};
use crate::model::clock::Timestamp;
use crate::model::ids::*;
use crate::model::pool::PoolKind;
use crate::model::vm::VmStatus;
use crate::store::catalog::unsigned;
use crate::store::vms::insert::signed;
use crate::store::{ancestors, quotas};
use diesel::prelude::*;

/// A pool to be kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PoolConfig {
    pub id: PoolId,
    pub cluster: ClusterId,
    pub template: TemplateId,
    pub name: String,
    pub name_mask: String,
    pub description: String,
    pub comment: String,
    pub kind: PoolKind,
    pub stateful: bool,
    pub instant_start: bool,
    pub size: u32,
    pub prestarted: u32,
    pub max_user_vms: u32,
    /// VMs are of the newest version; `template` is the base then.
    pub use_latest: bool,
}

/// Keeps a pool, below its cluster. (It is not above its VMs: who may take one does not see the others.)
pub fn insert(db: &mut Db, new: &PoolConfig) -> QueryResult<()> {
    diesel::insert_into(vm_pool::table)
        .values((
            (
                vm_pool::id.eq(new.id),
                vm_pool::cluster_id.eq(new.cluster),
                vm_pool::template_id.eq(new.template),
                vm_pool::name.eq(&new.name),
                vm_pool::name_mask.eq(&new.name_mask),
            ),
            (
                vm_pool::description.eq(&new.description),
                vm_pool::comment.eq(&new.comment),
                vm_pool::kind.eq(new.kind),
                vm_pool::stateful.eq(new.stateful),
                vm_pool::instant_start.eq(new.instant_start),
                vm_pool::size.eq(signed::<_, i32>(new.size)),
                vm_pool::prestarted.eq(signed::<_, i32>(new.prestarted)),
                vm_pool::max_user_vms.eq(signed::<_, i32>(new.max_user_vms)),
                vm_pool::use_latest.eq(new.use_latest),
            ),
        ))
        .execute(db)?;
    ancestors::set(db, new.id.object(), &[new.cluster.object()])
}

/// A pool's configuration.
pub fn config(db: &mut Db, id: PoolId) -> QueryResult<Option<PoolConfig>> {
    type Row = ((ClusterId, TemplateId, String, String, String, String), (PoolKind, bool, bool, i32, i32, i32, bool));
    let row: Option<Row> = vm_pool::table
        .find(id)
        .select((
            (
                vm_pool::cluster_id,
                vm_pool::template_id,
                vm_pool::name,
                vm_pool::name_mask,
                vm_pool::description,
                vm_pool::comment,
            ),
            (
                vm_pool::kind,
                vm_pool::stateful,
                vm_pool::instant_start,
                vm_pool::size,
                vm_pool::prestarted,
                vm_pool::max_user_vms,
                vm_pool::use_latest,
            ),
        ))
        .first(db)
        .optional()?;
    Ok(row.map(|((cluster, template, name, name_mask, description, comment), numbers)| PoolConfig {
        id,
        cluster,
        template,
        name,
        name_mask,
        description,
        comment,
        kind: numbers.0,
        stateful: numbers.1,
        instant_start: numbers.2,
        size: unsigned(numbers.3),
        prestarted: unsigned(numbers.4),
        max_user_vms: unsigned(numbers.5),
        use_latest: numbers.6,
    }))
}

/// Keeps what can be changed of a pool; it is tried again at once to start VMs ahead.
pub fn update(db: &mut Db, new: &PoolConfig) -> QueryResult<()> {
    diesel::update(vm_pool::table.find(new.id))
        .set((
            vm_pool::name.eq(&new.name),
            vm_pool::name_mask.eq(&new.name_mask),
            vm_pool::description.eq(&new.description),
            vm_pool::comment.eq(&new.comment),
            vm_pool::instant_start.eq(new.instant_start),
            vm_pool::size.eq(signed::<_, i32>(new.size)),
            vm_pool::prestarted.eq(signed::<_, i32>(new.prestarted)),
            vm_pool::max_user_vms.eq(signed::<_, i32>(new.max_user_vms)),
            (vm_pool::use_latest.eq(new.use_latest), vm_pool::template_id.eq(new.template)),
            vm_pool::prestart_failures.eq(0),
            vm_pool::prestart_wait.eq(None::<Timestamp>),
            vm_pool::prestart_reason.eq(""),
        ))
        .execute(db)
        .map(drop)
}

/// Its size is what it has; no more are started ahead than that. Returns the size.
pub fn recount(db: &mut Db, id: PoolId) -> QueryResult<u32> {
    let count: i64 = vm::table.filter(vm::vm_pool_id.eq(id)).count().get_result(db)?;
    let size = signed::<_, i32>(count);
    diesel::update(vm_pool::table.find(id)).set(vm_pool::size.eq(size)).execute(db)?;
    let too_many = vm_pool::table.find(id).filter(vm_pool::prestarted.gt(size));
    diesel::update(too_many).set(vm_pool::prestarted.eq(size)).execute(db)?;
    Ok(unsigned(size))
}

/// The VM is an ordinary one from now on.
pub fn detach(db: &mut Db, id: VmId) -> QueryResult<()> {
    release(db, id)?;
    let pool: Option<PoolId> = vm::table.find(id).select(vm::vm_pool_id).first(db)?;
    if let Some(pool) = pool {
        quotas::inherit(db, pool.object(), id.object())?;
    }
    let none: Option<PoolId> = None;
    diesel::update(vm::table.find(id)).set((vm::vm_pool_id.eq(none), vm::stateless.eq(false))).execute(db).map(drop)
}

/// The pool of that name.
pub fn by_name(db: &mut Db, name: &str) -> QueryResult<Option<PoolId>> {
    vm_pool::table.filter(vm_pool::name.eq(name)).select(vm_pool::id).first(db).optional()
}

/// Removes its rows; its VMs are the caller's.
pub fn remove(db: &mut Db, id: PoolId) -> QueryResult<()> {
    use crate::db::schema::pool_reservation;
    diesel::delete(pool_reservation::table.filter(pool_reservation::vm_pool_id.eq(id))).execute(db)?;
    ancestors::remove(db, id.object())?;
    diesel::delete(vm_pool::table.find(id)).execute(db).map(drop)
}

/// A VM of a pool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    pub vm: VmId,
    pub name: String,
    pub status: VmStatus,
    pub taken_by: Option<UserId>,
    pub locked: bool,
}

/// A pool's VMs by name.
pub fn members(db: &mut Db, id: PoolId) -> QueryResult<Vec<Member>> {
    type Row = (VmId, String, VmStatus, Option<String>, Option<JobId>);
    let rows: Vec<Row> = vm::table
        .inner_join(vm_run::table)
        .left_join(pool_assignment::table)
        .left_join(job_lock::table.on(job_lock::object_id.eq(vm::id)))
        .filter(vm::vm_pool_id.eq(id))
        .order(vm::name)
        .select((vm::id, vm::name, vm_run::status, pool_assignment::user_id.nullable(), job_lock::job_id.nullable()))
        .load(db)?;
    Ok(rows
        .into_iter()
        .map(|(vm, name, status, user, lock)| Member {
            vm,
            name,
            status,
            taken_by: user.and_then(|u| u.parse().ok()),
            locked: lock.is_some(),
        })
        .collect())
}

/// How a pool's VM was made and is used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Membership {
    pub pool: PoolId,
    pub pool_name: String,
    pub kind: PoolKind,
    pub stateful: bool,
    pub taken_by: Option<UserId>,
    pub permission: Option<PermissionId>,
}

/// Which pool a VM belongs to, and who has it.
pub fn membership(db: &mut Db, id: VmId) -> QueryResult<Option<Membership>> {
    type Row = (PoolId, String, PoolKind, bool);
    let pool: Option<Row> = vm::table
        .inner_join(vm_pool::table)
        .filter(vm::id.eq(id))
        .select((vm_pool::id, vm_pool::name, vm_pool::kind, vm_pool::stateful))
        .first(db)
        .optional()?;
    let Some((pool, pool_name, kind, stateful)) = pool else { return Ok(None) };
    // With the user the permission may have gone.
    let taken: Option<(String, Option<PermissionId>)> = pool_assignment::table
        .left_join(permission::table.on(permission::id.nullable().eq(pool_assignment::permission_id)))
        .filter(pool_assignment::vm_id.eq(id))
        .select((pool_assignment::user_id, permission::id.nullable()))
        .first(db)
        .optional()?;
    let (user, permission) = taken.map_or((None, None), |(user, permission)| (user.parse().ok(), permission));
    Ok(Some(Membership { pool, pool_name, kind, stateful, taken_by: user, permission }))
}

/// Gives the VM to the user. Somebody has it already: a unique violation.
pub fn assign(
    db: &mut Db,
    vm: VmId,
    pool: PoolId,
    user: UserId,
    permission: PermissionId,
    now: Timestamp,
) -> QueryResult<()> {
    diesel::insert_into(pool_assignment::table)
        .values((
            pool_assignment::vm_id.eq(vm),
            pool_assignment::vm_pool_id.eq(pool),
            pool_assignment::user_id.eq(user.to_string()),
            pool_assignment::permission_id.eq(Some(permission.to_string())),
            pool_assignment::taken.eq(now),
        ))
        .execute(db)
        .map(drop)
}

/// Nobody has the VM any more.
pub fn release(db: &mut Db, vm: VmId) -> QueryResult<()> {
    diesel::delete(pool_assignment::table.find(vm)).execute(db).map(drop)
}

/// The permission by which somebody has the VM is gone; false: it was none such.
pub fn forget_permission(db: &mut Db, vm: VmId, permission: PermissionId) -> QueryResult<bool> {
    let none: Option<String> = None;
    let taken = pool_assignment::table.find(vm).filter(pool_assignment::permission_id.eq(permission.to_string()));
    Ok(diesel::update(taken).set(pool_assignment::permission_id.eq(none)).execute(db)? == 1)
}

/// Who has the VM has it no more, and it is powered off if it runs; it goes back when it is down.
pub fn end(db: &mut Db, vm: VmId) -> QueryResult<()> {
    let none: Option<String> = None;
    let set = (pool_assignment::permission_id.eq(none), pool_assignment::ends.eq(true));
    diesel::update(pool_assignment::table.find(vm)).set(set).execute(db).map(drop)
}

/// It is to be powered off.
pub fn ends(db: &mut Db, vm: VmId) -> QueryResult<bool> {
    Ok(pool_assignment::table.find(vm).select(pool_assignment::ends).first(db).optional()?.unwrap_or(false))
}

/// One who takes stands in line behind the one before: the pool's row is written first.
pub fn queue_up(db: &mut Db, id: PoolId) -> QueryResult<bool> {
    Ok(diesel::update(vm_pool::table.find(id)).set(vm_pool::id.eq(vm_pool::id)).execute(db)? == 1)
}
