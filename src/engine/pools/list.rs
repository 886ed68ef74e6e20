//! Pools as pages show them.

use super::{missing, reservations};
use crate::auth;
use crate::db::Db;
use crate::engine::{Cx, EngineError};
use crate::model::ids::{ObjectId, PoolId};
use crate::model::page::{ListQuery, Page};
use crate::model::pool::{PoolMember, PoolView};
use crate::model::role::Action;
use crate::model::search::{Field, Value, select};
use crate::model::vm::VmRow;
use crate::store::templates::versions;
use crate::store::{pools, vms as store_vms};

const FIELDS: &[Field<PoolView>] = &[
    Field { name: "name", get: |p| Value::Text(p.name.clone()) },
    Field { name: "description", get: |p| Value::Text(p.description.clone()) },
    Field { name: "cluster", get: |p| Value::Text(p.cluster_name.clone()) },
    Field { name: "template", get: |p| Value::Text(p.template_name.clone()) },
    Field { name: "type", get: |p| Value::Text(p.kind.to_string()) },
    Field { name: "size", get: |p| Value::Number(p.size.into()) },
    Field { name: "assigned_vm_count", get: |p| Value::Number(p.assigned.into()) },
    Field { name: "running_vm_count", get: |p| Value::Number(p.running.into()) },
];

/// The pools the actor may see.
///
/// # Errors
/// The search is not understood, or the database failed.
pub async fn list(cx: &Cx, query: &ListQuery) -> Result<Page<PoolView>, EngineError> {
    let (cx2, query) = (cx.clone(), query.clone());
    cx.engine
        .db
        .read(move |db| {
            let scope = auth::visible(db, &cx2.actor)?;
            let mut page = select(pools::list(db, &scope, cx2.actor.user)?, "Pools", FIELDS, &query)?;
            complete(&cx2, db, &mut page.rows)?;
            Ok(page)
        })
        .await
}

/// The rule that `take` goes by.
fn complete(cx: &Cx, db: &mut Db, pools: &mut [PoolView]) -> Result<(), EngineError> {
    let ids: Vec<ObjectId> = pools.iter().map(|pool| pool.id.object()).collect();
    let allowed = auth::actions_on(db, &cx.actor, &ids)?;
    let (all, now) = (pools::reservations::all(db)?, cx.engine.clock.now());
    for pool in pools {
        let actions = allowed.get(&pool.id.object());
        pool.permitted = actions.is_some_and(|a| a.contains(Action::VmPoolBasicOperations));
        pool.reserved = reservations::reserved(&all, pool.id, &cx.actor, now, |one| reservations::who(db, one))?;
        if pool.use_latest {
            let newest = versions::newest(db, pool.template)?;
            pool.newest_name = versions::name(db, newest)?;
            pool.behind = versions::count_behind(db, pool.id, newest)?;
        }
        let kept = pool.reserved.as_ref().is_some_and(|reserved| !reserved.mine);
        pool.can_take = pool.permitted && !kept && pool.free > 0 && pool.mine < pool.max_user_vms;
    }
    Ok(())
}

/// One pool.
///
/// # Errors
/// Hidden, or the database failed.
pub async fn get(cx: &Cx, id: PoolId) -> Result<PoolView, EngineError> {
    let cx2 = cx.clone();
    cx.engine
        .db
        .read(move |db| {
            auth::see(db, &cx2.actor, id.object())?;
            let mut pool = pools::get(db, id, cx2.actor.user)?.ok_or_else(|| missing(id))?;
            complete(&cx2, db, std::slice::from_mut(&mut pool))?;
            Ok(pool)
        })
        .await
}

/// A pool's VMs that the actor may see.
///
/// # Errors
/// Hidden, or the database failed.
pub async fn vms(cx: &Cx, id: PoolId) -> Result<Vec<VmRow>, EngineError> {
    let inner = cx.clone();
    cx.engine
        .db
        .read(move |db| {
            auth::see(db, &inner.actor, id.object())?;
            let scope = auth::visible(db, &inner.actor)?;
            let mut rows = store_vms::list::of_pool(db, &scope, id)?;
            crate::engine::vms::complete(&inner, db, &mut rows)?;
            Ok(rows)
        })
        .await
}

/// A pool's VMs that the actor may see, with who has them: the taken ones first.
///
/// # Errors
/// Hidden, or the database failed.
pub async fn members(cx: &Cx, id: PoolId) -> Result<Vec<PoolMember>, EngineError> {
    let rows = vms(cx, id).await?;
    let mut holders = cx.engine.db.read(move |db| Ok::<_, EngineError>(pools::holders(db, id)?)).await?;
    let with = |vm: VmRow| PoolMember { holder: holders.remove(&vm.id), vm };
    let mut all: Vec<PoolMember> = rows.into_iter().map(with).collect();
    all.sort_by_key(|one| (one.holder.is_none(), !one.vm.status.is_running()));
    Ok(all)
}
