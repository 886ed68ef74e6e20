//! Pools as pages show them.

use crate::db::schema::{cluster, job_lock, pool_assignment, template, vm, vm_pool, vm_run};
use crate::db::{Db, MultiBackend};
use crate::model::ids::{ClusterId, ObjectId, PoolId, TemplateId, UserId, VmId};
use crate::model::pool::{PoolKind, PoolView};
use crate::model::vm::VmStatus;
use crate::store::catalog::unsigned;
use crate::store::scope::{Scope, within};
use diesel::prelude::*;
use std::collections::{HashMap, HashSet};

type Row = ((PoolId, String, String, String), (PoolKind, bool, i32, i32, i32), (ClusterId, String, TemplateId, String));

/// All pools in scope, counted for `user`.
pub fn list(db: &mut Db, scope: &Scope, user: UserId) -> QueryResult<Vec<PoolView>> {
    let query = vm_pool::table
        .inner_join(cluster::table)
        .inner_join(template::table)
        .select((
            (vm_pool::id, vm_pool::name, vm_pool::description, vm_pool::comment),
            (vm_pool::kind, vm_pool::stateful, vm_pool::size, vm_pool::prestarted, vm_pool::max_user_vms),
            (cluster::id, cluster::name, template::id, template::name),
        ))
        .order(vm_pool::name)
        .into_boxed::<MultiBackend>();
    let rows: Vec<Row> = within!(query, vm_pool::id, scope).load(db)?;
    let members: Vec<(Option<PoolId>, VmId, VmStatus)> = vm::table
        .inner_join(vm_run::table)
        .filter(vm::vm_pool_id.is_not_null())
        .select((vm::vm_pool_id, vm::id, vm_run::status))
        .load(db)?;
    let taken: HashMap<VmId, UserId> = pool_assignment::table
        .select((pool_assignment::vm_id, pool_assignment::user_id))
        .load::<(VmId, String)>(db)?
        .into_iter()
        .filter_map(|(vm, user)| Some((vm, user.parse().ok()?)))
        .collect();
    let locked: HashSet<ObjectId> = job_lock::table.select(job_lock::object_id).load(db)?.into_iter().collect();
    Ok(rows
        .into_iter()
        .map(|row| {
            let mut pool = view(row);
            for (_, vm, status) in members.iter().filter(|m| m.0 == Some(pool.id)) {
                let owner = taken.get(vm);
                pool.assigned += u32::from(owner.is_some());
                pool.mine += u32::from(owner == Some(&user));
                pool.running += u32::from(status.is_running());
                let ready = matches!(status, VmStatus::Down | VmStatus::Up);
                pool.free += u32::from(owner.is_none() && ready && !locked.contains(&vm.object()));
            }
            pool
        })
        .collect())
}

fn view(row: Row) -> PoolView {
    let ((id, name, description, comment), (kind, stateful, size, prestarted, max_user_vms), place) = row;
    PoolView {
        id,
        name,
        description,
        comment,
        kind,
        stateful,
        size: unsigned(size),
        prestarted: unsigned(prestarted),
        max_user_vms: unsigned(max_user_vms),
        cluster: place.0,
        cluster_name: place.1,
        template: place.2,
        template_name: place.3,
        assigned: 0,
        running: 0,
        free: 0,
        mine: 0,
        permitted: false,
        can_take: false,
    }
}

/// One pool.
pub fn get(db: &mut Db, id: PoolId, user: UserId) -> QueryResult<Option<PoolView>> {
    let scope = Scope::Some { trees: Vec::new(), single: vec![id.object()] };
    Ok(list(db, &scope, user)?.pop())
}
