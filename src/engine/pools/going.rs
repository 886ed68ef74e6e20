//! VMs that leave a pool for good: stopped, forgotten by hosts, their files removed.

use crate::db::Db;
use crate::engine::jobs::{JobContext, Next};
use crate::engine::vms::remove::{Doomed, doomed, forget};
use crate::engine::vms::{state, stop};
use crate::engine::{Engine, EngineError, storage};
use crate::model::ids::{HostId, ObjectId, PoolId, VmId};
use crate::model::vm_state::Intent;
use crate::store::pools::bulk;
use crate::store::pools::write::Member;
use serde::{Deserialize, Serialize};
use std::collections::HashSet;
use std::sync::Arc;

/// A VM that goes.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Going {
    pub vm: VmId,
    pub name: String,
    /// It runs there, and nobody uses it.
    host: Option<HostId>,
    /// It never ran: there is nothing of it on hosts and storage.
    fresh: bool,
    disks: Vec<Doomed>,
}

/// What must be done for each. Those that run are to be off from now on.
pub(super) fn plan(
    engine: &Arc<Engine>,
    db: &mut Db,
    pool: PoolId,
    members: &[Member],
    files: bool,
) -> Result<Vec<Going>, EngineError> {
    let untouched: HashSet<VmId> = bulk::untouched(db, pool)?.into_iter().collect();
    let mut all = Vec::new();
    for member in members {
        let mut host = None;
        if member.status.is_running() {
            let run = state::change(engine, db, member.vm, |run| {
                run.intent = Intent::Off;
                Ok(())
            })?;
            host = run.host;
        }
        let fresh = untouched.contains(&member.vm);
        let disks = if fresh || !files { Vec::new() } else { doomed(db, member.vm)? };
        all.push(Going { vm: member.vm, name: member.name.clone(), host, fresh, disks });
    }
    Ok(all)
}

/// What a job holds of them.
pub(super) fn locks(pool: PoolId, all: &[Going]) -> Vec<ObjectId> {
    let vms = all.iter().flat_map(|g| std::iter::once(g.vm.object()).chain(g.disks.iter().map(|d| d.disk.object())));
    std::iter::once(pool.object()).chain(vms).collect()
}

async fn progress(engine: &Arc<Engine>, cx: &JobContext, done: usize, all: usize) -> Result<(), EngineError> {
    cx.progress(engine, u8::try_from(done * 100 / all.max(1)).unwrap_or(100)).await
}

/// Powers off those that run.
pub(super) async fn power_off(engine: &Arc<Engine>, all: &[Going]) -> Result<Next, EngineError> {
    for (vm, host) in all.iter().filter_map(|g| Some((g.vm, g.host?))) {
        stop::pull(engine, vm, host).await?;
    }
    Ok(Next::Done)
}

/// No host knows them any more.
pub(super) async fn forget_domains(engine: &Arc<Engine>, cx: &JobContext, all: &[Going]) -> Result<Next, EngineError> {
    for (i, going) in all.iter().enumerate().filter(|(_, g)| !g.fresh) {
        forget(engine, going.vm).await?;
        progress(engine, cx, i + 1, all.len()).await?;
    }
    Ok(Next::Done)
}

/// Their files are gone.
pub(super) async fn remove_images(engine: &Arc<Engine>, cx: &JobContext, all: &[Going]) -> Result<Next, EngineError> {
    for (i, going) in all.iter().enumerate().filter(|(_, g)| !g.fresh) {
        for doomed in &going.disks {
            storage::remove_disk(engine, doomed.host, doomed.domain.clone(), doomed.disk).await?;
        }
        progress(engine, cx, i + 1, all.len()).await?;
    }
    Ok(Next::Done)
}

/// Their rows go.
pub(super) fn forget_rows(db: &mut Db, all: &[Going]) -> Result<(), EngineError> {
    let ids: Vec<VmId> = all.iter().map(|g| g.vm).collect();
    Ok(bulk::remove(db, &ids)?)
}
