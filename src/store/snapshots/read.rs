//! What snapshots there are.

use crate::db::Db;
use crate::db::schema::{disk, job_lock, snapshot, snapshot_image};
use crate::model::clock::Timestamp;
use crate::model::ids::*;
use crate::model::snapshot::{SavedConfig, SnapshotDisk, SnapshotKind, SnapshotStatus, SnapshotView};
use crate::store::catalog::unsigned;
use diesel::prelude::*;

/// A snapshot as it is kept.
#[derive(Debug, Clone)]
pub struct Snapshot {
    pub id: SnapshotId,
    pub vm: VmId,
    pub description: String,
    pub kind: SnapshotKind,
    pub previewed: bool,
    pub broken: bool,
    pub config: SavedConfig,
    pub memory_disk: Option<DiskId>,
    pub created: Timestamp,
}

type Row = ((SnapshotId, VmId, String, SnapshotKind), (bool, bool), (String, Option<DiskId>, Timestamp));

/// What [`Row`] is read from.
macro_rules! columns {
    () => {
        (
            (snapshot::id, snapshot::vm_id, snapshot::description, snapshot::kind),
            (snapshot::previewed, snapshot::broken),
            (snapshot::config, snapshot::memory_disk_id, snapshot::created),
        )
    };
}

fn to_snapshot(
    ((id, vm, description, kind), (previewed, broken), (config, memory_disk, created)): Row,
) -> QueryResult<Snapshot> {
    let config = serde_json::from_str(&config).map_err(|e| diesel::result::Error::DeserializationError(Box::new(e)))?;
    Ok(Snapshot { id, vm, description, kind, previewed, broken, config, memory_disk, created })
}

/// A VM's snapshots, oldest first.
pub fn of_vm(db: &mut Db, vm: VmId) -> QueryResult<Vec<Snapshot>> {
    let rows: Vec<Row> = snapshot::table
        .filter(snapshot::vm_id.eq(vm))
        .order((snapshot::created, snapshot::id))
        .select(columns!())
        .load(db)?;
    rows.into_iter().map(to_snapshot).collect()
}

/// One snapshot.
pub fn get(db: &mut Db, id: SnapshotId) -> QueryResult<Option<Snapshot>> {
    let row: Option<Row> = snapshot::table.find(id).select(columns!()).first(db).optional()?;
    row.map(to_snapshot).transpose()
}

/// The layers a snapshot keeps.
pub fn keeps(db: &mut Db, id: SnapshotId) -> QueryResult<Vec<(DiskId, ImageId)>> {
    snapshot_image::table
        .filter(snapshot_image::snapshot_id.eq(id))
        .select((snapshot_image::disk_id, snapshot_image::image_id))
        .load(db)
}

/// The snapshot whose memory the VM's next start goes on from, and the disk beside which it lies.
pub fn restored_memory(db: &mut Db, vm: VmId) -> QueryResult<Option<(SnapshotId, DiskId)>> {
    let found: Option<(SnapshotId, Option<DiskId>)> = snapshot::table
        .filter(snapshot::vm_id.eq(vm))
        .filter(snapshot::restore_memory)
        .select((snapshot::id, snapshot::memory_disk_id))
        .first(db)
        .optional()?;
    Ok(found.and_then(|(id, disk)| Some((id, disk?))))
}

/// A VM's snapshots as pages show them, oldest first.
pub fn views(db: &mut Db, vm: VmId) -> QueryResult<Vec<SnapshotView>> {
    let all = of_vm(db, vm)?;
    let ids: Vec<SnapshotId> = all.iter().map(|s| s.id).collect();
    let kept: Vec<(SnapshotId, DiskId, ImageId, String, i64)> = snapshot_image::table
        .inner_join(disk::table)
        .filter(snapshot_image::snapshot_id.eq_any(&ids))
        .order((disk::alias, disk::id))
        .select((
            snapshot_image::snapshot_id,
            disk::id,
            snapshot_image::image_id,
            disk::alias,
            snapshot_image::actual_bytes,
        ))
        .load(db)?;
    let objects: Vec<ObjectId> = ids.iter().map(|id| id.object()).collect();
    let held: Vec<ObjectId> =
        job_lock::table.filter(job_lock::object_id.eq_any(objects)).select(job_lock::object_id).load(db)?;
    let disks = |id| {
        let own = kept.iter().filter(move |row| row.0 == id);
        own.map(|(_, disk, image, alias, bytes)| SnapshotDisk {
            disk: *disk,
            image: *image,
            alias: alias.clone(),
            actual_bytes: unsigned(*bytes),
        })
        .collect()
    };
    Ok(all
        .into_iter()
        .map(|s| SnapshotView {
            status: status(&s, held.contains(&s.id.object())),
            disks: disks(s.id),
            id: s.id,
            vm: s.vm,
            description: s.description,
            kind: s.kind,
            created: s.created,
            memory: s.memory_disk.is_some(),
            config: s.config,
        })
        .collect())
}

const fn status(snapshot: &Snapshot, locked: bool) -> SnapshotStatus {
    if locked {
        SnapshotStatus::Locked
    } else if snapshot.broken {
        SnapshotStatus::Broken
    } else if snapshot.previewed {
        SnapshotStatus::InPreview
    } else {
        SnapshotStatus::Ok
    }
}
