//! What a host reports by itself: one stream of JSON lines.

use crate::model::guest::GuestDetails;
use crate::model::ids::VmId;
use serde::{Deserialize, Serialize};

/// One line of the event stream.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum HostEvent {
    /// All domains of this host; always the first line, and again after libvirtd came back.
    Snapshot { domains: Vec<DomainReport> },
    /// One domain's state changed.
    Domain(DomainReport),
    /// The guest began to reboot, so many milliseconds ago. After a snapshot come the latest ones again: nobody listened then, perhaps.
    Rebooted { vm: VmId, millis_ago: u64 },
    /// The guest did not stroke its watchdog.
    Watchdog { vm: VmId },
    /// The guest agent answered, or told something new.
    Guest(GuestReport),
    /// Sent every few seconds.
    Stats { host: HostStats, vms: Vec<VmStats> },
    /// libvirtd went away (false) or came back (true).
    Libvirt { connected: bool },
    /// Nothing happened, the stream lives.
    Alive,
}

/// What libvirt says of a domain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DomainState {
    Running,
    Paused,
    /// Paused because of a failed read or write; the disk is full or gone.
    PausedIo,
    /// It stands still for the last step of a migration, here or there: the other host has it, or will.
    Migrating,
    /// It is on the other host, or was to be, and its memory is not all there.
    PostCopy,
    /// Being started, saved or restored.
    Shutdown,
    Shutoff,
    /// Shut off with a saved state: it restores at the next start.
    Saved,
    Crashed,
    /// libvirt does not know it.
    Missing,
}

/// Why a domain stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StopReason {
    /// The guest shut itself down, or did as it was told.
    Shutdown,
    /// It was destroyed through libvirt.
    Destroyed,
    Crashed,
    /// Its watchdog powered it off.
    Watchdog,
    Saved,
    /// It went to another host.
    Migrated,
    Failed,
    Unknown,
}

/// One domain as libvirt sees it now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DomainReport {
    pub vm: VmId,
    pub state: DomainState,
    /// Set when `state` is shutoff, saved or crashed.
    pub stop_reason: Option<StopReason>,
    /// The guest agent's channel is connected.
    pub agent_connected: bool,
}

/// What the guest agent tells.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GuestReport {
    pub vm: VmId,
    pub hostname: Option<String>,
    pub addresses: Vec<String>,
    pub os: Option<String>,
    #[serde(default)]
    pub details: GuestDetails,
}

/// A host's load.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct HostStats {
    /// Share of all CPUs in use, 0-100.
    pub cpu_percent: f32,
    pub memory_used_mib: u64,
    pub memory_total_mib: u64,
    /// MiB that same-page merging saves; none: it does not run.
    #[serde(default)]
    pub ksm_saved_mib: Option<u64>,
}

/// A VM's load.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct VmStats {
    pub vm: VmId,
    /// Share of the VM's own vCPUs in use, 0-100.
    pub cpu_percent: f32,
    /// Memory the guest uses, where its balloon tells; else what QEMU holds.
    pub memory_used_mib: u64,
    pub net_rx_bytes: u64,
    pub net_tx_bytes: u64,
    pub disk_read_bytes: u64,
    pub disk_write_bytes: u64,
}
