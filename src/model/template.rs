//! Templates.

use crate::model::clock::Timestamp;
use crate::model::disk::DiskAttachment;
use crate::model::icon::Icons;
use crate::model::ids::{ClusterId, DiskId, PoolId, TemplateId, VmId};
use crate::model::vm::{Hardware, VmKind};

text_enum! {
    TemplateStatus { Ok = "ok", Locked = "locked", Illegal = "illegal", }
}

/// Which of a template's versions one is. The base is the first of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Version {
    pub base: TemplateId,
    /// What all its versions are called.
    pub base_name: String,
    pub number: u32,
    /// What people call this one; may be empty.
    pub name: String,
}

/// The unique name of a version: `golden/2`. No name that people give has a `/`.
pub fn version_name(base: &str, number: u32) -> String {
    if number == 1 { base.to_owned() } else { format!("{base}/{number}") }
}

/// What hangs on a template; while any does, it stays.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Dependants {
    /// VMs whose disks are layers on its disks.
    pub vms: Vec<(VmId, String)>,
    /// Disks that are layers on its disks and belong to no VM.
    pub disks: Vec<(DiskId, String)>,
    pub pools: Vec<(PoolId, String)>,
    pub versions: Vec<(TemplateId, String)>,
}

impl Dependants {
    /// Their names.
    pub fn names(&self) -> Vec<&str> {
        let versions = self.versions.iter().map(|one| &one.1);
        let pools = self.pools.iter().map(|one| &one.1);
        let vms = self.vms.iter().map(|one| &one.1);
        versions.chain(pools).chain(vms).chain(self.disks.iter().map(|one| &one.1)).map(String::as_str).collect()
    }
}

/// A template as lists and details show it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TemplateView {
    pub id: TemplateId,
    /// Unique: of a version with its number.
    pub name: String,
    pub description: String,
    pub comment: String,
    pub status: TemplateStatus,
    /// None: Blank, usable everywhere.
    pub cluster: Option<ClusterId>,
    pub cluster_name: String,
    pub data_center_name: String,
    pub os: String,
    pub icons: Icons,
    pub kind: VmKind,
    pub hardware: Hardware,
    pub created: Timestamp,
    /// Filled in details only.
    pub disks: Vec<DiskAttachment>,
    pub version: Version,
    /// What belongs to one machine only was removed from its disks.
    pub sealed: bool,
    /// VMs made from it.
    pub vms: u32,
    /// Pools of it.
    pub pools: u32,
    /// Versions after the base; of a base only.
    pub versions: u32,
    /// Names of its tags and of those above them; filled where the list is searched.
    pub tags: Vec<String>,
}
