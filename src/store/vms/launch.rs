//! What a VM is launched from.

use crate::db::Db;
use crate::db::schema::{disk, image, job_lock, network, nic, storage_domain, vm, vm_disk, vnic_profile};
use crate::model::cluster_settings::ClusterSettings;
use crate::model::disk::{DiskFormat, DiskInterface, DiskStatus};
use crate::model::ids::{ClusterId, DiskId, HostId, ImageId, NicId, ObjectId, SnapshotId, StorageDomainId, VmId};
use crate::model::network::{MacAddress, NicModel};
use crate::model::storage_domain::StorageDomainStatus;
use crate::model::vm::{Display, Hardware};
use crate::model::vm_settings::{Running, VmSettings};
use crate::store::scheduling::places;
use diesel::prelude::*;

/// A VM's configuration as its launch needs it.
#[derive(Debug, Clone)]
pub struct Launch {
    pub vm: VmId,
    pub name: String,
    pub cluster: ClusterId,
    /// What is set for all guests of the cluster.
    pub common: ClusterSettings,
    pub os: String,
    pub hardware: Hardware,
    pub stateless: bool,
    pub disks: Vec<LaunchDisk>,
    /// What is in the drive: its id, and the disk if it still exists.
    pub cd: Option<(DiskId, Option<LaunchDisk>)>,
    pub nics: Vec<LaunchNic>,
    /// Started in place of what its disks would start; of this run only.
    pub kernel: Option<LaunchKernel>,
    /// The memory of a snapshot that it goes on from: whose, and the disk beside which it lies.
    pub memory: Option<(SnapshotId, DiskId)>,
}

impl Launch {
    /// All that it reads or writes, that there is.
    pub fn files(&self) -> impl Iterator<Item = &LaunchDisk> {
        let kernel = self.kernel.iter().flat_map(|kernel| std::iter::once(&kernel.image).chain(&kernel.initrd));
        self.disks.iter().chain(self.cd.iter().filter_map(|(_, cd)| cd.as_ref())).chain(kernel)
    }

    /// What a guest that is started from it runs with.
    pub fn running(&self) -> Running {
        Running::of(&self.hardware, &self.os, self.stateless)
    }
}

/// A kernel with its initial RAM disk.
#[derive(Debug, Clone)]
pub struct LaunchKernel {
    pub image: LaunchDisk,
    pub initrd: Option<LaunchDisk>,
    pub parameters: String,
}

/// A disk with its active layer and where that lies.
#[derive(Debug, Clone)]
pub struct LaunchDisk {
    pub disk: DiskId,
    pub alias: String,
    pub status: DiskStatus,
    pub image: ImageId,
    pub format: DiskFormat,
    pub interface: DiskInterface,
    pub bootable: bool,
    pub read_only: bool,
    /// False: the guest does not see it.
    pub active: bool,
    pub domain: StorageDomainId,
    pub domain_name: String,
    pub domain_status: StorageDomainStatus,
    pub domain_path: String,
    /// The only host that has it; none: all hosts.
    pub domain_host: Option<HostId>,
}

/// A network card with its logical network's name.
#[derive(Debug, Clone)]
pub struct LaunchNic {
    pub nic: NicId,
    pub mac: MacAddress,
    pub model: NicModel,
    pub linked: bool,
    /// False: the guest does not see it.
    pub plugged: bool,
    pub network: Option<String>,
}

type VmRow =
    ((String, ClusterId, String, bool, Option<DiskId>), (i64, i64, i64), (i32, i32, i32), (Display, String, String));

/// The VM's configuration; none: there is no such VM.
pub fn get(db: &mut Db, id: VmId) -> QueryResult<Option<Launch>> {
    let row: Option<VmRow> = vm::table
        .find(id)
        .select((
            (vm::name, vm::cluster_id, vm::os, vm::stateless, vm::cd_disk_id),
            (vm::memory_mib, vm::max_memory_mib, vm::guaranteed_memory_mib),
            (vm::sockets, vm::cores, vm::threads),
            (vm::display, vm::boot, vm::settings),
        ))
        .first(db)
        .optional()?;
    let Some(((name, cluster, os, stateless, cd), memory, cpu, (display, boot, settings))) = row else {
        return Ok(None);
    };
    let cd = match cd {
        None => None,
        Some(id) => Some((id, medium(db, id)?)),
    };
    Ok(Some(Launch {
        vm: id,
        name,
        cluster,
        common: places::settings(db, cluster)?,
        os,
        hardware: Hardware {
            memory_mib: memory.0.unsigned_abs(),
            max_memory_mib: memory.1.unsigned_abs(),
            guaranteed_memory_mib: memory.2.unsigned_abs(),
            sockets: cpu.0.unsigned_abs(),
            cores: cpu.1.unsigned_abs(),
            threads: cpu.2.unsigned_abs(),
            display,
            boot: boot.split(',').filter_map(|word| word.parse().ok()).collect(),
            settings: VmSettings::from_json(&settings),
        },
        stateless,
        disks: disks(db, id)?,
        cd,
        nics: nics(db, id)?,
        kernel: None,
        memory: crate::store::snapshots::restored_memory(db, id)?,
    }))
}

type DiskRow = (
    (DiskId, String, DiskStatus, ImageId, DiskFormat),
    (DiskInterface, bool, bool, bool),
    (StorageDomainId, String, StorageDomainStatus, String, Option<HostId>),
);

fn to_disk(
    ((disk, alias, status, image, format), (interface, bootable, read_only, active), domain): DiskRow,
) -> LaunchDisk {
    let (domain, domain_name, domain_status, domain_path, domain_host) = domain;
    LaunchDisk {
        disk,
        alias,
        status,
        image,
        format,
        interface,
        bootable,
        read_only,
        active,
        domain,
        domain_name,
        domain_status,
        domain_path,
        domain_host,
    }
}

fn disks(db: &mut Db, id: VmId) -> QueryResult<Vec<LaunchDisk>> {
    let rows: Vec<DiskRow> = vm_disk::table
        .inner_join(disk::table.inner_join(storage_domain::table).inner_join(image::table))
        .filter(vm_disk::vm_id.eq(id))
        .filter(image::is_active.eq(true))
        .order((vm_disk::position, disk::id))
        .select((
            (disk::id, disk::alias, disk::status, image::id, image::format),
            (vm_disk::interface, vm_disk::bootable, vm_disk::read_only, vm_disk::active),
            (
                storage_domain::id,
                storage_domain::name,
                storage_domain::status,
                storage_domain::path,
                storage_domain::host_id,
            ),
        ))
        .load(db)?;
    let mut disks: Vec<LaunchDisk> = rows.into_iter().map(to_disk).collect();
    let ids: Vec<ObjectId> = disks.iter().map(|d| d.disk.object()).collect();
    let held: Vec<ObjectId> =
        job_lock::table.filter(job_lock::object_id.eq_any(ids)).select(job_lock::object_id).load(db)?;
    for disk in disks.iter_mut().filter(|d| held.contains(&d.disk.object())) {
        disk.status = DiskStatus::Locked;
    }
    Ok(disks)
}

/// A disk as a medium of the CD drive; none: it is gone.
pub fn medium(db: &mut Db, id: DiskId) -> QueryResult<Option<LaunchDisk>> {
    let row = disk::table
        .inner_join(storage_domain::table)
        .inner_join(image::table)
        .filter(disk::id.eq(id))
        .filter(image::is_active.eq(true))
        .select((
            (disk::id, disk::alias, disk::status, image::id, image::format),
            (
                storage_domain::id,
                storage_domain::name,
                storage_domain::status,
                storage_domain::path,
                storage_domain::host_id,
            ),
        ))
        .first(db)
        .optional()?;
    Ok(row.map(|(disk, domain)| to_disk((disk, (DiskInterface::Sata, false, true, true), domain))))
}

fn nics(db: &mut Db, id: VmId) -> QueryResult<Vec<LaunchNic>> {
    let rows: Vec<(NicId, MacAddress, NicModel, bool, bool, Option<String>)> = nic::table
        .left_join(vnic_profile::table.left_join(network::table))
        .filter(nic::vm_id.eq(id))
        .order((nic::position, nic::id))
        .select((nic::id, nic::mac, nic::model, nic::linked, nic::plugged, network::name.nullable()))
        .load(db)?;
    Ok(rows
        .into_iter()
        .map(|(nic, mac, model, linked, plugged, network)| LaunchNic { nic, mac, model, linked, plugged, network })
        .collect())
}
