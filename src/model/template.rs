//! Templates.

use crate::model::clock::Timestamp;
use crate::model::disk::DiskAttachment;
use crate::model::ids::{ClusterId, TemplateId};
use crate::model::vm::{Hardware, VmKind};

text_enum! {
    TemplateStatus { Ok = "ok", Locked = "locked", Illegal = "illegal", }
}

/// A template as lists and details show it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TemplateView {
    pub id: TemplateId,
    pub name: String,
    pub description: String,
    pub comment: String,
    pub status: TemplateStatus,
    /// None: Blank, usable everywhere.
    pub cluster: Option<ClusterId>,
    pub cluster_name: String,
    pub data_center_name: String,
    pub os: String,
    pub kind: VmKind,
    pub hardware: Hardware,
    pub created: Timestamp,
    /// Filled in details only.
    pub disks: Vec<DiskAttachment>,
    /// VMs made from it.
    pub vms: u32,
}
