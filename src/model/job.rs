//! Jobs: work that outlasts a request.

use crate::model::clock::Timestamp;
use crate::model::ids::{JobId, ObjectId, UserId};

text_enum! {
    JobStatus {
        Started = "started", Finished = "finished", Failed = "failed", Aborted = "aborted",
        /// Its undoing failed; it waits for a retry.
        Stuck = "unknown",
    }
}
text_enum! {
    StepStatus { Pending = "pending", Started = "started", Finished = "finished", Failed = "failed", Undone = "undone", }
}
text_enum! {
    /// Every kind of job there is; one file in engine/ each.
    JobKind {
        AddVm = "add_vm", RemoveVm = "remove_vm", StartVm = "start_vm", StopVm = "stop_vm", ShutdownVm = "shutdown_vm", RebootVm = "reboot_vm",
        SuspendVm = "suspend_vm", RemoveTemplate = "remove_template", AddPool = "add_pool", RemovePool = "remove_pool",
        TakeFromPool = "take_from_pool", ReturnToPool = "return_to_pool", AddDisk = "add_disk", RemoveDisk = "remove_disk", UploadImage = "upload_image",
        AddTemplate = "add_template", CreateSnapshot = "create_snapshot", PreviewSnapshot = "preview_snapshot", DropLayers = "drop_layers", RemoveSnapshot = "remove_snapshot",
        GrowPool = "grow_pool", ShrinkPool = "shrink_pool", DetachFromPool = "detach_from_pool", SaveMemory = "save_memory", RenewVm = "renew_vm",
        AdjustVm = "adjust_vm", MigrateVm = "migrate_vm", EmptyHost = "empty_host", FenceHost = "fence_host", ShutDownCluster = "shut_down_cluster", StartCluster = "start_cluster", InstallHost = "install_host", RemoveHost = "remove_host", AddStorageDomain = "add_storage_domain",
        UpgradeHost = "upgrade_host", UpgradeCluster = "upgrade_cluster",
    }
}

/// A job as lists and details show it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobView {
    pub id: JobId,
    pub kind: JobKind,
    /// The name of what it works on.
    pub subject: String,
    pub status: JobStatus,
    pub steps: Vec<StepView>,
    pub owner: Option<UserId>,
    pub owner_name: String,
    pub error: String,
    pub started: Timestamp,
    pub ended: Option<Timestamp>,
    pub correlation_id: String,
    pub locks: Vec<ObjectId>,
}

impl JobView {
    /// What API, logs and refusals call it: "Adding VM desk-1".
    pub fn description(&self) -> String {
        format!("{} {}", self.kind.in_words(), self.subject)
    }
}

impl JobKind {
    /// English words before the subject's name.
    pub const fn in_words(self) -> &'static str {
        match self {
            Self::AddVm => "Adding VM",
            Self::RemoveVm => "Removing VM",
            Self::StartVm => "Launching VM",
            Self::StopVm => "Powering off VM",
            Self::ShutdownVm => "Shutting down VM",
            Self::RebootVm => "Rebooting VM",
            Self::SuspendVm => "Suspending VM",
            Self::RemoveTemplate => "Removing template",
            Self::AddPool => "Creating pool",
            Self::RemovePool => "Removing pool",
            Self::TakeFromPool => "Taking a VM from pool",
            Self::ReturnToPool => "Returning VM to its pool",
            Self::AddDisk => "Adding disk",
            Self::RemoveDisk => "Removing disk",
            Self::UploadImage => "Uploading image",
            Self::AddTemplate => "Creating template",
            Self::CreateSnapshot => "Taking a snapshot of VM",
            Self::PreviewSnapshot => "Going to a snapshot of VM",
            Self::DropLayers => "Removing layers of VM",
            Self::RemoveSnapshot => "Removing a snapshot of VM",
            Self::GrowPool => "Enlarging pool",
            Self::ShrinkPool => "Shrinking pool",
            Self::SaveMemory => "Saving a memory for the VMs of pool",
            Self::DetachFromPool => "Detaching from its pool VM",
            Self::RenewVm => "Taking to a newer version VM",
            Self::AdjustVm => "Changing running VM",
            Self::MigrateVm => "Migrating VM",
            Self::AddStorageDomain => "Adding storage domain",
            Self::InstallHost => "Installing host",
            Self::UpgradeHost => "Upgrading host",
            Self::UpgradeCluster => "Upgrading cluster",
            Self::ShutDownCluster => "Shutting down cluster",
            Self::StartCluster => "Starting cluster",
            Self::FenceHost => "Changing the power of host",
            Self::EmptyHost => "Moving to maintenance host",
            Self::RemoveHost => "Removing host",
        }
    }
}

/// A step of a job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StepView {
    pub number: u32,
    /// The kind's `Step` in snake case; portals translate it (`step-…` keys).
    pub name: String,
    pub status: StepStatus,
    /// 0-100 where it is known.
    pub progress: Option<u8>,
}
