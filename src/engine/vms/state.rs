//! A VM's running side changes here and nowhere else: state computed anew, pages and events told, one writer wins.

use crate::db::Db;
use crate::engine::changes::Topic;
use crate::engine::{Engine, EngineError};
use crate::model::conflict::Conflict;
use crate::model::event::{About, EventCode};
use crate::model::host::HostStatus;
use crate::model::ids::{HostId, VmId};
use crate::model::permission::ObjectKind;
use crate::model::vm::VmStatus;
use crate::model::vm_state::{Facts, Intent, Observed, status};
use crate::store::vms::run::{self, VmRun};
use crate::store::vms::{io_pause, lease};
use std::sync::Arc;

/// How often a change is tried when others change the same VM at the same moment.
const TRIES: usize = 5;

/// Reads a VM's running side, has `edit` change it, and keeps that with the state that follows from it. `edit` may refuse; it
/// runs again on what another writer left.
///
/// # Errors
/// What `edit` returns; the VM does not exist; others change it all the time; or the database failed.
pub(in crate::engine) fn change(
    engine: &Arc<Engine>,
    db: &mut Db,
    vm: VmId,
    mut edit: impl FnMut(&mut VmRun) -> Result<(), EngineError>,
) -> Result<VmRun, EngineError> {
    for _ in 0..TRIES {
        let old = load(db, vm)?;
        let mut new = old.clone();
        edit(&mut new)?;
        settle(engine, &mut new);
        if new == old {
            return Ok(old);
        }
        if run::replace(db, &new)? {
            after(engine, db, &old, &new)?;
            new.generation += 1;
            return Ok(new);
        }
    }
    Err(Conflict::ChangedMeanwhile.into())
}

/// A VM's running side.
///
/// # Errors
/// It does not exist, or the database failed.
pub(in crate::engine) fn load(db: &mut Db, vm: VmId) -> Result<VmRun, EngineError> {
    run::get(db, vm)?.ok_or_else(|| EngineError::NotFound { kind: "VM", id: vm.to_string() })
}

/// The same, as a unit of work.
pub(in crate::engine) async fn read(engine: &Arc<Engine>, vm: VmId) -> Result<VmRun, EngineError> {
    engine.db.read(move |db| load(db, vm)).await
}

/// [`change`] as a unit of work.
pub(in crate::engine) async fn write(
    engine: &Arc<Engine>,
    vm: VmId,
    edit: impl FnMut(&mut VmRun) -> Result<(), EngineError> + Send + 'static,
) -> Result<VmRun, EngineError> {
    let inner = engine.clone();
    engine.db.write(move |db| change(&inner, db, vm, edit)).await
}

/// Computes the state people see.
fn settle(engine: &Engine, run: &mut VmRun) {
    let grace = time::Duration::try_from(engine.timing.powering_up).unwrap_or_default();
    let now = engine.clock.now();
    run.status = status(Facts {
        intent: run.intent,
        observed: run.observed,
        agent: run.agent,
        host_responds: run.host_status != Some(HostStatus::NonResponsive),
        settled: run.started.is_some_and(|started| started.saturating_add(grace) <= now),
    });
}

/// What follows from a change: pages, events, consoles, the VM's way back to its pool.
fn after(engine: &Arc<Engine>, db: &mut Db, old: &VmRun, new: &VmRun) -> Result<(), EngineError> {
    engine.changed(Topic::Object(ObjectKind::Vm), Some(new.vm.0));
    if let Some((pool, _)) = &new.pool {
        engine.changed(Topic::Object(ObjectKind::Pool), Some(pool.0));
        if old.status != new.status {
            crate::engine::pools::touch(engine, *pool);
        }
    }
    // A restored one was told as resumed.
    let launched = matches!(old.status, VmStatus::PoweringUp | VmStatus::WaitForLaunch);
    if launched && old.intent == Intent::Run && new.status == VmStatus::Up {
        engine.tell(db, EventCode::VmUp, about(new), "")?;
    }
    if old.observed != Observed::PausedIo && new.observed == Observed::PausedIo {
        engine.tell(db, EventCode::VmPausedIo, about(new), "")?;
        io_pause::begin(db, new.vm, engine.clock.now())?;
    }
    if old.observed == Observed::PausedIo && new.observed != Observed::PausedIo {
        io_pause::end(db, new.vm)?;
        if new.observed == Observed::Running {
            engine.tell(db, EventCode::VmGoesOn, about(new), "")?;
        }
    }
    if old.status.is_running() && !new.status.is_running() {
        let (engine, vm) = (engine.clone(), new.vm);
        crate::db::after_commit(move || engine.consoles.vm_stopped(vm));
    }
    if old.status != VmStatus::Down && new.status == VmStatus::Down {
        crate::store::run_once::clear(db, new.vm)?;
        lease::forget(db, new.vm)?;
    }
    // What is saved keeps its disks as they are; what is down for good may be put back.
    if old.status != VmStatus::Down && new.status == VmStatus::Down && old.intent != Intent::Images {
        stopped(engine, new);
    }
    Ok(())
}

/// A VM came down: throw-away layers go, a pool's VM goes back.
fn stopped(engine: &Arc<Engine>, run: &VmRun) {
    let (engine, vm, pool, stateless) = (engine.clone(), run.vm, run.pool.is_some(), run.stateless);
    let runtime = tokio::runtime::Handle::current();
    crate::db::after_commit(move || {
        runtime.spawn(async move {
            if pool {
                crate::engine::pools::vm_stopped(&engine, vm).await;
            } else if stateless && let Err(error) = crate::engine::disks::layers::drop_stateless(&engine, vm).await {
                tracing::warn!(%vm, %error, "its throw-away layer stays until the next start");
            }
        });
    });
}

/// For events: the VM and its host.
pub(in crate::engine) fn about(run: &VmRun) -> About {
    About {
        vm: Some((run.vm, run.name.clone())),
        host: run.host.map(|id: HostId| (id, run.host_name.clone())),
        pool: run.pool.clone(),
        ..About::default()
    }
}

/// It runs no more and is not to run.
pub(in crate::engine) fn set_off(engine: &Engine, run: &mut VmRun, reason: &str) {
    run.intent = Intent::Off;
    run.observed = Observed::Off;
    run.agent = false;
    run.host = None;
    run.host_status = None;
    run.addresses.clear();
    run.started = None;
    run.launched.clear();
    run.waits = false;
    run.stopped = Some(engine.clock.now());
    reason.clone_into(&mut run.reason);
}
