//! Looking at VMs.

use crate::auth;
use crate::db::Db;
use crate::engine::{Cx, EngineError};
use crate::model::ids::{ObjectId, VmId};
use crate::model::page::{ListQuery, Page};
use crate::model::role::Actions;
use crate::model::vm::{Refusal, VmAction, VmRow, VmView};
use crate::model::vm_rules::{Standing, refusal};
use crate::store::vms as store;

/// The VMs the actor may see.
///
/// # Errors
/// Refused, invalid, hidden, or the database failed.
pub async fn list(cx: &Cx, query: &ListQuery) -> Result<Page<VmRow>, EngineError> {
    let (inner, query) = (cx.clone(), query.clone());
    cx.engine
        .db
        .read(move |db| {
            let scope = auth::visible(db, &inner.actor)?;
            let mut page = store::list::list(db, &scope, &query)?;
            complete(&inner, db, &mut page.rows)?;
            Ok(page)
        })
        .await
}

/// Adds what only the engine knows: load, and what the actor may do now.
pub(in crate::engine) fn complete(cx: &Cx, db: &mut Db, rows: &mut [VmRow]) -> Result<(), EngineError> {
    let ids: Vec<ObjectId> = rows.iter().map(|row| row.id.object()).collect();
    let permits = auth::actions_on(db, &cx.actor, &ids)?;
    for row in rows {
        row.load = cx.engine.live.vm(row.id);
        let permits = permits.get(&row.id.object()).copied().unwrap_or_default();
        row.can = VmAction::ALL.iter().copied().filter(|action| why_not(row, permits, *action).is_none()).collect();
    }
    Ok(())
}

fn why_not(row: &VmRow, permits: Actions, action: VmAction) -> Option<Refusal> {
    if !permits.contains(action.permit()) {
        return Some(Refusal::NotPermitted);
    }
    let standing = Standing {
        status: row.status,
        locked_by: row.locked_by.as_ref(),
        pool: row.pool_name.as_deref(),
        host: row.host_name.as_deref(),
        delete_protected: row.delete_protected,
        stateless: row.stateless,
        serial: row.serial,
    };
    refusal(action, &standing)
}

/// One VM with all its details.
///
/// # Errors
/// Refused, invalid, hidden, or the database failed.
pub async fn get(cx: &Cx, id: VmId) -> Result<VmView, EngineError> {
    let inner = cx.clone();
    cx.engine
        .db
        .read(move |db| {
            auth::see(db, &inner.actor, id.object())?;
            let none = || EngineError::NotFound { kind: "VM", id: id.to_string() };
            let mut view = store::get::get(db, id)?.ok_or_else(none)?;
            complete(&inner, db, std::slice::from_mut(&mut view.row))?;
            view.guest = if view.row.status.is_running() { inner.engine.live.guest(id) } else { Default::default() };
            view.watchers = inner.engine.consoles.watchers(id);
            let permits = auth::actions_on(db, &inner.actor, &[id.object()])?.remove(&id.object()).unwrap_or_default();
            let row = &view.row;
            view.cannot = VmAction::ALL
                .iter()
                .filter_map(|action| why_not(row, permits, *action).map(|because| (*action, because)))
                .collect();
            Ok(view)
        })
        .await
}
