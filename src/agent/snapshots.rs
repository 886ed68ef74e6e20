//! Taking a snapshot of a running guest: from one moment on it writes into new layers.

use super::connection::Libvirt;
use super::domains::{find, is_active};
use super::error::{from_libvirt, refused};
use super::storage::{check_path, image_file};
use super::xml::parse::{self, DomainDisk};
use super::xml::snapshot::{self, Part};
use crate::wire::{ErrorCode, SnapshotTaken, SnapshotVm, WireError};
use std::path::Path;
use virt::domain::Domain;
use virt_sys as sys;

type Answer<T> = Result<T, WireError>;

/// Has the guest write into new layers, with its memory saved if that is asked for.
///
/// # Errors
/// libvirt or QEMU refuse; then the guest writes where it wrote before.
pub async fn take(libvirt: &Libvirt, request: SnapshotVm) -> Answer<SnapshotTaken> {
    for new in &request.disks {
        check_path(&new.layer.domain)?;
    }
    libvirt
        .with(move |connection| {
            let off = SnapshotTaken { running: false, frozen: false };
            let Some(domain) = find(connection, request.vm)? else { return Ok(off) };
            if !is_active(&domain)? {
                return Ok(off);
            }
            let done = switch(&domain, &request);
            // It ended in the middle: the next start reads the layers that the caller knows.
            if done.is_err() && !is_active(&domain)? {
                return Ok(off);
            }
            done
        })
        .await
}

fn switch(domain: &Domain, request: &SnapshotVm) -> Answer<SnapshotTaken> {
    let failed = |e| from_libvirt(&format!("the snapshot of VM {}", request.vm), &e);
    let xml = domain.xml_desc(0).map_err(failed)?;
    let disks = parse::disks(&xml);
    let parts: Vec<Part> = disks.iter().filter_map(|disk| part(disk, request)).collect();
    let wanted = parts.iter().filter(|part| part.layer.is_some()).count();
    if wanted < request.disks.len() {
        let missing = format!("VM {} runs without a disk that its snapshot is to keep", request.vm);
        return Err(refused(ErrorCode::WrongState, missing));
    }
    if switched(&disks, request) {
        return Ok(SnapshotTaken { running: true, frozen: false });
    }
    let memory = request.memory.as_ref().map(image_file);
    let plan = snapshot::document(&parts, memory.as_deref()).map_err(|e| refused(ErrorCode::Io, e.to_string()))?;
    let flags = sys::VIR_DOMAIN_SNAPSHOT_CREATE_NO_METADATA
        | sys::VIR_DOMAIN_SNAPSHOT_CREATE_ATOMIC
        | sys::VIR_DOMAIN_SNAPSHOT_CREATE_REUSE_EXT;
    if memory.is_some() {
        domain.create_snapshot_xml(&plan, flags | sys::VIR_DOMAIN_SNAPSHOT_CREATE_LIVE).map_err(failed)?;
        return Ok(SnapshotTaken { running: true, frozen: false });
    }
    let flags = flags | sys::VIR_DOMAIN_SNAPSHOT_CREATE_DISK_ONLY;
    let quiet = flags | sys::VIR_DOMAIN_SNAPSHOT_CREATE_QUIESCE;
    if parse::agent_connected(&xml) {
        match domain.create_snapshot_xml(&plan, quiet) {
            Ok(_) => return Ok(SnapshotTaken { running: true, frozen: true }),
            // A guest that cannot hold still is taken as it is, as after a power cut.
            Err(e) => tracing::info!(vm = %request.vm, "the guest could not be frozen: {e}"),
        }
    }
    domain.create_snapshot_xml(&plan, flags).map_err(failed)?;
    Ok(SnapshotTaken { running: true, frozen: false })
}

fn part(disk: &DomainDisk, request: &SnapshotVm) -> Option<Part> {
    let new = request.disks.iter().find(|new| disk.is(new.disk));
    Some(Part { target: disk.target.clone(), layer: new.map(|new| image_file(&new.layer)) })
}

fn switched(disks: &[DomainDisk], request: &SnapshotVm) -> bool {
    request.disks.iter().all(|new| {
        let writes = disks.iter().find(|disk| disk.is(new.disk)).and_then(|disk| disk.chain.first());
        writes.is_some_and(|layer| same_file(&layer.file, &image_file(&new.layer)))
    })
}

/// libvirt writes the names of lower layers as it finds them in the upper ones.
pub(super) fn same_file(one: &str, other: &Path) -> bool {
    Path::new(one) == other
        || std::fs::canonicalize(one).is_ok_and(|one| Ok(one) == std::fs::canonicalize(other).map_err(drop))
}
