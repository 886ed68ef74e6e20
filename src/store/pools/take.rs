//! Which VM of a pool somebody gets, and which he has.

use crate::db::Db;
use crate::db::dialect::DynamicQuery;
use crate::db::schema::{pool_assignment, vm, vm_run};
use crate::model::ids::{PermissionId, PoolId, UserId, VmId};
use crate::model::vm::VmStatus;
use diesel::prelude::*;
use diesel::sql_types::{Bool, Text};

/// Nobody has the VM and it can be taken now: it runs, is being started ahead, or is down where nothing of it may run still. `a` is
/// its assignment, `r` its running side, `l` its lock and `j` the lock's job.
pub(super) const FREE: &str = "a.vm_id is null and (l.object_id is null and (r.status in ('up', 'powering_up') \
    or r.status = 'down' and r.host_id is null) or r.status in ('wait_for_launch', 'powering_up', 'up') and j.kind = 'start_vm')";

/// A VM that can be taken.
#[derive(Debug, Clone, PartialEq, Eq, QueryableByName)]
pub struct Candidate {
    #[diesel(sql_type = Text)]
    pub vm: VmId,
    #[diesel(sql_type = Text)]
    pub name: String,
    #[diesel(sql_type = Text)]
    pub status: VmStatus,
    /// A task holds it.
    #[diesel(sql_type = Bool)]
    pub held: bool,
}

/// VMs that can be taken, those first that the user waits least for.
pub fn candidates(db: &mut Db, pool: PoolId, most: u32) -> QueryResult<Vec<Candidate>> {
    let mut q = DynamicQuery::new(
        "select vm.id as vm, vm.name, r.status, l.object_id is not null as held from vm join vm_run r on r.vm_id = vm.id \
         left join pool_assignment a on a.vm_id = vm.id left join job_lock l on l.object_id = vm.id \
         left join job j on j.id = l.job_id where vm.vm_pool_id = ",
    );
    q.bind(pool.to_string()).push(" and ").push(FREE);
    q.push(
        " order by case r.status when 'up' then 0 when 'powering_up' then 1 when 'wait_for_launch' then 2 else 3 end, ",
    );
    q.push(&format!("length(vm.name), vm.name limit {most}"));
    q.load(db)
}

/// A VM that somebody has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    pub vm: VmId,
    pub name: String,
    pub status: VmStatus,
    pub permission: PermissionId,
}

/// The VMs of the pool that are his, the longest taken first. Those that go back are not his any more.
pub fn held(db: &mut Db, pool: PoolId, user: UserId) -> QueryResult<Vec<Held>> {
    let rows: Vec<(VmId, String, VmStatus, Option<String>)> = pool_assignment::table
        .inner_join(vm::table)
        .inner_join(vm_run::table.on(vm_run::vm_id.eq(pool_assignment::vm_id)))
        .filter(pool_assignment::vm_pool_id.eq(pool))
        .filter(pool_assignment::user_id.eq(user.to_string()))
        .filter(pool_assignment::permission_id.is_not_null())
        .order(pool_assignment::taken)
        .select((vm::id, vm::name, vm_run::status, pool_assignment::permission_id))
        .load(db)?;
    let his = |(vm, name, status, permission): (VmId, String, VmStatus, Option<String>)| {
        Some(Held { vm, name, status, permission: permission?.parse().ok()? })
    };
    Ok(rows.into_iter().filter_map(his).collect())
}
