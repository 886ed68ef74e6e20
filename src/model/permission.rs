//! Permissions: a role for somebody on something.

use crate::model::clock::Timestamp;
use crate::model::ids::{ObjectId, PermissionId, PrincipalId, RoleId};

text_enum! {
    /// The kinds of objects in the permission tree.
    ObjectKind {
        System = "system", DataCenter = "data_center", Cluster = "cluster", Host = "host", StorageDomain = "storage_domain", Network = "network",
        VnicProfile = "vnic_profile", MacPool = "mac_pool", InstanceType = "instance_type", Template = "template", Vm = "vm", Pool = "vm_pool",
        Disk = "disk", Quota = "quota", User = "user", Group = "group", Role = "role",
    }
}

/// A permission as lists show it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PermissionView {
    pub id: PermissionId,
    pub role: RoleId,
    pub role_name: String,
    /// Only a SuperUser gives and takes it.
    pub role_admin: bool,
    pub principal: PrincipalId,
    /// `alice@example.com`, `staff@example.com`, `Everyone`.
    pub principal_name: String,
    pub is_group: bool,
    /// False: the directory has him no more.
    pub principal_active: bool,
    pub object: ObjectId,
    pub object_kind: ObjectKind,
    pub object_name: String,
    /// Held on an ancestor of the object asked for.
    pub inherited: bool,
    pub created: Timestamp,
}

/// Somebody who may hold permissions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Principal {
    pub id: PrincipalId,
    /// `alice@example.com`, `staff@example.com`, `Everyone`.
    pub name: String,
    /// A user's first and last name, a group's description.
    pub about: String,
    pub is_group: bool,
    /// False: the directory has him no more.
    pub active: bool,
}

/// An object by its kind and name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    pub object: ObjectId,
    pub kind: ObjectKind,
    pub name: String,
}

/// One reason why somebody may do something: he, or a group he is in, holds a role that allows it on the object or above it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chain {
    pub permission: PermissionView,
    /// From the group he is in himself to the one that holds the role; empty: he holds it himself.
    pub groups: Vec<Vec<String>>,
}

/// Why somebody may do something to an object, or what would make it possible.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Why {
    /// Empty: he may not.
    pub chains: Vec<Chain>,
    /// Where a role would make it possible: the object and all above it, nearest first.
    pub places: Vec<Place>,
    /// The roles with that permit.
    pub roles: Vec<(RoleId, String, bool)>,
    /// Who may, so that being in one of these groups would do.
    pub groups: Vec<String>,
}
