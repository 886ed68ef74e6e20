//! Snapshots of VMs: taken, looked at, gone back to, removed. A VM's disks are layers on layers; a snapshot keeps those that were written
//! when it was taken, and the VM goes on in new ones.

mod create;
mod drop_layers;
mod preview;
mod remove;
#[cfg(test)]
mod tests;

pub(in crate::engine) use create::CreateSnapshot;
pub use create::create;
pub(in crate::engine) use drop_layers::DropLayers;
pub use drop_layers::{commit, undo};
pub(in crate::engine) use preview::PreviewSnapshot;
pub use preview::preview;
pub(in crate::engine) use remove::RemoveSnapshot;
pub use remove::remove;

use crate::auth;
use crate::db::Db;
use crate::engine::storage;
use crate::engine::vms::admit::{admit, refuse};
use crate::engine::{Cx, EngineError};
use crate::model::conflict::Conflict;
use crate::model::disk::DiskFormat;
use crate::model::ids::*;
use crate::model::snapshot::{SavedConfig, SnapshotKind, SnapshotStatus, SnapshotView};
use crate::model::vm::{Hardware, Refusal, VmAction};
use crate::store::disks::tree::TreeImage;
use crate::store::snapshots::{self as store, Snapshot};
use crate::store::vms::run::VmRun;
use crate::store::vms::write as vm_rows;
use crate::wire::{DomainPath, ImagePath};
use serde::{Deserialize, Serialize};

/// A file in a disk's folder, and the host that works on it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::engine) struct File {
    pub host: HostId,
    pub image: ImagePath,
}

/// A VM's snapshots, oldest first, and last the VM as it is now.
///
/// # Errors
/// Hidden, or the database failed.
pub async fn list(cx: &Cx, vm: VmId) -> Result<Vec<SnapshotView>, EngineError> {
    let inner = cx.clone();
    cx.engine
        .db
        .read(move |db| {
            auth::see(db, &inner.actor, vm.object())?;
            let mut all = store::views(db, vm)?;
            all.extend(create::under_way(db, vm, inner.engine.clock.now())?);
            all.push(active(db, vm, &all)?);
            Ok(all)
        })
        .await
}

/// One snapshot of a VM.
///
/// # Errors
/// Hidden, none of this VM's, or the database failed.
pub async fn get(cx: &Cx, vm: VmId, id: SnapshotId) -> Result<SnapshotView, EngineError> {
    let found = list(cx, vm).await?.into_iter().find(|snapshot| snapshot.id == id);
    found.ok_or_else(|| EngineError::NotFound { kind: "snapshot", id: id.to_string() })
}

/// Whose snapshot it is.
///
/// # Errors
/// There is none, or its VM is hidden.
pub async fn vm_of(cx: &Cx, id: SnapshotId) -> Result<VmId, EngineError> {
    let inner = cx.clone();
    cx.engine
        .db
        .read(move |db| {
            let none = || EngineError::NotFound { kind: "snapshot", id: id.to_string() };
            let found = store::get(db, id)?.ok_or_else(none)?;
            auth::see(db, &inner.actor, found.vm.object())?;
            Ok(found.vm)
        })
        .await
}

/// The VM as it is now, as oVirt lists it among the snapshots; it has the VM's own id.
fn active(db: &mut Db, vm: VmId, others: &[SnapshotView]) -> Result<SnapshotView, EngineError> {
    let preview = others.iter().any(|s| s.kind == SnapshotKind::Preview);
    let view = crate::store::vms::get::get(db, vm)?;
    let view = view.ok_or_else(|| EngineError::NotFound { kind: "VM", id: vm.to_string() })?;
    Ok(SnapshotView {
        id: SnapshotId(vm.0),
        vm,
        description: "Active VM".to_owned(),
        kind: SnapshotKind::Active,
        status: if preview { SnapshotStatus::InPreview } else { SnapshotStatus::Ok },
        created: view.created,
        memory: false,
        config: saved_config(db, vm)?,
        disks: Vec::new(),
    })
}

/// Entry of every command on snapshots: the permission, the VM's state, and that it has disks to keep.
fn enter(cx: &Cx, db: &mut Db, vm: VmId, action: VmAction) -> Result<VmRun, EngineError> {
    let run = admit(cx, db, vm, action)?;
    if run.stateless {
        return Err(refuse(action, &run.name, Refusal::StatelessSnapshot));
    }
    Ok(run)
}

/// Nothing is looked at just now.
fn check_calm(run: &VmRun, all: &[Snapshot]) -> Result<(), EngineError> {
    match all.iter().find(|s| s.previewed) {
        Some(s) => Err(Conflict::InPreview { vm: run.name.clone(), snapshot: s.description.clone() }.into()),
        None => Ok(()),
    }
}

fn find(all: &[Snapshot], id: SnapshotId) -> Result<&Snapshot, EngineError> {
    let found = all.iter().find(|s| s.id == id && s.kind == SnapshotKind::Regular);
    found.ok_or_else(|| EngineError::NotFound { kind: "snapshot", id: id.to_string() })
}

/// What a snapshot keeps of a VM's configuration.
pub(in crate::engine) fn saved_config(db: &mut Db, vm: VmId) -> Result<SavedConfig, EngineError> {
    let now = vm_rows::config(db, vm)?.ok_or_else(|| EngineError::NotFound { kind: "VM", id: vm.to_string() })?;
    Ok(SavedConfig { hardware: saved_size(&now), os: now.os, kind: now.kind })
}

/// Brings a VM's configuration back.
fn bring_back(db: &mut Db, vm: VmId, saved: &SavedConfig) -> Result<(), EngineError> {
    let now = vm_rows::config(db, vm)?.ok_or_else(|| EngineError::NotFound { kind: "VM", id: vm.to_string() })?;
    let hardware = &saved.hardware;
    let new = vm_rows::Config {
        os: saved.os.clone(),
        kind: saved.kind,
        memory_mib: hardware.memory_mib,
        max_memory_mib: hardware.max_memory_mib,
        guaranteed_memory_mib: hardware.guaranteed_memory_mib,
        sockets: hardware.sockets,
        cores: hardware.cores,
        threads: hardware.threads,
        display: hardware.display,
        boot: hardware.boot.clone(),
        settings: hardware.settings.clone(),
        // It may have had another size then.
        instance_type: if saved_size(&now) == *hardware { now.instance_type } else { None },
        ..now
    };
    Ok(vm_rows::set_config(db, vm, &new)?)
}

fn saved_size(now: &vm_rows::Config) -> Hardware {
    Hardware {
        memory_mib: now.memory_mib,
        max_memory_mib: now.max_memory_mib,
        guaranteed_memory_mib: now.guaranteed_memory_mib,
        sockets: now.sockets,
        cores: now.cores,
        threads: now.threads,
        display: now.display,
        boot: now.boot.clone(),
        settings: now.settings.clone(),
    }
}

/// Where a layer's file lies.
fn path(layer: &TreeImage) -> ImagePath {
    ImagePath {
        domain: DomainPath { id: layer.domain, path: layer.path.clone() },
        disk: layer.disk,
        image: layer.image,
    }
}

fn file(db: &mut Db, layer: &TreeImage) -> Result<File, EngineError> {
    Ok(File { host: storage::worker(db, layer.host, layer.data_center)?, image: path(layer) })
}

/// The file of a snapshot's memory, beside the layers of this disk.
fn memory_file(db: &mut Db, tree: &[TreeImage], disk: DiskId, id: SnapshotId) -> Result<Option<File>, EngineError> {
    let Some(beside) = tree.iter().find(|layer| layer.disk == disk) else { return Ok(None) };
    let mut file = file(db, beside)?;
    file.image.image = ImageId(id.0);
    Ok(Some(file))
}

/// A thin layer on another one, to be made.
fn layer_on(db: &mut Db, below: &TreeImage) -> Result<storage::PlannedImage, EngineError> {
    Ok(storage::PlannedImage {
        host: storage::worker(db, below.host, below.data_center)?,
        image: ImagePath { image: ImageId::random(), ..path(below) },
        format: DiskFormat::Cow,
        virtual_bytes: below.virtual_bytes,
        sparse: true,
        source: storage::Source::Layer(path(below)),
    })
}

/// What a job on a VM's layers holds: the VM, its disks and the snapshot.
fn locks(vm: VmId, tree: &[TreeImage], snapshot: SnapshotId) -> Vec<ObjectId> {
    let mut all = vec![vm.object(), snapshot.object()];
    all.extend(tree.iter().map(|layer| layer.disk.object()));
    all.sort();
    all.dedup();
    all
}
