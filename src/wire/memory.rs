//! Verbs on a memory that many guests of one make go on from.

use crate::model::ids::VmId;
use crate::wire::guest::VmSpec;
use crate::wire::image::ImagePath;
use serde::{Deserialize, Serialize};

/// Save a running guest's memory into a file and end it, for others to go on from. The guest has no network card: it could not be
/// given another address. Saved already: fine.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct SaveMemory {
    pub vm: VmId,
    pub to: ImagePath,
}

/// What was saved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct MemorySaved {
    pub bytes: u64,
}

/// Define the domain and have it go on from a memory that a guest of the same make saved, on layers over that guest's layers; then
/// give it its own name, identity, clock and network cards through its guest agent. Running already: what is still missing is done.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct StartFromMemory {
    pub vm: VmSpec,
    pub memory: ImagePath,
}
