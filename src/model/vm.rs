//! Virtual machines: states, what is allowed in which, views and requests.

use crate::model::clock::Timestamp;
use crate::model::conflict::{Holder, NoRoom};
use crate::model::console::Watcher;
use crate::model::disk::{DiskAttachment, DiskStatus, NewDisk};
use crate::model::guest::GuestDetails;
use crate::model::icon::Icons;
use crate::model::ids::{ClusterId, DiskId, HostId, InstanceTypeId, PoolId, QuotaId, TemplateId, VmId, VnicProfileId};
use crate::model::network::NicView;
use crate::model::storage_domain::StorageDomainStatus;
use crate::model::vm_settings::{Running, SettingsChange, VmSettings, Waiting};

text_enum! {
    /// oVirt's VM states by their REST words.
    VmStatus {
        Unassigned = "unassigned", Down = "down", Up = "up", PoweringUp = "powering_up", Paused = "paused", Migrating = "migrating",
        Unknown = "unknown", NotResponding = "not_responding", WaitForLaunch = "wait_for_launch", RebootInProgress = "reboot_in_progress",
        SavingState = "saving_state", RestoringState = "restoring_state", Suspended = "suspended", ImageIllegal = "image_illegal",
        ImageLocked = "image_locked", PoweringDown = "powering_down",
    }
}
text_enum! {
    VmKind { Desktop = "desktop", Server = "server", }
}
text_enum! {
    /// How a screen is sent.
    Protocol { Vnc = "vnc", Spice = "spice", }
}
text_enum! {
    /// How a VM's screen can be asked for.
    Display { Vnc = "vnc", Spice = "spice", Both = "spice_vnc", }
}

impl Display {
    /// What it speaks, that of oVirt's `type` first.
    pub const fn protocols(self) -> &'static [Protocol] {
        match self {
            Self::Vnc => &[Protocol::Vnc],
            Self::Spice => &[Protocol::Spice],
            Self::Both => &[Protocol::Spice, Protocol::Vnc],
        }
    }

    pub fn has(self, protocol: Protocol) -> bool {
        self.protocols().contains(&protocol)
    }

    /// oVirt's `type`, which is one of the two.
    pub const fn main(self) -> Protocol {
        match self {
            Self::Vnc => Protocol::Vnc,
            Self::Spice | Self::Both => Protocol::Spice,
        }
    }

    /// With one more.
    pub fn with(self, protocol: Protocol) -> Self {
        if self.has(protocol) { self } else { Self::Both }
    }

    /// Without one of them; none: it would have no screen.
    pub const fn without(self, protocol: Protocol) -> Option<Self> {
        match (self, protocol) {
            (Self::Both, Protocol::Spice) | (Self::Vnc, Protocol::Spice) => Some(Self::Vnc),
            (Self::Both, Protocol::Vnc) | (Self::Spice, Protocol::Vnc) => Some(Self::Spice),
            (Self::Vnc, Protocol::Vnc) | (Self::Spice, Protocol::Spice) => None,
        }
    }
}

impl From<Protocol> for Display {
    fn from(protocol: Protocol) -> Self {
        match protocol {
            Protocol::Vnc => Self::Vnc,
            Protocol::Spice => Self::Spice,
        }
    }
}
text_enum! {
    BootDevice { Disk = "hd", Cdrom = "cdrom", Network = "network", }
}
text_enum! {
    /// What people can do to a VM.
    VmAction {
        Run = "start", Shutdown = "shutdown", PowerOff = "stop", Reboot = "reboot", Suspend = "suspend", Console = "console",
        SerialConsole = "serial_console", ChangeCd = "change_cd", Migrate = "migrate", Edit = "edit", Remove = "remove",
        /// Take or remove a snapshot.
        Snapshot = "snapshot",
        /// Look at a snapshot, go back to it or away from it.
        Preview = "preview",
        /// Make a VM or a template of it.
        Clone = "clone",
    }
}

impl VmStatus {
    /// A QEMU process belongs to it, or may.
    pub const fn is_running(self) -> bool {
        !matches!(self, Self::Down | Self::Suspended | Self::ImageLocked | Self::ImageIllegal | Self::Unassigned)
    }

    /// oVirt's action matrix (facts of its engine 4.1): is the action allowed in this state?
    pub const fn allows(self, action: VmAction) -> bool {
        use VmAction as A;
        match action {
            A::Run => matches!(self, Self::Down | Self::Paused | Self::Suspended),
            A::Shutdown | A::PowerOff => matches!(
                self,
                Self::Up
                    | Self::PoweringUp
                    | Self::Paused
                    | Self::Migrating
                    | Self::NotResponding
                    | Self::WaitForLaunch
                    | Self::RebootInProgress
                    | Self::Suspended
                    | Self::PoweringDown
            ),
            A::Reboot => matches!(self, Self::Up | Self::PoweringUp),
            A::Suspend => matches!(self, Self::Up),
            A::Migrate => matches!(self, Self::Up | Self::PoweringUp | Self::Paused),
            A::Console | A::SerialConsole => matches!(
                self,
                Self::Up
                    | Self::PoweringUp
                    | Self::RebootInProgress
                    | Self::PoweringDown
                    | Self::Paused
                    | Self::Migrating
                    | Self::SavingState
            ),
            A::ChangeCd => matches!(self, Self::Up | Self::Paused | Self::PoweringUp),
            A::Edit => !matches!(self, Self::ImageLocked | Self::ImageIllegal),
            A::Remove => matches!(self, Self::Down | Self::ImageIllegal),
            A::Snapshot => matches!(self, Self::Up | Self::PoweringUp | Self::Paused | Self::Down),
            A::Preview | A::Clone => matches!(self, Self::Down),
        }
    }
}

/// Why an action is not possible; portals translate it (`reason-…` keys), the API prints it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("the VM is {0}")]
    Status(VmStatus),
    #[error("another task holds it: {job}")]
    Locked { job: Holder },
    #[error("it is protected against removal; edit it and take the protection away first")]
    DeleteProtected,
    #[error("it belongs to the pool {pool}; detach it from the pool first")]
    InPool { pool: String },
    #[error("its serial console is off; edit it and turn it on, which counts from its next start")]
    NoSerialConsole,
    #[error("a VM of a pool cannot be suspended")]
    PoolSuspend,
    #[error("it has no disk to boot from, no CD and no network boot; attach one of them first")]
    NothingToBoot,
    #[error("none of its disks lies in the storage domain of its lease; choose the one where they are, or no lease")]
    NoDiskAtLease,
    #[error("a VM whose disks forget everything at its end cannot be suspended")]
    StatelessSuspend,
    #[error("a VM whose disks forget everything at its end has no snapshots")]
    StatelessSnapshot,
    #[error("the CD in its drive is gone{}; choose another CD or eject it", in_brackets(.cd))]
    CdGone {
        /// Empty where nobody knows its name any more.
        cd: String,
    },
    #[error("the kernel or initial RAM disk that it was to start with is gone; choose another one")]
    KernelGone,
    #[error("its disk {disk} is {status}")]
    DiskNotOk { disk: String, status: DiskStatus },
    #[error("its disk {disk} lies on the storage domain {domain}, which is {status}")]
    StorageNotActive { disk: String, domain: String, status: StorageDomainStatus },
    #[error("no host can run it: {}", each(.hosts))]
    NoHost {
        /// For each host of the cluster why not; empty: the cluster has none.
        hosts: Vec<(String, NoRoom)>,
    },
    #[error("it is pinned to its host {host}; edit it to let it move")]
    PinnedToHost { host: String },
    #[error("it is moved by hand only")]
    MigratesByHandOnly,
    #[error("the host {host} is not up; it comes back by itself when the host does")]
    HostNotUp { host: String },
    #[error("{by} has it open, and you have no permission to take consoles over from others")]
    ConsoleInUse { by: String },
    #[error("{device} is plugged into the running guest; unplug it first")]
    Plugged { device: String },
    #[error("only virtio and virtio-scsi disks can be plugged into a running guest; shut it down first")]
    NotHotPluggable,
    #[error("you have no permission to do this")]
    NotPermitted,
}

fn each(hosts: &[(String, NoRoom)]) -> String {
    if hosts.is_empty() {
        return "its cluster has no host".to_owned();
    }
    hosts.iter().map(|(name, why)| format!("{name} {why}")).collect::<Vec<_>>().join("; ")
}

fn in_brackets(name: &str) -> String {
    if name.is_empty() { String::new() } else { format!(" ({name})") }
}

/// Size and make of a VM or template.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Hardware {
    pub memory_mib: u64,
    pub max_memory_mib: u64,
    pub guaranteed_memory_mib: u64,
    pub sockets: u32,
    pub cores: u32,
    pub threads: u32,
    pub display: Display,
    pub boot: Vec<BootDevice>,
    #[serde(default)]
    pub settings: VmSettings,
}

impl Hardware {
    pub const fn vcpus(&self) -> u32 {
        self.sockets * self.cores * self.threads
    }
}

/// oVirt's limits for one VM (4.1): vCPUs, sockets, cores per socket, threads per core, memory.
pub const MAX_VCPUS: u64 = 288;
pub const MAX_SOCKETS: u64 = 16;
pub const MAX_CORES: u64 = 254;
pub const MAX_THREADS: u64 = 8;
pub const MAX_MEMORY_MIB: u64 = 4_194_304;
/// Less does not even boot a firmware.
pub const MIN_MEMORY_MIB: u64 = 16;
pub const MAX_NAME: usize = 64;
pub const MAX_DESCRIPTION: usize = 4000;

/// A VM as lists show it.
#[derive(Debug, Clone, PartialEq)]
pub struct VmRow {
    pub id: VmId,
    pub name: String,
    pub comment: String,
    pub description: String,
    pub status: VmStatus,
    /// Why it stopped or does not go on; empty if all is well.
    pub status_reason: String,
    pub cluster: ClusterId,
    pub cluster_name: String,
    pub data_center_name: String,
    pub template: TemplateId,
    pub template_name: String,
    pub pool: Option<PoolId>,
    pub pool_name: Option<String>,
    pub host: Option<HostId>,
    pub host_name: Option<String>,
    pub memory_mib: u64,
    pub vcpus: u32,
    /// As it runs; of a VM that is down: as it is set.
    pub display: Display,
    /// It runs with a serial line.
    pub serial: bool,
    pub icons: Icons,
    pub delete_protected: bool,
    pub stateless: bool,
    /// Guest's addresses and host name, as its agent told.
    pub addresses: Vec<String>,
    pub fqdn: String,
    /// The task that holds it.
    pub locked_by: Option<Holder>,
    /// Changed settings count from its next start.
    pub waits: bool,
    /// When it was started (running VMs).
    pub started: Option<Timestamp>,
    pub load: VmLoad,
    /// What the asking person may do to it now (permission and state).
    pub can: Vec<VmAction>,
}

/// The newest statistics, from the engine's memory.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct VmLoad {
    pub cpu_percent: f32,
    pub memory_used_mib: u64,
    pub net_rx_bytes: u64,
    pub net_tx_bytes: u64,
    pub disk_read_bytes: u64,
    pub disk_write_bytes: u64,
}

/// A VM with all its details.
#[derive(Debug, Clone, PartialEq)]
pub struct VmView {
    pub row: VmRow,
    pub os: String,
    pub kind: VmKind,
    /// As it is at its next start; what a running guest has is `running`.
    pub hardware: Hardware,
    pub running: Option<Running>,
    /// Settings that count from the next start.
    pub waiting: Vec<Waiting>,
    pub instance_type: Option<InstanceTypeId>,
    pub instance_type_name: Option<String>,
    pub guest_os: String,
    /// What its agent tells, as long as it runs.
    pub guest: GuestDetails,
    pub created: Timestamp,
    pub stopped: Option<Timestamp>,
    /// Who may open its consoles may come to one that another user has open.
    pub allow_override: bool,
    /// Its disks are made anew from the newest version of its template.
    pub use_latest: bool,
    /// It runs in another way this one time.
    pub run_once: bool,
    pub cd: Option<DiskId>,
    pub cd_name: Option<String>,
    pub disks: Vec<DiskAttachment>,
    pub nics: Vec<NicView>,
    /// Who has its screen or serial line open now.
    pub watchers: Vec<Watcher>,
    /// For each action that is not in `row.can`: why.
    pub cannot: Vec<(VmAction, Refusal)>,
}

/// A VM to be made. `None` means: as the instance type has it, else as the template has it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct NewVm {
    pub name: String,
    pub description: String,
    pub comment: String,
    pub cluster: Option<ClusterId>,
    /// None = Blank.
    pub template: Option<TemplateId>,
    pub instance_type: Option<InstanceTypeId>,
    pub memory_mib: Option<u64>,
    pub max_memory_mib: Option<u64>,
    pub guaranteed_memory_mib: Option<u64>,
    pub sockets: Option<u32>,
    pub cores: Option<u32>,
    pub threads: Option<u32>,
    pub os: Option<String>,
    pub kind: Option<VmKind>,
    pub display: Option<Display>,
    pub boot: Option<Vec<BootDevice>>,
    pub settings: SettingsChange,
    pub stateless: bool,
    pub delete_protected: bool,
    pub allow_override: bool,
    /// Its disks are made anew from the newest version of the template; of stateless VMs only.
    pub use_latest: bool,
    /// False: thin (a qcow2 layer on the template's disks).
    pub clone: bool,
    /// New empty disks, besides the template's.
    pub disks: Vec<NewDisk>,
    /// The ISO in the drive.
    pub cd: Option<DiskId>,
    /// None: the default one.
    pub quota: Option<QuotaId>,
    /// One network card per entry; None = one card on the data center's first profile.
    pub nics: Option<Vec<Option<VnicProfileId>>>,
}

/// A change of a VM: only what is `Some` changes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct VmUpdate {
    pub name: Option<String>,
    /// `Some(None)`: a size of its own.
    pub instance_type: Option<Option<InstanceTypeId>>,
    pub description: Option<String>,
    pub comment: Option<String>,
    pub memory_mib: Option<u64>,
    pub max_memory_mib: Option<u64>,
    pub guaranteed_memory_mib: Option<u64>,
    pub sockets: Option<u32>,
    pub cores: Option<u32>,
    pub threads: Option<u32>,
    pub os: Option<String>,
    pub kind: Option<VmKind>,
    pub display: Option<Display>,
    pub boot: Option<Vec<BootDevice>>,
    pub settings: SettingsChange,
    pub stateless: Option<bool>,
    pub delete_protected: Option<bool>,
    pub allow_override: Option<bool>,
    pub use_latest: Option<bool>,
    /// `Some(None)` ejects.
    pub cd: Option<Option<DiskId>>,
    pub quota: Option<QuotaId>,
    /// A running guest gets nothing of it before its next start.
    pub next_run: bool,
}
