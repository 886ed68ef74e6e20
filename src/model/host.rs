//! Hosts.

use crate::model::clock::Timestamp;
use crate::model::host_upgrade::HostUpgrade;
use crate::model::ids::{ClusterId, DataCenterId, HostId};
use crate::model::role::Action;

text_enum! {
    HostStatus {
        Unassigned = "unassigned", Down = "down", Maintenance = "maintenance", Up = "up", NonResponsive = "non_responsive", Error = "error",
        Installing = "installing", InstallFailed = "install_failed", Reboot = "reboot", PreparingForMaintenance = "preparing_for_maintenance",
        NonOperational = "non_operational", PendingApproval = "pending_approval", Initializing = "initializing", Connecting = "connecting",
        InstallingOs = "installing_os", Kdumping = "kdumping",
    }
}

text_enum! {
    /// What people can do to a host.
    HostAction {
        Activate = "activate", Deactivate = "deactivate",
        /// Have a machine join as this host, again.
        Reinstall = "reinstall",
        Remove = "remove",
        /// Somebody has looked: it is off, or was.
        ConfirmOff = "confirm_off",
        /// Where it is reached, and to which cluster it belongs.
        Edit = "edit",
        /// Packages and agent.
        Upgrade = "upgrade",
        /// Ask it what it could be upgraded with.
        CheckUpgrade = "check_upgrade",
    }
}

impl HostStatus {
    /// oVirt's action matrix: is the action allowed in this state?
    pub const fn allows(self, action: HostAction) -> bool {
        match action {
            HostAction::Activate => matches!(
                self,
                Self::Maintenance
                    | Self::PreparingForMaintenance
                    | Self::NonOperational
                    | Self::Error
                    | Self::InstallFailed
            ),
            HostAction::Deactivate => matches!(
                self,
                Self::Up | Self::NonOperational | Self::NonResponsive | Self::Error | Self::Connecting | Self::Down
            ),
            HostAction::ConfirmOff => matches!(self, Self::NonResponsive),
            HostAction::Edit => matches!(self, Self::Maintenance | Self::InstallFailed),
            HostAction::Upgrade | HostAction::CheckUpgrade => {
                matches!(self, Self::Up | Self::Maintenance | Self::NonOperational)
            }
            HostAction::Reinstall => {
                matches!(self, Self::Maintenance | Self::Installing | Self::InstallFailed)
            }
            HostAction::Remove => {
                matches!(
                    self,
                    Self::Maintenance | Self::Installing | Self::InstallFailed | Self::Down | Self::NonResponsive
                )
            }
        }
    }

    /// Nothing runs on it: it was powered off, and is to come back in the second case.
    pub const fn is_off(self) -> bool {
        matches!(self, Self::Down | Self::Reboot)
    }

    /// The engine calls its agent.
    pub const fn is_called(self) -> bool {
        !matches!(self, Self::Installing | Self::InstallFailed | Self::PendingApproval | Self::InstallingOs)
    }
}

impl HostAction {
    /// The permit it needs.
    pub const fn permit(self) -> Action {
        match self {
            Self::Activate | Self::Deactivate | Self::ConfirmOff => Action::ManipulateHost,
            Self::Reinstall | Self::Edit | Self::Upgrade | Self::CheckUpgrade => Action::EditHostConfiguration,
            Self::Remove => Action::DeleteHost,
        }
    }

    /// "Cannot … host x".
    pub const fn in_words(self) -> &'static str {
        match self {
            Self::Activate => "activate",
            Self::Deactivate => "move to maintenance",
            Self::Reinstall => "reinstall",
            Self::Remove => "remove",
            Self::ConfirmOff => "call off",
            Self::Edit => "change the address or the cluster of",
            Self::Upgrade => "upgrade",
            Self::CheckUpgrade => "check for upgrades of",
        }
    }
}

/// What the host told of itself; kept so that pages have it while the host is away.
#[derive(Debug, Clone, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
#[serde(default)]
pub struct HostFacts {
    pub hostname: String,
    pub hardware_id: String,
    pub cpu_model: String,
    pub sockets: u32,
    pub cores_per_socket: u32,
    pub threads_per_core: u32,
    pub memory_mib: u64,
    pub kvm: bool,
    pub libvirt_version: String,
    pub qemu_version: String,
    pub kernel_version: String,
    pub os: String,
    pub agent_version: String,
    pub machines: Vec<String>,
    pub max_vcpus: u32,
    pub addresses: Vec<String>,
    pub video_models: Vec<String>,
    pub graphics: Vec<String>,
    /// CPUs that guests can have there.
    pub cpu_models: Vec<String>,
    /// How ovirtmgmt was made there: bridge, nat, isolated, user.
    pub network_mode: String,
}

impl HostFacts {
    /// All logical CPUs.
    pub fn cpus(&self) -> u32 {
        self.sockets * self.cores_per_socket * self.threads_per_core
    }

    /// Machine types that our guests can be: PCs with PCI or PCI Express.
    pub fn guest_machines(&self) -> impl Iterator<Item = &str> {
        let pc = |name: &&str| {
            matches!(*name, "pc" | "q35") || name.starts_with("pc-i440fx-") || name.starts_with("pc-q35-")
        };
        self.machines.iter().map(String::as_str).filter(pc)
    }

    /// The machine type is there; not asked for any: it is.
    pub fn has_machine(&self, machine: &str) -> bool {
        machine.is_empty() || self.guest_machines().any(|known| known == machine)
    }

    /// The same of a CPU.
    pub fn has_cpu(&self, model: &str) -> bool {
        model.is_empty() || self.cpu_models.iter().any(|known| known == model)
    }
}

/// A host as lists and details show it.
#[derive(Debug, Clone, PartialEq)]
pub struct HostView {
    pub id: HostId,
    pub name: String,
    pub comment: String,
    pub address: String,
    pub port: u16,
    pub status: HostStatus,
    /// Why it is not up, one sentence; empty when up.
    pub status_reason: String,
    pub cluster: ClusterId,
    pub cluster_name: String,
    pub data_center: DataCenterId,
    pub data_center_name: String,
    pub facts: HostFacts,
    /// VMs that run on it.
    pub active_vms: u32,
    pub load: HostLoad,
    pub last_seen: Option<Timestamp>,
    /// SHA-256 of its public key; empty: it has not joined.
    pub fingerprint: String,
    pub certificate_ends: Option<Timestamp>,
    /// It is the storage pool manager of its data center.
    pub spm: bool,
    pub spm_priority: i32,
    /// Names of its tags and of those above them; filled where the list is searched.
    pub tags: Vec<String>,
    pub upgrade: HostUpgrade,
}

/// The newest statistics, from the engine's memory.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct HostLoad {
    pub cpu_percent: f32,
    pub memory_used_mib: u64,
    pub memory_total_mib: u64,
    /// MiB that same-page merging (KSM) saves; none: it does not run.
    pub ksm_saved_mib: Option<u64>,
}

/// A host to be added.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct NewHost {
    pub name: String,
    pub comment: String,
    /// None: Default.
    pub cluster: Option<ClusterId>,
    /// Empty: where the machine comes from when it joins.
    pub address: String,
}

/// What people set of a host that is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostEdit {
    pub name: String,
    pub comment: String,
    pub address: String,
    pub port: u16,
    pub cluster: ClusterId,
}

impl HostView {
    pub fn edit(&self) -> HostEdit {
        HostEdit {
            name: self.name.clone(),
            comment: self.comment.clone(),
            address: self.address.clone(),
            port: self.port,
            cluster: self.cluster,
        }
    }
}
