//! Snapshots: what a VM was at a moment.

use crate::model::clock::Timestamp;
use crate::model::ids::{DiskId, ImageId, SnapshotId, VmId};
use crate::model::vm::{Hardware, VmKind};
use serde::{Deserialize, Serialize};

text_enum! {
    /// oVirt's types of snapshots.
    SnapshotKind {
        Regular = "regular",
        /// What the VM was when somebody began to look at another one: kept to go back to.
        Preview = "preview",
        /// The VM as it is now.
        Active = "active",
    }
}
text_enum! {
    /// oVirt's states of snapshots.
    SnapshotStatus {
        Ok = "ok", Locked = "locked", InPreview = "in_preview",
        /// Its removal was begun and failed: it can only be removed.
        Broken = "broken",
    }
}

/// The part of a VM's configuration that a snapshot brings back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SavedConfig {
    pub os: String,
    pub kind: VmKind,
    pub hardware: Hardware,
}

/// A snapshot as lists and details show it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SnapshotView {
    pub id: SnapshotId,
    pub vm: VmId,
    pub description: String,
    pub kind: SnapshotKind,
    pub status: SnapshotStatus,
    pub created: Timestamp,
    /// The VM's memory is kept, too.
    pub memory: bool,
    pub config: SavedConfig,
    pub disks: Vec<SnapshotDisk>,
}

/// A disk's layer that a snapshot keeps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SnapshotDisk {
    pub disk: DiskId,
    pub image: ImageId,
    pub alias: String,
    /// What the layer itself takes.
    pub actual_bytes: u64,
}

/// A snapshot to be taken.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct NewSnapshot {
    pub description: String,
    /// With the memory of a running VM.
    pub memory: bool,
    /// Only these disks; none: all.
    pub disks: Option<Vec<DiskId>>,
}

/// What is to be looked at of a snapshot.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Preview {
    /// Go on from the memory, too.
    pub memory: bool,
    /// Only these disks, the others stay as they are; none: all it has.
    pub disks: Option<Vec<DiskId>>,
}
