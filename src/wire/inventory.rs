//! What is in a host besides CPU and memory.

use serde::{Deserialize, Serialize};

/// Ask for the host's network cards, devices and hook scripts.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Inventory {}

pub use crate::model::inventory::{HostDevice, HostHook, HostInventory, HostNic};
