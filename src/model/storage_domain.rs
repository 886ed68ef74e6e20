//! Storage domains.

use crate::model::ids::{DataCenterId, HostId, StorageDomainId};

text_enum! {
    StorageDomainStatus {
        Unattached = "unattached", Active = "active", Inactive = "inactive", Locked = "locked", Maintenance = "maintenance",
        PreparingForMaintenance = "preparing_for_maintenance", Detaching = "detaching", Activating = "activating", Unknown = "unknown",
    }
}
text_enum! {
    StorageDomainKind { Data = "data", Iso = "iso", Export = "export", }
}
text_enum! {
    StorageType { Local = "localfs", Nfs = "nfs", Iscsi = "iscsi", Fcp = "fcp", Posix = "posixfs", Gluster = "glusterfs", }
}

/// A storage domain as lists and details show it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StorageDomainView {
    pub id: StorageDomainId,
    pub name: String,
    pub description: String,
    pub comment: String,
    pub kind: StorageDomainKind,
    pub storage_type: StorageType,
    pub status: StorageDomainStatus,
    pub master: bool,
    pub data_center: Option<DataCenterId>,
    pub data_center_name: String,
    /// The host whose folder it is (local domains).
    pub host: Option<HostId>,
    pub path: String,
    pub total_bytes: u64,
    pub available_bytes: u64,
    /// Sum of its disks' virtual sizes.
    pub committed_bytes: u64,
}

/// A domain to be made in a folder that all hosts of a data center see.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct NewSharedDomain {
    pub name: String,
    pub description: String,
    /// None: Default.
    pub data_center: Option<DataCenterId>,
    pub path: String,
}

/// Below this much free space nothing new is made there (oVirt's critical_space_action_blocker).
pub const CRITICAL_SPACE_BYTES: u64 = 1 << 30;
