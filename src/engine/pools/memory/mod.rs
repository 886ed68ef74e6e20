//! Instant start: a pool's VMs go on from one saved memory of a guest that has booted, each on a throw-away layer of its own over what
//! that guest wrote. Who takes one does not wait for a boot, and nothing has to run ahead.

mod keep;
mod save;
#[cfg(test)]
mod tests;

pub(in crate::engine) use keep::keep;
pub(in crate::engine) use save::SaveMemory;

use crate::auth;
use crate::db::Db;
use crate::engine::vms::spec;
use crate::engine::{Cx, Engine, EngineError};
use crate::model::event::{About, EventCode};
use crate::model::host::HostFacts;
use crate::model::ids::*;
use crate::model::pool::{MemoryState, PoolKind, PoolMemory};
use crate::store::pools::memory as store;
use crate::store::pools::write as rows;
use crate::store::scheduling::places;
use crate::store::storage_domains;
use crate::store::templates::versions;
use crate::store::vms::launch::{self, Launch};
use crate::wire::{DomainPath, ImagePath, VmSpec};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::sync::Arc;

/// After a failure it is tried again after this, doubled with each in a row.
const FIRST_WAIT: time::Duration = time::Duration::seconds(30);
const LONGEST_WAIT: time::Duration = time::Duration::minutes(15);

/// A memory that a VM's start goes on from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::engine) struct Instant {
    pub id: MemoryId,
    pub file: ImagePath,
    /// For each disk of the VM what its throw-away layer lies on.
    pub layers: HashMap<DiskId, ImagePath>,
}

/// The pool's memory, as its page shows it.
///
/// # Errors
/// Hidden, or the database failed.
pub async fn get(cx: &Cx, pool: PoolId) -> Result<Option<PoolMemory>, EngineError> {
    let inner = cx.clone();
    cx.engine
        .db
        .read(move |db| {
            auth::see(db, &inner.actor, pool.object())?;
            Ok(store::of_pool(db, pool)?)
        })
        .await
}

/// What the VM's start can go on from; none: it boots.
///
/// # Errors
/// The database failed.
pub(in crate::engine) async fn usable(
    engine: &Arc<Engine>,
    host: HostId,
    vm: &Launch,
) -> Result<Option<Instant>, EngineError> {
    if !vm.stateless || vm.memory.is_some() {
        return Ok(None);
    }
    let vm = vm.clone();
    engine.db.read(move |db| find(db, host, &vm)).await
}

fn find(db: &mut Db, host: HostId, vm: &Launch) -> Result<Option<Instant>, EngineError> {
    let Some(member) = rows::membership(db, vm.vm)? else { return Ok(None) };
    // In a manual pool he finds again what he wrote, at his next start.
    if member.kind != PoolKind::Automatic || member.stateful {
        return Ok(None);
    }
    let wanted = rows::config(db, member.pool)?.is_some_and(|pool| pool.instant_start);
    let memory = store::of_pool(db, member.pool)?.filter(|m| wanted && m.state == MemoryState::Ready);
    let Some(memory) = memory else { return Ok(None) };
    let bases = store::bases(db, vm.vm)?;
    let facts = places::facts(db, vm.cluster)?.into_iter().find(|(id, _)| *id == host).map(|(_, facts)| facts);
    if facts.is_none_or(|facts| make_of(vm, &bases, &facts) != memory.make) {
        return Ok(None);
    }
    let Some(place) = place(db, memory.domain)? else { return Ok(None) };
    let written = store::layers(db, memory.id)?;
    let layers = bases.iter().filter_map(|base| {
        let layer = written.iter().find(|layer| layer.below == base.below)?;
        Some((base.disk, ImagePath { domain: place.clone(), disk: layer.disk, image: layer.image }))
    });
    let layers: HashMap<DiskId, ImagePath> = layers.collect();
    Ok((layers.len() == vm.disks.len()).then(|| Instant { id: memory.id, file: file(&memory, place), layers }))
}

/// A VM that the others are like, of the newest version where the pool follows its template.
fn model(db: &mut Db, pool: PoolId) -> Result<Option<Launch>, EngineError> {
    let Some(config) = rows::config(db, pool)? else { return Ok(None) };
    let version = if config.use_latest { versions::newest(db, config.template)? } else { config.template };
    let Some(vm) = store::model(db, pool, version)? else { return Ok(None) };
    Ok(launch::get(db, vm)?)
}

fn place(db: &mut Db, domain: StorageDomainId) -> Result<Option<DomainPath>, EngineError> {
    let found = storage_domains::places(db)?.into_iter().find(|place| place.id == domain);
    Ok(found.map(|place| DomainPath { id: place.id, path: place.path }))
}

fn file(memory: &PoolMemory, domain: DomainPath) -> ImagePath {
    ImagePath { domain, disk: memory.disk, image: ImageId(memory.id.0) }
}

/// What must be the same for a VM to go on from a memory: its hardware but for names, addresses and layers, what its disks lie on, and
/// the host's CPU, QEMU and libvirt.
fn make_of(vm: &Launch, bases: &[store::Base], host: &HostFacts) -> String {
    let spec = spec::build(vm);
    let plain = VmSpec { id: VmId::fixed(0), name: String::new(), nics: Vec::new(), ..spec };
    let below: Vec<ImageId> = bases.iter().map(|base| base.below).collect();
    let disks = plain.disks.iter().map(|d| (d.interface, d.read_only)).collect::<Vec<_>>();
    let hardware = serde_json::to_string(&VmSpec { disks: Vec::new(), ..plain }).unwrap_or_default();
    format!(
        "{hardware} {disks:?} {below:?} {} {} {} {}",
        host.cpu_model, host.kvm, host.qemu_version, host.libvirt_version
    )
}

/// A memory could not be used: it is saved anew after a while, and until then VMs boot.
pub(in crate::engine) fn broken(engine: &Arc<Engine>, db: &mut Db, id: MemoryId, why: &str) -> Result<(), EngineError> {
    let Some(memory) = store::all(db)?.into_iter().find(|m| m.id == id && m.state != MemoryState::Failed) else {
        return Ok(());
    };
    let wait = (FIRST_WAIT * 2_i32.pow(memory.failures.min(8))).min(LONGEST_WAIT);
    let now = engine.clock.now();
    if !store::set_failed(db, id, why, memory.failures.saturating_add(1), now.saturating_add(wait), now)? {
        return Ok(());
    }
    engine.changed(super::topic(), Some(memory.pool.0));
    let name = rows::config(db, memory.pool)?.map(|pool| pool.name).unwrap_or_default();
    let about = About { pool: Some((memory.pool, name)), ..About::default() };
    engine.tell(db, EventCode::InstantStartFailed, about, why)
}
