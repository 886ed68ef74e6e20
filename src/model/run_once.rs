//! How a VM runs this one time; nothing of it is left when it is down.

use crate::model::first_run::FirstRun;
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

/// A kernel that is started in place of what the disks would start.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kernel {
    pub image: DiskId,
    pub initrd: Option<DiskId>,
    /// What it is told.
    pub parameters: String,
}

/// The longest parameters a Linux for PCs takes.
pub const MAX_PARAMETERS: usize = 2047;

/// What the guest is told in place of what its VM says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Told {
    pub settings: FirstRun,
    /// As the VM's own are kept: sealed.
    pub password: String,
    pub secrets: String,
}

/// What is other than usual. `None`: as the VM has it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct RunOnce {
    pub cd: Drive,
    pub boot: Option<Vec<BootDevice>>,
    pub display: Option<Display>,
    #[serde(default)]
    pub kernel: Option<Kernel>,
    #[serde(default)]
    pub boot_menu: Option<bool>,
    #[serde(default)]
    pub machine: Option<String>,
    #[serde(default)]
    pub cpu_type: Option<String>,
    /// There and nowhere else.
    pub host: Option<HostId>,
    /// It waits, before its first step, until somebody lets it go on.
    pub paused: bool,
    /// Its disks forget what is written to them.
    pub stateless: bool,
    /// It is told what a first start is told, though it was told before.
    pub tell: bool,
    #[serde(default)]
    pub told: Option<Told>,
    /// When it began, in seconds: who is told again must see that it is another time.
    #[serde(default)]
    pub began: i64,
}
