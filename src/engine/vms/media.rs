//! Whether a VM can be started at all, wherever.

use crate::engine::EngineError;
use crate::engine::vms::admit::refuse;
use crate::engine::vms::lease;
use crate::model::disk::DiskStatus;
use crate::model::storage_domain::StorageDomainStatus;
use crate::model::vm::{BootDevice, Refusal, VmAction};
use crate::store::vms::launch::Launch;

/// Nothing of the VM itself stands in the way of a start.
///
/// # Errors
/// It has nothing to boot from, or a disk or CD that cannot be used.
pub(super) fn check(vm: &Launch) -> Result<(), EngineError> {
    let refused = |because| Err(refuse(VmAction::Run, &vm.name, because));
    let bootable = vm.hardware.boot.iter().any(|device| match device {
        BootDevice::Disk => vm.disks.iter().any(|disk| disk.active),
        BootDevice::Cdrom => vm.cd.is_some(),
        BootDevice::Network => vm.nics.iter().any(|nic| nic.plugged),
    });
    if !bootable && vm.kernel.is_none() {
        return refused(Refusal::NothingToBoot);
    }
    if let Some((_, None)) = vm.cd {
        return refused(Refusal::CdGone { cd: String::new() });
    }
    if vm.hardware.settings.lease.0.is_some() && !lease::has_a_disk_there(vm) {
        return refused(Refusal::NoDiskAtLease);
    }
    for disk in vm.files() {
        if disk.status != DiskStatus::Ok {
            return refused(Refusal::DiskNotOk { disk: disk.alias.clone(), status: disk.status });
        }
        if disk.domain_status != StorageDomainStatus::Active {
            return refused(Refusal::StorageNotActive {
                disk: disk.alias.clone(),
                domain: disk.domain_name.clone(),
                status: disk.domain_status,
            });
        }
    }
    Ok(())
}
