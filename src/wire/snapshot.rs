//! Verbs on the layers of guests: taking a snapshot, putting a layer into the one below it.

use crate::model::disk::DiskFormat;
use crate::model::ids::{DiskId, VmId};
use crate::wire::image::ImagePath;
use serde::{Deserialize, Serialize};

/// Have a running guest write into new layers, all at the same moment. Does not run: nothing to do. Done already: fine.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct SnapshotVm {
    pub vm: VmId,
    /// Each disk with the layer that was made for it on what it writes now.
    pub disks: Vec<NewLayer>,
    /// The file that its memory goes to.
    pub memory: Option<ImagePath>,
}

/// A disk's new layer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewLayer {
    pub disk: DiskId,
    pub layer: ImagePath,
}

/// How it went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct SnapshotTaken {
    /// It ran, and writes into the new layers.
    pub running: bool,
    /// Its agent froze the file systems for that moment.
    pub frozen: bool,
}

/// Put `top` into `base`, the layer right below it, while the guest runs or not; what lay on `top` then lies on `base`, and `top` is gone.
/// Asked for again and again until it is done.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct MergeImage {
    pub vm: VmId,
    pub base: ImagePath,
    pub base_format: DiskFormat,
    pub top: ImagePath,
    /// The layer on `top`; none: the guest writes `top`.
    pub above: Option<ImagePath>,
    /// It was begun before: where nothing is under way any more and the layers are still there, it failed.
    pub begun: bool,
}

/// How far a merge is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct MergeState {
    pub done: bool,
    /// 0-100.
    pub percent: u8,
}
