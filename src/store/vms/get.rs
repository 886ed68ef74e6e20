//! One VM with all its details.

use crate::db::Db;
use crate::db::schema::{disk, instance_type, network, nic, vm, vm_disk, vm_run, vnic_profile};
use crate::model::clock::Timestamp;
use crate::model::disk::{DiskAttachment, DiskInterface};
use crate::model::guest::GuestDetails;
use crate::model::ids::*;
use crate::model::network::{MacAddress, NicModel, NicView};
use crate::model::vm::{Display, Hardware, VmKind, VmView};
use crate::model::vm_settings::{Running, VmSettings};
use crate::store::catalog::unsigned;
use crate::store::templates::boot_devices;
use diesel::prelude::*;

type Config = (
    (String, VmKind, Timestamp, (bool, bool)),
    (i64, i64, i64, i32, i32, i32),
    (Display, String, String, Option<InstanceTypeId>, Option<DiskId>),
);

/// The VM, without what the engine adds (`can`, `cannot`, load).
pub fn get(db: &mut Db, id: VmId) -> QueryResult<Option<VmView>> {
    let Some(row) = super::list::row(db, id)? else { return Ok(None) };
    let ((os, kind, created, (allow_override, use_latest)), size, (display, boot, settings, instance_type, cd)): Config =
        vm::table
            .find(id)
            .select((
                (vm::os, vm::kind, vm::created, (vm::allow_override, vm::use_latest)),
                (vm::memory_mib, vm::max_memory_mib, vm::guaranteed_memory_mib, vm::sockets, vm::cores, vm::threads),
                (vm::display, vm::boot, vm::settings, vm::instance_type_id, vm::cd_disk_id),
            ))
            .first(db)?;
    let (guest_os, stopped, launched): (String, Option<Timestamp>, String) =
        vm_run::table.find(id).select((vm_run::guest_os, vm_run::stopped, vm_run::launched)).first(db)?;
    let instance_type_name = match instance_type {
        Some(t) => instance_type::table.find(t).select(instance_type::name).first(db).optional()?,
        None => None,
    };
    let cd_name = match cd {
        Some(d) => disk::table.find(d).select(disk::alias).first(db).optional()?,
        None => None,
    };
    let hardware = Hardware {
        memory_mib: unsigned(size.0),
        max_memory_mib: unsigned(size.1),
        guaranteed_memory_mib: unsigned(size.2),
        sockets: unsigned(size.3),
        cores: unsigned(size.4),
        threads: unsigned(size.5),
        display,
        boot: boot_devices(&boot),
        settings: VmSettings::from_json(&settings),
    };
    let running = Running::from_json(&launched);
    let intended = Running::of(&hardware, &os, row.stateless);
    let waiting = running.as_ref().map(|now| now.waiting(&intended)).unwrap_or_default();
    Ok(Some(VmView {
        row,
        os,
        kind,
        hardware,
        running,
        waiting,
        instance_type,
        instance_type_name,
        guest_os,
        guest: GuestDetails::default(),
        created,
        stopped,
        allow_override,
        use_latest,
        run_once: crate::store::run_once::get(db, id)?.is_some(),
        cd,
        cd_name,
        disks: disks_of(db, id)?,
        nics: nics_of(db, id)?,
        watchers: Vec::new(),
        cannot: Vec::new(),
    }))
}

fn disks_of(db: &mut Db, id: VmId) -> QueryResult<Vec<DiskAttachment>> {
    let rows: Vec<(DiskId, DiskInterface, bool, bool, bool)> = vm_disk::table
        .filter(vm_disk::vm_id.eq(id))
        .order(vm_disk::position)
        .select((vm_disk::disk_id, vm_disk::interface, vm_disk::bootable, vm_disk::read_only, vm_disk::active))
        .load(db)?;
    let ids: Vec<DiskId> = rows.iter().map(|r| r.0).collect();
    let mut disks = crate::store::disks::by_ids(db, &ids)?;
    Ok(rows
        .into_iter()
        .filter_map(|(disk, interface, bootable, read_only, active)| {
            Some(DiskAttachment { disk: disks.remove(&disk)?, interface, bootable, read_only, active })
        })
        .collect())
}

fn nics_of(db: &mut Db, id: VmId) -> QueryResult<Vec<NicView>> {
    type Row = (
        (NicId, String, MacAddress, NicModel, bool, bool),
        Option<(VnicProfileId, String)>,
        Option<(NetworkId, String)>,
    );
    let rows: Vec<Row> = nic::table
        .left_join(vnic_profile::table.inner_join(network::table))
        .filter(nic::vm_id.eq(id))
        .order(nic::position)
        .select((
            (nic::id, nic::name, nic::mac, nic::model, nic::linked, nic::plugged),
            (vnic_profile::id, vnic_profile::name).nullable(),
            (network::id, network::name).nullable(),
        ))
        .load(db)?;
    Ok(rows
        .into_iter()
        .map(|((id, name, mac, model, linked, plugged), profile, network)| {
            let (profile, profile_name) = profile.map_or((None, String::new()), |p| (Some(p.0), p.1));
            let (network, network_name) = network.map_or((None, String::new()), |n| (Some(n.0), n.1));
            NicView { id, name, mac, model, profile, profile_name, network, network_name, linked, plugged }
        })
        .collect())
}
