//! Throw-away layers of stateless VMs.

use crate::db::Db;
use crate::db::schema::{disk, image, storage_domain, vm_disk};
use crate::model::clock::Timestamp;
use crate::model::disk::DiskFormat;
use crate::model::ids::*;
use crate::store::catalog::unsigned;
use diesel::prelude::*;

/// A throw-away layer of a VM's disk.
#[derive(Debug, Clone)]
pub struct Layer {
    pub disk: DiskId,
    pub image: ImageId,
    /// What it lies on.
    pub below: Option<ImageId>,
    pub virtual_bytes: u64,
    pub domain: StorageDomainId,
    pub path: String,
    pub host: Option<HostId>,
}

/// The VM's throw-away layers.
pub fn of_vm(db: &mut Db, vm: VmId) -> QueryResult<Vec<Layer>> {
    type Row = (DiskId, ImageId, Option<ImageId>, i64, StorageDomainId, String, Option<HostId>);
    let rows: Vec<Row> = image::table
        .inner_join(disk::table.inner_join(storage_domain::table))
        .inner_join(vm_disk::table.on(vm_disk::disk_id.eq(image::disk_id)))
        .filter(vm_disk::vm_id.eq(vm))
        .filter(image::is_stateless)
        .select((
            disk::id,
            image::id,
            image::parent_id,
            disk::virtual_bytes,
            storage_domain::id,
            storage_domain::path,
            storage_domain::host_id,
        ))
        .load(db)?;
    Ok(rows
        .into_iter()
        .map(|(disk, image, below, bytes, domain, path, host)| Layer {
            disk,
            image,
            below,
            virtual_bytes: unsigned(bytes),
            domain,
            path,
            host,
        })
        .collect())
}

/// Puts a layer over each disk of the VM that has none.
pub fn add(db: &mut Db, vm: VmId, now: Timestamp) -> QueryResult<()> {
    let bases: Vec<(DiskId, ImageId)> = image::table
        .inner_join(vm_disk::table.on(vm_disk::disk_id.eq(image::disk_id)))
        .filter(vm_disk::vm_id.eq(vm))
        .filter(image::is_active)
        .filter(image::is_stateless.eq(false))
        .select((image::disk_id, image::id))
        .load(db)?;
    for (disk, base) in bases {
        super::write::insert_image(db, ImageId::random(), disk, Some(base), DiskFormat::Cow, true, now)?;
    }
    Ok(())
}

/// The layer is no more; what it lay on is written again.
pub fn remove(db: &mut Db, layer: &Layer) -> QueryResult<()> {
    diesel::delete(image::table.find(layer.image)).execute(db)?;
    if let Some(below) = layer.below {
        diesel::update(image::table.find(below)).set(image::is_active.eq(true)).execute(db)?;
    }
    Ok(())
}
