//! The layers of a VM's disks, one on the other.

use crate::db::Db;
use crate::db::schema::{disk, image, storage_domain, vm_disk};
use crate::model::disk::DiskFormat;
use crate::model::ids::*;
use crate::store::catalog::unsigned;
use diesel::prelude::*;
use std::collections::HashSet;

/// A layer, and where its file lies.
#[derive(Debug, Clone)]
pub struct TreeImage {
    pub image: ImageId,
    pub disk: DiskId,
    /// What it lies on; may be a template's.
    pub parent: Option<ImageId>,
    /// The guest writes it.
    pub active: bool,
    pub format: DiskFormat,
    pub virtual_bytes: u64,
    pub alias: String,
    pub domain: StorageDomainId,
    pub path: String,
    pub host: Option<HostId>,
    pub data_center: Option<DataCenterId>,
}

/// All layers of a VM's disks.
pub fn of_vm(db: &mut Db, vm: VmId) -> QueryResult<Vec<TreeImage>> {
    type Row = (
        (ImageId, DiskId, Option<ImageId>, bool, DiskFormat),
        (i64, String),
        (StorageDomainId, String, Option<HostId>, Option<DataCenterId>),
    );
    let rows: Vec<Row> = image::table
        .inner_join(disk::table.inner_join(storage_domain::table))
        .inner_join(vm_disk::table.on(vm_disk::disk_id.eq(image::disk_id)))
        .filter(vm_disk::vm_id.eq(vm))
        .order((vm_disk::position, image::created))
        .select((
            (image::id, image::disk_id, image::parent_id, image::is_active, image::format),
            (disk::virtual_bytes, disk::alias),
            (storage_domain::id, storage_domain::path, storage_domain::host_id, storage_domain::data_center_id),
        ))
        .load(db)?;
    Ok(rows
        .into_iter()
        .map(|((image, disk, parent, active, format), (bytes, alias), (domain, path, host, data_center))| TreeImage {
            image,
            disk,
            parent,
            active,
            format,
            virtual_bytes: unsigned(bytes),
            alias,
            domain,
            path,
            host,
            data_center,
        })
        .collect())
}

/// These layers and all they lie on, as far as they are in the tree.
pub fn with_below(tree: &[TreeImage], from: impl IntoIterator<Item = ImageId>) -> HashSet<ImageId> {
    let mut found = HashSet::new();
    for mut here in from.into_iter().map(Some) {
        while let Some(layer) = here.and_then(|id| tree.iter().find(|t| t.image == id)) {
            if !found.insert(layer.image) {
                break;
            }
            here = layer.parent;
        }
    }
    found
}

/// Removes layers' rows; what lies on others goes first.
pub fn remove(db: &mut Db, images: &[ImageId]) -> QueryResult<()> {
    let mut left: Vec<(ImageId, Option<ImageId>)> =
        image::table.filter(image::id.eq_any(images)).select((image::id, image::parent_id)).load(db)?;
    while !left.is_empty() {
        let below: HashSet<ImageId> = left.iter().filter_map(|row| row.1).collect();
        let (stay, go): (Vec<_>, Vec<_>) = left.into_iter().partition(|row| below.contains(&row.0));
        if go.is_empty() {
            return Err(diesel::result::Error::RollbackTransaction);
        }
        let ids: Vec<ImageId> = go.iter().map(|row| row.0).collect();
        diesel::delete(image::table.filter(image::id.eq_any(&ids))).execute(db)?;
        left = stay;
    }
    Ok(())
}

/// The guest writes this layer from now on.
pub fn activate(db: &mut Db, disk_id: DiskId, layer: ImageId) -> QueryResult<()> {
    diesel::update(image::table.filter(image::disk_id.eq(disk_id))).set(image::is_active.eq(false)).execute(db)?;
    diesel::update(image::table.find(layer)).set(image::is_active.eq(true)).execute(db).map(drop)
}

/// The format a layer was made with.
pub fn format(db: &mut Db, layer: ImageId) -> QueryResult<DiskFormat> {
    image::table.find(layer).select(image::format).first(db)
}
