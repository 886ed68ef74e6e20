//! Which type stands for which kind of job.

use super::kind::{AnyKind, Hidden};
use crate::engine::cluster_power::{ShutDownCluster, StartCluster};
use crate::engine::cluster_upgrade::UpgradeCluster;
use crate::engine::disks::{AddDisk, RemoveDisk, UploadImage};
use crate::engine::hosts::{EmptyHost, FenceHost, InstallHost, RemoveHost, UpgradeHost};
use crate::engine::pools::{
    AddPool, DetachFromPool, GrowPool, RemovePool, ReturnToPool, SaveMemory, ShrinkPool, TakeFromPool,
};
use crate::engine::snapshots::{CreateSnapshot, DropLayers, PreviewSnapshot, RemoveSnapshot};
use crate::engine::storage_domains::AddStorageDomain;
use crate::engine::templates::{AddTemplate, RemoveTemplate, RenewVm};
use crate::engine::vms::{
    adjust::AdjustVm, create::AddVm, migrate::MigrateVm, reboot::RebootVm, remove::RemoveVm, shutdown::ShutdownVm,
    start::StartVm, stop::StopVm, suspend::SuspendVm,
};
use crate::model::job::JobKind;

/// The kind's steps.
pub(super) fn find(kind: JobKind) -> &'static dyn AnyKind {
    match kind {
        JobKind::AddVm => &const { Hidden::<AddVm>::new() },
        JobKind::RemoveVm => &const { Hidden::<RemoveVm>::new() },
        JobKind::StartVm => &const { Hidden::<StartVm>::new() },
        JobKind::StopVm => &const { Hidden::<StopVm>::new() },
        JobKind::ShutdownVm => &const { Hidden::<ShutdownVm>::new() },
        JobKind::RebootVm => &const { Hidden::<RebootVm>::new() },
        JobKind::SuspendVm => &const { Hidden::<SuspendVm>::new() },
        JobKind::RemoveTemplate => &const { Hidden::<RemoveTemplate>::new() },
        JobKind::AddPool => &const { Hidden::<AddPool>::new() },
        JobKind::RemovePool => &const { Hidden::<RemovePool>::new() },
        JobKind::TakeFromPool => &const { Hidden::<TakeFromPool>::new() },
        JobKind::ReturnToPool => &const { Hidden::<ReturnToPool>::new() },
        JobKind::GrowPool => &const { Hidden::<GrowPool>::new() },
        JobKind::ShrinkPool => &const { Hidden::<ShrinkPool>::new() },
        JobKind::AdjustVm => &const { Hidden::<AdjustVm>::new() },
        JobKind::MigrateVm => &const { Hidden::<MigrateVm>::new() },
        JobKind::AddStorageDomain => &const { Hidden::<AddStorageDomain>::new() },
        JobKind::InstallHost => &const { Hidden::<InstallHost>::new() },
        JobKind::UpgradeHost => &const { Hidden::<UpgradeHost>::new() },
        JobKind::UpgradeCluster => &const { Hidden::<UpgradeCluster>::new() },
        JobKind::ShutDownCluster => &const { Hidden::<ShutDownCluster>::new() },
        JobKind::StartCluster => &const { Hidden::<StartCluster>::new() },
        JobKind::FenceHost => &const { Hidden::<FenceHost>::new() },
        JobKind::EmptyHost => &const { Hidden::<EmptyHost>::new() },
        JobKind::RemoveHost => &const { Hidden::<RemoveHost>::new() },
        JobKind::DetachFromPool => &const { Hidden::<DetachFromPool>::new() },
        JobKind::SaveMemory => &const { Hidden::<SaveMemory>::new() },
        JobKind::RenewVm => &const { Hidden::<RenewVm>::new() },
        JobKind::AddDisk => &const { Hidden::<AddDisk>::new() },
        JobKind::RemoveDisk => &const { Hidden::<RemoveDisk>::new() },
        JobKind::UploadImage => &const { Hidden::<UploadImage>::new() },
        JobKind::AddTemplate => &const { Hidden::<AddTemplate>::new() },
        JobKind::CreateSnapshot => &const { Hidden::<CreateSnapshot>::new() },
        JobKind::PreviewSnapshot => &const { Hidden::<PreviewSnapshot>::new() },
        JobKind::DropLayers => &const { Hidden::<DropLayers>::new() },
        JobKind::RemoveSnapshot => &const { Hidden::<RemoveSnapshot>::new() },
    }
}
