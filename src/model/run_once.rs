//! How a VM runs this one time; nothing of it is left when it is down.

use crate::model::ids::{DiskId, HostId};
use crate::model::vm::{BootDevice, Display};
use serde::{Deserialize, Serialize};

/// What is in the CD drive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Drive {
    #[default]
    AsUsual,
    Empty,
    Holds(DiskId),
}

/// What is other than usual. `None`: as the VM has it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct RunOnce {
    pub cd: Drive,
    pub boot: Option<Vec<BootDevice>>,
    pub display: Option<Display>,
    /// There and nowhere else.
    pub host: Option<HostId>,
    /// It waits, before its first step, until somebody lets it go on.
    pub paused: bool,
    /// Its disks forget what is written to them.
    pub stateless: bool,
    /// It is told what a first start is told, though it was told before.
    pub tell: bool,
}
