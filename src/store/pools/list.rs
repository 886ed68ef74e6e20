//! Pools as pages show them.

use crate::db::dialect::DynamicQuery;
use crate::db::schema::{cluster, pool_assignment, template, users, vm, vm_pool};
use crate::db::{Db, MultiBackend};
use crate::model::clock::Timestamp;
use crate::model::ids::{ClusterId, PoolId, TemplateId, UserId, VmId};
use crate::model::pool::{PoolHolder, PoolKind, PoolView, PrestartTrouble};
use crate::model::vm::VmStatus;
use crate::store::catalog::unsigned;
use crate::store::pools::take::FREE;
use crate::store::scope::{Scope, within};
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};
use std::collections::HashMap;

type Row = (
    (PoolId, String, String, String),
    (PoolKind, bool, bool, i32, i32, i32),
    (ClusterId, String, TemplateId, String, bool),
    (i32, Option<Timestamp>, String),
);

/// What is counted of a pool's VMs.
#[derive(QueryableByName, Default)]
struct Counts {
    #[diesel(sql_type = Text)]
    pool: String,
    #[diesel(sql_type = BigInt)]
    assigned: i64,
    #[diesel(sql_type = BigInt)]
    running: i64,
    #[diesel(sql_type = BigInt)]
    free: i64,
    #[diesel(sql_type = BigInt)]
    mine: i64,
}

/// All pools in scope, counted for `user`.
pub fn list(db: &mut Db, scope: &Scope, user: UserId) -> QueryResult<Vec<PoolView>> {
    let query = vm_pool::table
        .inner_join(cluster::table)
        .inner_join(template::table)
        .select((
            (vm_pool::id, vm_pool::name, vm_pool::description, vm_pool::comment),
            (
                vm_pool::kind,
                vm_pool::stateful,
                vm_pool::instant_start,
                vm_pool::size,
                vm_pool::prestarted,
                vm_pool::max_user_vms,
            ),
            (cluster::id, cluster::name, template::id, template::name, vm_pool::use_latest),
            (vm_pool::prestart_failures, vm_pool::prestart_wait, vm_pool::prestart_reason),
        ))
        .order(vm_pool::name)
        .into_boxed::<MultiBackend>();
    let rows: Vec<Row> = within!(query, vm_pool::id, scope).load(db)?;
    let ids: Vec<PoolId> = rows.iter().map(|row| row.0.0).collect();
    let mut counts = counts(db, &ids, user)?;
    Ok(rows
        .into_iter()
        .map(|row| {
            let counted = counts.remove(&row.0.0.to_string()).unwrap_or_default();
            view(row, &counted)
        })
        .collect())
}

fn counts(db: &mut Db, ids: &[PoolId], user: UserId) -> QueryResult<HashMap<String, Counts>> {
    let running =
        VmStatus::ALL.iter().filter(|s| s.is_running()).map(|s| format!("'{s}'")).collect::<Vec<_>>().join(",");
    let mut q = DynamicQuery::new("select vm.vm_pool_id as pool, count(a.vm_id) as assigned, ");
    q.push(&format!("sum(case when r.status in ({running}) then 1 else 0 end) as running, "));
    q.push(&format!("sum(case when {FREE} then 1 else 0 end) as free, "));
    // What runs on a host that does not answer is of no use to him.
    q.push("sum(case when a.permission_id is not null and r.status <> 'unknown' and a.user_id = ")
        .bind(user.to_string());
    q.push(" then 1 else 0 end) as mine from vm join vm_run r on r.vm_id = vm.id ");
    q.push("left join pool_assignment a on a.vm_id = vm.id left join job_lock l on l.object_id = vm.id ");
    q.push("left join job j on j.id = l.job_id where vm.vm_pool_id in (");
    q.bind_all(ids.iter().map(ToString::to_string)).push(") group by vm.vm_pool_id");
    Ok(q.load::<Counts>(db)?.into_iter().map(|row| (row.pool.clone(), row)).collect())
}

fn view(row: Row, counts: &Counts) -> PoolView {
    let (
        (id, name, description, comment),
        (kind, stateful, instant_start, size, prestarted, max_user_vms),
        place,
        prestart,
    ) = row;
    let (failures, next, why) = prestart;
    PoolView {
        id,
        name,
        description,
        comment,
        kind,
        stateful,
        instant_start,
        size: unsigned(size),
        prestarted: unsigned(prestarted),
        max_user_vms: unsigned(max_user_vms),
        cluster: place.0,
        cluster_name: place.1,
        template: place.2,
        newest_name: place.3.clone(),
        template_name: place.3,
        use_latest: place.4,
        behind: 0,
        assigned: unsigned(counts.assigned),
        running: unsigned(counts.running),
        free: unsigned(counts.free),
        mine: unsigned(counts.mine),
        permitted: false,
        can_take: false,
        reserved: None,
        prestart_trouble: next.map(|next| PrestartTrouble { failures: unsigned(failures), why, next }),
    }
}

/// One pool.
pub fn get(db: &mut Db, id: PoolId, user: UserId) -> QueryResult<Option<PoolView>> {
    let scope = Scope::Some { trees: Vec::new(), single: vec![id.object()] };
    Ok(list(db, &scope, user)?.pop())
}

/// Who has VMs of the pool.
pub fn holders(db: &mut Db, id: PoolId) -> QueryResult<HashMap<VmId, PoolHolder>> {
    type Taken = (VmId, String, Option<String>, Timestamp);
    let taken: Vec<Taken> = pool_assignment::table
        .inner_join(vm::table)
        .filter(vm::vm_pool_id.eq(id))
        .select((
            pool_assignment::vm_id,
            pool_assignment::user_id,
            pool_assignment::permission_id,
            pool_assignment::taken,
        ))
        .load(db)?;
    let ids: Vec<UserId> = taken.iter().filter_map(|t| t.1.parse().ok()).collect();
    let names: HashMap<UserId, String> = users::table
        .filter(users::id.eq_any(ids))
        .select((users::id, users::user_name, users::domain))
        .load::<(UserId, String, String)>(db)?
        .into_iter()
        .map(|(id, name, domain)| (id, format!("{name}@{domain}")))
        .collect();
    let holder = |(vm, user, permission, since): Taken| {
        let user: UserId = user.parse().ok()?;
        let name = names.get(&user).cloned().unwrap_or_default();
        Some((vm, PoolHolder { user, name, since, returning: permission.is_none() }))
    };
    Ok(taken.into_iter().filter_map(holder).collect())
}
