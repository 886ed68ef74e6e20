//! Pools of VMs.

use crate::model::ids::{ClusterId, PoolId, TemplateId};

text_enum! {
    PoolKind { Automatic = "automatic", Manual = "manual", }
}

/// A pool as lists and details show it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PoolView {
    pub id: PoolId,
    pub name: String,
    pub description: String,
    pub comment: String,
    pub kind: PoolKind,
    pub stateful: bool,
    pub size: u32,
    pub prestarted: u32,
    pub max_user_vms: u32,
    pub cluster: ClusterId,
    pub cluster_name: String,
    pub template: TemplateId,
    pub template_name: String,
    /// VMs that somebody has.
    pub assigned: u32,
    pub running: u32,
    /// VMs nobody has and that could be taken now.
    pub free: u32,
    /// Of those assigned, the asking person's.
    pub mine: u32,
    /// The asking person may take VMs of it.
    pub permitted: bool,
    /// He may take one now.
    pub can_take: bool,
}

/// A pool to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewPool {
    /// `?` stands for the number's digits: `desk-??` gives desk-01; without it, `-N` is appended.
    pub name: String,
    pub description: String,
    pub comment: String,
    pub cluster: Option<ClusterId>,
    pub template: TemplateId,
    pub size: u32,
    pub prestarted: u32,
    pub max_user_vms: u32,
    pub kind: PoolKind,
    pub stateful: bool,
}

/// MaxVmsInPool.
pub const MAX_POOL_SIZE: u64 = 1000;
