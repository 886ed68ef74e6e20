//! Who is to run together, apart, or on which hosts.

use crate::model::ids::{AffinityGroupId, AffinityLabelId, ClusterId, HostId, VmId};
use serde::{Deserialize, Serialize};

text_enum! {
    /// Together or apart.
    Affinity {
        Positive = "positive",
        Negative = "negative",
        /// This part of the group says nothing.
        Disabled = "disabled",
    }
}

/// One of a group's two rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct AffinityRule {
    pub affinity: Affinity,
    /// A host that breaks it is out; otherwise it is only worse.
    pub enforcing: bool,
}

/// VMs of a cluster that are to run together or apart, and on these hosts or not on them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AffinityGroup {
    pub id: AffinityGroupId,
    pub cluster: ClusterId,
    pub name: String,
    pub description: String,
    pub vms_rule: AffinityRule,
    pub hosts_rule: AffinityRule,
    pub vms: Vec<VmId>,
    pub hosts: Vec<HostId>,
}

/// A VM runs only on hosts that have all of its labels.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AffinityLabel {
    pub id: AffinityLabelId,
    pub name: String,
    pub vms: Vec<VmId>,
    pub hosts: Vec<HostId>,
}
