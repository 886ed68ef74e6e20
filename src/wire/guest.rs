//! Verbs on guests, and what a guest is made of.

use crate::model::cpu::CpuFeature;
use crate::model::disk::{DiskFormat, DiskInterface};
use crate::model::ids::{DiskId, NicId, VmId};
use crate::model::network::{MacAddress, NicModel};
use crate::model::vm::{BootDevice, Display};
use crate::model::vm_settings::VmSettings;
use crate::wire::image::{DomainPath, ImagePath};
use serde::{Deserialize, Serialize};

/// All domains Vireo made on this host, running or not.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ListDomains {}

/// Define the domain and start it (or restore it from its saved state). Running already: answers its report.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct StartVm {
    pub vm: VmSpec,
}

/// Everything libvirt must know to run a guest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VmSpec {
    pub id: VmId,
    pub name: String,
    pub memory_mib: u64,
    pub sockets: u32,
    pub cores: u32,
    pub threads: u32,
    /// vCPUs that there is room for.
    pub max_vcpus: u32,
    /// Memory that there is room for; no more than it has: none can be added.
    pub room_mib: u64,
    pub settings: VmSettings,
    /// What its CPU type has more, or less.
    #[serde(default)]
    pub cpu_features: Vec<CpuFeature>,
    /// In order of trial.
    pub boot: Vec<BootDevice>,
    pub disks: Vec<DiskSpec>,
    /// The medium in the CD drive; every VM has a drive.
    pub cdrom: Option<ImagePath>,
    pub nics: Vec<NicSpec>,
    pub display: Display,
    /// Starts paused.
    pub paused: bool,
    /// Goes on from this memory, which a snapshot kept.
    pub memory: Option<ImagePath>,
    /// A disc of its own, beside the CD drive's, for this run.
    pub payload: Option<Payload>,
    /// Started in place of what the disks would start.
    #[serde(default)]
    pub kernel: Option<KernelSpec>,
}

/// A kernel that QEMU itself starts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KernelSpec {
    pub image: ImagePath,
    pub initrd: Option<ImagePath>,
    pub parameters: String,
}

/// On what a guest finds small files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Medium {
    #[default]
    Cd,
    Floppy,
}

/// Small files that a guest finds on a disc.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Payload {
    #[serde(default)]
    pub medium: Medium,
    /// The disc's name, by which guests know what it is.
    pub label: String,
    pub files: Vec<PayloadFile>,
}

/// One of them.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PayloadFile {
    pub name: String,
    pub content: String,
}

impl std::fmt::Debug for Payload {
    // There are secrets in it.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} with {} files", self.label, self.files.len())
    }
}

/// A disk of a guest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DiskSpec {
    pub id: DiskId,
    /// The active layer.
    pub image: ImagePath,
    pub format: DiskFormat,
    pub interface: DiskInterface,
    pub read_only: bool,
    pub bootable: bool,
}

/// A network card of a guest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NicSpec {
    pub id: NicId,
    pub mac: MacAddress,
    /// Logical network; none: the cable is out.
    pub network: Option<String>,
    pub model: NicModel,
    pub linked: bool,
}

macro_rules! vm_verbs { ($($(#[$doc:meta])* $name:ident;)+) => { $(
    $(#[$doc])*
    #[derive(Debug, Clone, Serialize, Deserialize)]
    pub struct $name { pub vm: VmId }
)+ } }

vm_verbs! {
    /// Pull the plug. Not running: fine. A saved state is thrown away.
    StopVm;
    /// Ask the guest to shut down: guest agent first, else the ACPI button. Not running: fine.
    ShutdownVm;
    /// Ask the guest to reboot, by agent, else ACPI; where neither is heard the caller decides.
    RebootVm;
    /// Press the reset button: the guest is not asked.
    ResetVm;
    /// Save the guest's memory to disk and stop it.
    SuspendVm;
    PauseVm;
    ResumeVm;
    /// Stop it if it runs and undefine the domain. Unknown: fine.
    ForgetVm;
}

/// Put another medium into the CD drive, or none.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ChangeCd {
    pub vm: VmId,
    pub cdrom: Option<ImagePath>,
}

/// Where in a guest a file was put.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Placed {
    pub path: String,
}

/// Press these Linux key codes together.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct SendKeys {
    pub vm: VmId,
    pub keycodes: Vec<u32>,
}

/// Have a guest go on that stands still because its storage failed, if all these domains can be written again.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ResumeIo {
    pub vm: VmId,
    pub domains: Vec<DomainPath>,
}
