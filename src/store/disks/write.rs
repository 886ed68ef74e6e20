//! Disks and their layers come and go.

use crate::db::Db;
use crate::db::schema::{disk, image, storage_domain, template_disk, vm, vm_disk};
use crate::model::clock::Timestamp;
use crate::model::disk::{DiskContent, DiskFormat, DiskInterface, DiskStatus};
use crate::model::ids::*;
use crate::store::catalog::unsigned;
use crate::store::vms::insert::signed;
use crate::store::{ancestors, quotas};
use diesel::prelude::*;

/// A disk to be kept, with its one image.
#[derive(Debug, Clone)]
pub struct DiskConfig {
    pub id: DiskId,
    pub image: ImageId,
    pub domain: StorageDomainId,
    pub alias: String,
    pub description: String,
    pub content: DiskContent,
    pub format: DiskFormat,
    pub sparse: bool,
    pub virtual_bytes: u64,
    /// The template's image it is a layer on.
    pub parent: Option<ImageId>,
}

/// Keeps a disk and its image.
pub fn insert(db: &mut Db, new: &DiskConfig, now: Timestamp) -> QueryResult<()> {
    diesel::insert_into(disk::table)
        .values((
            (
                disk::id.eq(new.id),
                disk::storage_domain_id.eq(new.domain),
                disk::alias.eq(&new.alias),
                disk::description.eq(&new.description),
                disk::content.eq(new.content),
            ),
            (
                disk::format.eq(new.format),
                disk::sparse.eq(new.sparse),
                disk::virtual_bytes.eq(signed::<_, i64>(new.virtual_bytes)),
                disk::actual_bytes.eq(0i64),
                disk::status.eq(DiskStatus::Ok),
                disk::created.eq(now),
            ),
        ))
        .execute(db)?;
    insert_image(db, new.image, new.id, new.parent, new.format, false, now)?;
    ancestors::set(db, new.id.object(), &[new.domain.object()])
}

/// Keeps a layer as the disk's active one.
pub fn insert_image(
    db: &mut Db,
    id: ImageId,
    disk: DiskId,
    parent: Option<ImageId>,
    format: DiskFormat,
    stateless: bool,
    now: Timestamp,
) -> QueryResult<()> {
    diesel::update(image::table.filter(image::disk_id.eq(disk))).set(image::is_active.eq(false)).execute(db)?;
    diesel::insert_into(image::table)
        .values((
            image::id.eq(id),
            image::disk_id.eq(disk),
            image::parent_id.eq(parent),
            image::is_active.eq(true),
            image::is_stateless.eq(stateless),
            image::format.eq(format),
            image::created.eq(now),
        ))
        .execute(db)
        .map(drop)
}

/// Attaches a disk to a VM, behind those it has; the VM's permissions reach it.
pub fn attach(db: &mut Db, disk_id: DiskId, vm_id: VmId, interface: DiskInterface, bootable: bool) -> QueryResult<()> {
    let position: i64 = vm_disk::table.filter(vm_disk::vm_id.eq(vm_id)).count().get_result(db)?;
    diesel::insert_into(vm_disk::table)
        .values((
            vm_disk::disk_id.eq(disk_id),
            vm_disk::vm_id.eq(vm_id),
            vm_disk::position.eq(signed::<_, i32>(position)),
            vm_disk::interface.eq(interface),
            vm_disk::bootable.eq(bootable),
            vm_disk::read_only.eq(false),
        ))
        .execute(db)?;
    let domain: StorageDomainId = disk::table.find(disk_id).select(disk::storage_domain_id).first(db)?;
    ancestors::set(db, disk_id.object(), &[vm_id.object(), domain.object()])
}

/// How a disk's VM sees it: the interface, and whether it is booted from.
pub fn attachment(db: &mut Db, disk_id: DiskId) -> QueryResult<Option<(DiskInterface, bool)>> {
    vm_disk::table.find(disk_id).select((vm_disk::interface, vm_disk::bootable)).first(db).optional()
}

/// Changes how a disk's VM sees it.
pub fn set_attachment(db: &mut Db, disk_id: DiskId, interface: DiskInterface, bootable: bool) -> QueryResult<()> {
    let set = (vm_disk::interface.eq(interface), vm_disk::bootable.eq(bootable));
    diesel::update(vm_disk::table.find(disk_id)).set(set).execute(db).map(drop)
}

/// What a disk is called.
pub fn set_texts(db: &mut Db, id: DiskId, alias: &str, description: &str) -> QueryResult<()> {
    let set = (disk::alias.eq(alias), disk::description.eq(description));
    diesel::update(disk::table.find(id)).set(set).execute(db).map(drop)
}

/// Attaches a disk to a template.
pub fn attach_to_template(
    db: &mut Db,
    disk_id: DiskId,
    template: TemplateId,
    interface: DiskInterface,
    bootable: bool,
) -> QueryResult<()> {
    let position: i64 = template_disk::table.filter(template_disk::template_id.eq(template)).count().get_result(db)?;
    diesel::insert_into(template_disk::table)
        .values((
            template_disk::disk_id.eq(disk_id),
            template_disk::template_id.eq(template),
            template_disk::position.eq(signed::<_, i32>(position)),
            template_disk::interface.eq(interface),
            template_disk::bootable.eq(bootable),
        ))
        .execute(db)?;
    let domain: StorageDomainId = disk::table.find(disk_id).select(disk::storage_domain_id).first(db)?;
    ancestors::set(db, disk_id.object(), &[template.object(), domain.object()])
}

/// Detaches a disk; it stays, floating, and counts on the quota that it counted on.
pub fn detach(db: &mut Db, disk_id: DiskId) -> QueryResult<()> {
    quotas::keep(db, disk_id)?;
    diesel::delete(vm_disk::table.find(disk_id)).execute(db)?;
    let domain: StorageDomainId = disk::table.find(disk_id).select(disk::storage_domain_id).first(db)?;
    ancestors::set(db, disk_id.object(), &[domain.object()])
}

/// Removes a disk's rows. Gone already: fine.
pub fn remove(db: &mut Db, id: DiskId) -> QueryResult<()> {
    diesel::delete(vm_disk::table.find(id)).execute(db)?;
    diesel::delete(template_disk::table.find(id)).execute(db)?;
    let layers: Vec<ImageId> = image::table.filter(image::disk_id.eq(id)).select(image::id).load(db)?;
    super::tree::remove(db, &layers)?;
    ancestors::remove(db, id.object())?;
    diesel::delete(disk::table.find(id)).execute(db).map(drop)
}

/// What the host said of its sizes.
pub fn set_sizes(db: &mut Db, id: DiskId, virtual_bytes: u64, actual_bytes: u64) -> QueryResult<()> {
    diesel::update(disk::table.find(id))
        .set((
            disk::virtual_bytes.eq(signed::<_, i64>(virtual_bytes)),
            disk::actual_bytes.eq(signed::<_, i64>(actual_bytes)),
        ))
        .execute(db)
        .map(drop)
}

/// A disk's active layer with all that finds its file.
#[derive(Debug, Clone)]
pub struct ActiveImage {
    pub disk: DiskId,
    pub image: ImageId,
    pub format: DiskFormat,
    pub virtual_bytes: u64,
    pub domain: StorageDomainId,
    pub path: String,
    pub host: Option<HostId>,
}

/// The active layers of these disks.
pub fn active_images(db: &mut Db, ids: &[DiskId]) -> QueryResult<Vec<ActiveImage>> {
    type Row = (DiskId, ImageId, DiskFormat, i64, StorageDomainId, String, Option<HostId>);
    let rows: Vec<Row> = image::table
        .inner_join(disk::table.inner_join(storage_domain::table))
        .filter(image::disk_id.eq_any(ids))
        .filter(image::is_active)
        .select((
            disk::id,
            image::id,
            image::format,
            disk::virtual_bytes,
            storage_domain::id,
            storage_domain::path,
            storage_domain::host_id,
        ))
        .load(db)?;
    Ok(rows
        .into_iter()
        .map(|(disk, image, format, bytes, domain, path, host)| ActiveImage {
            disk,
            image,
            format,
            virtual_bytes: unsigned(bytes),
            domain,
            path,
            host,
        })
        .collect())
}

/// Names of VMs that have this ISO in their drive.
pub fn in_drives(db: &mut Db, id: DiskId) -> QueryResult<Vec<String>> {
    vm::table.filter(vm::cd_disk_id.eq(id.to_string())).select(vm::name).load(db)
}

/// Disks that have a layer on one of this disk's images.
pub fn has_children(db: &mut Db, id: DiskId) -> QueryResult<bool> {
    let own: Vec<ImageId> = image::table.filter(image::disk_id.eq(id)).select(image::id).load(db)?;
    let child: Option<ImageId> = image::table
        .filter(image::parent_id.eq_any(&own))
        .filter(image::disk_id.ne(id))
        .select(image::id)
        .first(db)
        .optional()?;
    Ok(child.is_some())
}

/// How many disks a VM has.
pub fn count_of_vm(db: &mut Db, id: VmId) -> QueryResult<i64> {
    vm_disk::table.filter(vm_disk::vm_id.eq(id)).count().get_result(db)
}

/// Whether the guest sees the disk.
pub fn set_active(db: &mut Db, disk_id: DiskId, active: bool) -> QueryResult<()> {
    diesel::update(vm_disk::table.find(disk_id)).set(vm_disk::active.eq(active)).execute(db).map(drop)
}
