//! VM leases: a highly available VM whose host does not answer is started elsewhere once it is certain that it runs no more, with nobody who
//! fences the host or looks at it.
//!
//! What makes it certain is a lock that the kernel holds for QEMU itself. QEMU locks every image it has open (byte ranges of the file, `fcntl` on
//! the open file), so the lock ends with the process and not sooner: whoever kills the agent, libvirt or the engine, it stays for as long as
//! anything could write; when the host loses its power or its storage, the file system gives it back, and lets that host write no more under it.
//! No clock and no daemon has a say. The same lock keeps a second QEMU from opening the disk: should all that is written here be wrong, the
//! start fails, and the disk is whole. A lease that an agent renews was not taken: an agent can be killed while its QEMU writes on.
//!
//! A lock says this only where the file system carries it between hosts (NFS 4, CephFS, GFS2; not NFS with `nolock` or `local_lock`). So a lease
//! counts only after another host has looked while the VM ran, and saw the lock held; where it did not, that is told.
//!
//! The VM's disks on the lease's storage domain are looked at: at least one must lie there.

use crate::db::Db;
use crate::engine::hosts::fence;
use crate::engine::vms::{ha, state};
use crate::engine::{Engine, EngineError};
use crate::model::event::EventCode;
use crate::model::host::HostStatus;
use crate::model::vm_state::Intent;
use crate::store::vms::launch::{self, Launch};
use crate::store::vms::lease::{self as store, Leased};
use crate::store::vms::run;
use crate::wire::fence::LooksForLocks;
use crate::wire::{DomainPath, ImagePath};
use std::sync::Arc;

const RUN_OUT: &str = "Its host does not answer, and its lease has run out: nothing of it writes any more.";

/// Sees that leases are held where VMs run, and frees VMs whose host does not answer when theirs has run out.
///
/// # Errors
/// The database failed.
pub(in crate::engine) async fn watch(engine: &Arc<Engine>) -> Result<(), EngineError> {
    for leased in engine.db.read(|db| Ok::<_, EngineError>(store::running(db)?)).await? {
        match (leased.host_status, leased.seen) {
            (HostStatus::Up, None | Some(false)) => prove(engine, leased).await?,
            (HostStatus::NonResponsive, Some(true)) => take_over(engine, leased).await?,
            _ => {}
        }
    }
    Ok(())
}

/// The layers that QEMU has open for writing there.
fn images(vm: &Launch) -> Vec<ImagePath> {
    let lease = vm.hardware.settings.lease.0;
    let there = vm.disks.iter().filter(|disk| Some(disk.domain) == lease && disk.active && !disk.read_only);
    there
        .map(|disk| {
            let domain = DomainPath { id: disk.domain, path: disk.domain_path.clone() };
            ImagePath { domain, disk: disk.disk, image: disk.image }
        })
        .collect()
}

/// Whether one of its disks lies where its lease is.
pub(in crate::engine) fn has_a_disk_there(vm: &Launch) -> bool {
    !images(vm).is_empty()
}

/// Whether another host sees the lease held; none: nobody can say.
async fn is_held(engine: &Arc<Engine>, leased: &Leased) -> Result<Option<bool>, EngineError> {
    let (vm, host, domain) = (leased.vm, leased.host, leased.domain);
    let read = move |db: &mut Db| {
        let Some(mut config) = launch::get(db, vm)? else { return Ok(None) };
        // What it runs with, not what is set for its next start.
        config.hardware.settings.lease.0 = Some(domain);
        match fence::proxy(db, host) {
            Ok(by) => Ok(Some((by, images(&config)))),
            Err(EngineError::Conflict(_)) => Ok(None),
            Err(error) => Err(error),
        }
    };
    let Some((by, images)) = engine.db.read(read).await?.filter(|(_, images)| !images.is_empty()) else {
        return Ok(None);
    };
    match engine.call(by, &LooksForLocks { images }).await {
        Ok(found) => Ok(Some(found.held)),
        Err(error) => {
            tracing::debug!(%vm, %error, "nobody can say whether its lease is held");
            Ok(None)
        }
    }
}

async fn prove(engine: &Arc<Engine>, leased: Leased) -> Result<(), EngineError> {
    let Some(held) = is_held(engine, &leased).await?.filter(|held| Some(*held) != leased.seen) else { return Ok(()) };
    let inner = engine.clone();
    engine
        .db
        .write(move |db| {
            let run = state::load(db, leased.vm)?;
            // It moved or went down meanwhile, or is about to: what was seen says nothing of where it runs.
            let same = run.generation == leased.generation && run.host == Some(leased.host);
            if !same || !run.observed.is_living() || run::is_locked(db, leased.vm)? {
                return Ok(());
            }
            store::note(db, leased.vm, leased.host, held)?;
            if held { Ok(()) } else { inner.tell(db, EventCode::VmLeaseNotSeen, state::about(&run), "") }
        })
        .await
}

async fn take_over(engine: &Arc<Engine>, leased: Leased) -> Result<(), EngineError> {
    if is_held(engine, &leased).await? != Some(false) {
        return Ok(());
    }
    let inner = engine.clone();
    engine.db.write(move |db| free(&inner, db, &leased)).await
}

/// It runs no more, and is to be started again.
fn free(engine: &Arc<Engine>, db: &mut Db, leased: &Leased) -> Result<(), EngineError> {
    let run = state::load(db, leased.vm)?;
    // What a task holds it brings to its end itself. What moves may hold its lock neither here nor there for a moment.
    let same = run.host == Some(leased.host) && run.host_status == Some(HostStatus::NonResponsive);
    if !same || !run.observed.is_living() || run.intent == Intent::Migrate || run::is_locked(db, leased.vm)? {
        return Ok(());
    }
    state::change(engine, db, leased.vm, |run| {
        state::set_off(engine, run, RUN_OUT);
        Ok(())
    })?;
    engine.tell(db, EventCode::VmDownError, state::about(&run), RUN_OUT)?;
    ha::went_down(engine, db, &run)
}
