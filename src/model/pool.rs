//! Pools of VMs.

use crate::model::clock::Timestamp;
use crate::model::ids::{ClusterId, DiskId, MemoryId, PoolId, QuotaId, StorageDomainId, TemplateId, UserId};
use crate::model::reservation::Reserved;
use crate::model::vm::VmRow;

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
    /// VMs start from one saved memory.
    pub instant_start: bool,
    pub size: u32,
    pub prestarted: u32,
    pub max_user_vms: u32,
    pub cluster: ClusterId,
    pub cluster_name: String,
    pub template: TemplateId,
    pub template_name: String,
    /// Its VMs are made anew from the newest version of the template when they come back.
    pub use_latest: bool,
    /// What VMs are made from now: the newest version, where it follows that.
    pub newest_name: String,
    /// VMs of another version than that.
    pub behind: u32,
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
    /// It is kept for somebody now.
    pub reserved: Option<Reserved>,
    /// Why VMs are not started ahead just now.
    pub prestart_trouble: Option<PrestartTrouble>,
}

text_enum! {
    /// How far a memory is that a pool's VMs start from.
    MemoryState { Making = "making", Ready = "ready", Failed = "failed",
        /// Not used any more; its files go when no VM lies on them.
        Retired = "retired", }
}

/// The memory that a pool's VMs start from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PoolMemory {
    pub id: MemoryId,
    pub pool: PoolId,
    pub state: MemoryState,
    /// What a VM must be like to go on from it.
    pub make: String,
    pub domain: StorageDomainId,
    /// The template's disk beside which its file lies.
    pub disk: DiskId,
    pub bytes: u64,
    /// Why it could not be saved or used.
    pub reason: String,
    /// So often in a row.
    pub failures: u32,
    /// It is tried again then.
    pub next_try: Option<Timestamp>,
    pub changed: Timestamp,
}

/// Starting VMs ahead failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PrestartTrouble {
    /// So often in a row.
    pub failures: u32,
    pub why: String,
    /// It is tried again then.
    pub next: Timestamp,
}

/// A pool's VM and who has it.
#[derive(Debug, Clone, PartialEq)]
pub struct PoolMember {
    pub vm: VmRow,
    pub holder: Option<PoolHolder>,
}

/// Who has a pool's VM.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PoolHolder {
    pub user: UserId,
    /// `alice@internal`; empty: nobody knows him any more.
    pub name: String,
    pub since: Timestamp,
    /// He may not use it any more; it goes back when it is down.
    pub returning: bool,
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
    /// Only an automatic, stateless pool's VMs can start from one saved memory.
    pub instant_start: bool,
    pub use_latest: bool,
    /// What its VMs count on; none: the default one.
    pub quota: Option<QuotaId>,
}

/// A change of a pool: only what is `Some` changes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PoolUpdate {
    /// With `?` it is also what new VMs are called after.
    pub name: Option<String>,
    pub description: Option<String>,
    pub comment: Option<String>,
    pub size: Option<u32>,
    pub prestarted: Option<u32>,
    pub max_user_vms: Option<u32>,
    pub instant_start: Option<bool>,
    /// What a pool is cannot change; the same again is no change.
    pub kind: Option<PoolKind>,
    pub stateful: Option<bool>,
    pub cluster: Option<ClusterId>,
    pub template: Option<TemplateId>,
    pub use_latest: Option<bool>,
    pub quota: Option<QuotaId>,
    /// What becomes of VMs that are too many; none: a smaller size is refused.
    pub surplus: Option<Surplus>,
}

text_enum! {
    /// What becomes of a pool's free VMs when it shrinks.
    Surplus { Remove = "remove", Detach = "detach", }
}
