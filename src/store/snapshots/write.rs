//! Snapshots come and go.

use crate::db::Db;
use crate::db::schema::{image, snapshot, snapshot_image};
use crate::model::clock::Timestamp;
use crate::model::ids::*;
use crate::model::snapshot::{SavedConfig, SnapshotKind};
use crate::store::vms::insert::signed;
use diesel::prelude::*;

/// A snapshot to be kept.
#[derive(Debug)]
pub struct NewRow<'a> {
    pub id: SnapshotId,
    pub vm: VmId,
    pub description: &'a str,
    pub kind: SnapshotKind,
    pub config: &'a SavedConfig,
    pub memory_disk: Option<DiskId>,
}

/// Keeps a snapshot.
pub fn insert(db: &mut Db, new: &NewRow<'_>, now: Timestamp) -> QueryResult<()> {
    let config =
        serde_json::to_string(new.config).map_err(|e| diesel::result::Error::SerializationError(Box::new(e)))?;
    diesel::insert_into(snapshot::table)
        .values((
            snapshot::id.eq(new.id),
            snapshot::vm_id.eq(new.vm),
            snapshot::description.eq(new.description),
            snapshot::kind.eq(new.kind),
            snapshot::previewed.eq(false),
            snapshot::broken.eq(false),
            snapshot::config.eq(config),
            snapshot::memory_disk_id.eq(new.memory_disk),
            snapshot::restore_memory.eq(false),
            snapshot::created.eq(now),
        ))
        .execute(db)
        .map(drop)
}

/// The snapshot keeps this layer of a disk.
pub fn keep(db: &mut Db, id: SnapshotId, disk: DiskId, layer: ImageId, actual_bytes: u64) -> QueryResult<()> {
    diesel::insert_into(snapshot_image::table)
        .values((
            snapshot_image::snapshot_id.eq(id),
            snapshot_image::disk_id.eq(disk),
            snapshot_image::image_id.eq(layer),
            snapshot_image::actual_bytes.eq(signed::<_, i64>(actual_bytes)),
        ))
        .execute(db)
        .map(drop)
}

/// Removes a snapshot; its layers are the caller's.
pub fn remove(db: &mut Db, id: SnapshotId) -> QueryResult<()> {
    diesel::delete(snapshot_image::table.filter(snapshot_image::snapshot_id.eq(id))).execute(db)?;
    diesel::delete(snapshot::table.find(id)).execute(db).map(drop)
}

/// It is looked at, or no more.
pub fn set_previewed(db: &mut Db, id: SnapshotId, previewed: bool) -> QueryResult<()> {
    diesel::update(snapshot::table.find(id)).set(snapshot::previewed.eq(previewed)).execute(db).map(drop)
}

/// Its removal was begun.
pub fn set_broken(db: &mut Db, id: SnapshotId) -> QueryResult<()> {
    diesel::update(snapshot::table.find(id)).set(snapshot::broken.eq(true)).execute(db).map(drop)
}

/// The VM's next start goes on from this snapshot's memory; none: it boots.
pub fn set_restore_memory(db: &mut Db, vm: VmId, from: Option<SnapshotId>) -> QueryResult<()> {
    let own = snapshot::table.filter(snapshot::vm_id.eq(vm)).filter(snapshot::restore_memory);
    diesel::update(own).set(snapshot::restore_memory.eq(false)).execute(db)?;
    if let Some(id) = from {
        diesel::update(snapshot::table.find(id)).set(snapshot::restore_memory.eq(true)).execute(db)?;
    }
    Ok(())
}

/// The snapshot keeps nothing of the disk any more.
pub fn forget_disk(db: &mut Db, id: SnapshotId, disk: DiskId) -> QueryResult<()> {
    let own = snapshot_image::table.find((id, disk));
    diesel::delete(own).execute(db).map(drop)
}

/// `top` was put into `base`, the layer below it: what was `top`'s is `base`'s now.
pub fn take_over(db: &mut Db, base: ImageId, top: ImageId, actual_bytes: u64) -> QueryResult<()> {
    let Some(active) = image::table.find(top).select(image::is_active).first::<bool>(db).optional()? else {
        return Ok(());
    };
    let set = (snapshot_image::image_id.eq(base), snapshot_image::actual_bytes.eq(signed::<_, i64>(actual_bytes)));
    diesel::update(snapshot_image::table.filter(snapshot_image::image_id.eq(top))).set(set).execute(db)?;
    diesel::update(image::table.filter(image::parent_id.eq(top))).set(image::parent_id.eq(base)).execute(db)?;
    diesel::delete(image::table.find(top)).execute(db)?;
    diesel::update(image::table.find(base)).set(image::is_active.eq(active)).execute(db).map(drop)
}
