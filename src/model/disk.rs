//! Disks, their layers and how they are attached.

use crate::model::clock::Timestamp;
use crate::model::ids::{DiskId, QuotaId, StorageDomainId, TemplateId, VmId};

text_enum! {
    /// A file's format.
    DiskFormat { Cow = "cow", Raw = "raw", }
}
text_enum! {
    DiskStatus { Ok = "ok", Locked = "locked", Illegal = "illegal", }
}
text_enum! {
    DiskInterface { Virtio = "virtio", VirtioScsi = "virtio_scsi", Ide = "ide", Sata = "sata", }
}
text_enum! {
    DiskContent { Data = "data", Iso = "iso", }
}

pub const MIB: u64 = 1 << 20;
pub const GIB: u64 = 1 << 30;
/// The largest disk oVirt makes (MaxBlockDiskSize).
pub const MAX_DISK_BYTES: u64 = 8192 * GIB;

/// A disk as lists and details show it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DiskView {
    pub id: DiskId,
    pub alias: String,
    pub description: String,
    pub status: DiskStatus,
    pub content: DiskContent,
    pub format: DiskFormat,
    pub sparse: bool,
    pub virtual_bytes: u64,
    pub actual_bytes: u64,
    pub storage_domain: StorageDomainId,
    pub storage_domain_name: String,
    /// What it is attached to.
    pub attached: Vec<AttachedTo>,
    pub created: Timestamp,
}

/// A VM or template a disk belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AttachedTo {
    Vm(VmId, String),
    Template(TemplateId, String),
}

/// A disk as a VM has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DiskAttachment {
    pub disk: DiskView,
    pub interface: DiskInterface,
    pub bootable: bool,
    pub read_only: bool,
    /// False: the guest does not see it.
    pub active: bool,
}

/// A changed disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DiskChange {
    pub alias: String,
    pub description: String,
    /// How its VM sees it: the interface, and whether it is booted from. None: as before.
    pub seen: Option<(DiskInterface, bool)>,
}

/// A disk to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewDisk {
    /// Empty = `<vm name>_Disk<n>`.
    pub alias: String,
    pub description: String,
    pub virtual_bytes: u64,
    pub sparse: bool,
    pub interface: DiskInterface,
    pub bootable: bool,
    /// None = the data center's only or largest active data domain.
    pub storage_domain: Option<StorageDomainId>,
    /// None: that of its VM, or the default one.
    pub quota: Option<QuotaId>,
}
