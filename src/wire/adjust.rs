//! Changing a guest while it runs.

use crate::model::ids::{DiskId, NicId, VmId};
use crate::wire::VmSpec;
use serde::{Deserialize, Serialize};

/// Have a running guest become what `vm` says, in the parts that are named; what is so already stays. Not running: refused.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct AdjustVm {
    pub vm: VmSpec,
    pub cpus: bool,
    pub memory: bool,
    /// Disks, network cards and the CD.
    pub devices: bool,
}

/// What the guest has now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Adjusted {
    pub vm: VmId,
    pub vcpus: u32,
    pub memory_mib: u64,
    /// What could not be done.
    pub refused: Vec<RefusedPart>,
}

/// A part that stays as it was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefusedPart {
    pub part: Part,
    /// One sentence in English.
    pub why: String,
}

/// A part of a guest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    Cpus,
    Memory,
    Disk(DiskId),
    Nic(NicId),
    Cd,
    /// A device that only the guest has.
    Stray,
}
