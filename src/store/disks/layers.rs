//! Throw-away layers of stateless VMs, and layers whose file is not made yet.

use crate::db::Db;
use crate::db::dialect::DynamicQuery;
use crate::db::schema::{disk, image, storage_domain, vm_disk};
use crate::model::clock::Timestamp;
use crate::model::disk::DiskFormat;
use crate::model::ids::*;
use crate::store::catalog::unsigned;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Nullable, Text};

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

/// Puts a layer over each disk of the VM that has none; `memory`: that which the VM goes on from, with what its guest wrote.
pub fn add(db: &mut Db, vm: VmId, memory: Option<MemoryId>, now: Timestamp) -> QueryResult<()> {
    let bases: Vec<(DiskId, ImageId)> = image::table
        .inner_join(vm_disk::table.on(vm_disk::disk_id.eq(image::disk_id)))
        .filter(vm_disk::vm_id.eq(vm))
        .filter(image::is_active)
        .filter(image::is_stateless.eq(false))
        .select((image::disk_id, image::id))
        .load(db)?;
    for (disk, base) in bases {
        let layer = ImageId::random();
        super::write::insert_image(db, layer, disk, Some(base), DiskFormat::Cow, true, now)?;
        if memory.is_some() {
            diesel::update(image::table.find(layer)).set(image::memory_id.eq(memory)).execute(db)?;
        }
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

/// A layer that has no file yet.
#[derive(Debug, Clone, QueryableByName)]
pub struct Unmade {
    #[diesel(sql_type = Text)]
    pub disk: DiskId,
    #[diesel(sql_type = Text)]
    pub image: ImageId,
    #[diesel(sql_type = Text)]
    pub format: DiskFormat,
    #[diesel(sql_type = BigInt)]
    pub virtual_bytes: i64,
    /// The disk and the image it lies on.
    #[diesel(sql_type = Nullable<Text>)]
    pub below_disk: Option<DiskId>,
    #[diesel(sql_type = Nullable<Text>)]
    pub below: Option<ImageId>,
    #[diesel(sql_type = Text)]
    pub domain: StorageDomainId,
    #[diesel(sql_type = Text)]
    pub path: String,
    #[diesel(sql_type = Nullable<Text>)]
    pub host: Option<HostId>,
    #[diesel(sql_type = Nullable<Text>)]
    pub data_center: Option<DataCenterId>,
}

/// The layers of a VM that have no file yet.
pub fn unmade(db: &mut Db, vm: VmId) -> QueryResult<Vec<Unmade>> {
    let mut q = DynamicQuery::new(
        "select d.id as disk, i.id as image, i.format, d.virtual_bytes, b.disk_id as below_disk, b.id as below, s.id as domain, \
         s.path, s.host_id as host, s.data_center_id as data_center from vm_disk v join disk d on d.id = v.disk_id \
         join image i on i.disk_id = d.id join storage_domain s on s.id = d.storage_domain_id \
         left join image b on b.id = i.parent_id where not i.made and v.vm_id = ",
    );
    q.bind(vm.to_string());
    q.load(db)
}

/// The layer has its file.
pub fn set_made(db: &mut Db, id: ImageId) -> QueryResult<()> {
    diesel::update(image::table.find(id)).set(image::made.eq(true)).execute(db).map(drop)
}
