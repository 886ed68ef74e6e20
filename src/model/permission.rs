//! Permissions: a role for somebody on something.

use crate::model::clock::Timestamp;
use crate::model::ids::{ObjectId, PermissionId, PrincipalId, RoleId};

text_enum! {
    /// The kinds of objects in the permission tree.
    ObjectKind {
        System = "system", DataCenter = "data_center", Cluster = "cluster", Host = "host", StorageDomain = "storage_domain", Network = "network",
        VnicProfile = "vnic_profile", MacPool = "mac_pool", InstanceType = "instance_type", Template = "template", Vm = "vm", Pool = "vm_pool",
        Disk = "disk", User = "user", Group = "group", Role = "role",
    }
}

/// A permission as lists show it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PermissionView {
    pub id: PermissionId,
    pub role: RoleId,
    pub role_name: String,
    pub principal: PrincipalId,
    pub principal_name: String,
    pub is_group: bool,
    pub object: ObjectId,
    pub object_kind: ObjectKind,
    pub object_name: String,
    /// Held on an ancestor of the object asked for.
    pub inherited: bool,
    pub created: Timestamp,
}
