//! From the database's rows to what the agent must know to run a guest.

use crate::model::cpu::CpuFeature;
use crate::model::ids::ImageId;
use crate::model::vm_settings::VmSettings;
use crate::store::vms::launch::{Launch, LaunchDisk};
use crate::wire::{DiskSpec, DomainPath, ImagePath, KernelSpec, NicSpec, VmSpec};

/// Where a disk's active layer lies.
pub(super) fn image(disk: &LaunchDisk) -> ImagePath {
    let domain = DomainPath { id: disk.domain, path: disk.domain_path.clone() };
    ImagePath { domain, disk: disk.disk, image: disk.image }
}

/// With the cluster's CPU, if the VM has none of its own, and a balloon if the cluster has them.
fn settings(vm: &Launch) -> VmSettings {
    let mut settings = vm.hardware.settings.clone();
    if settings.cpu_type.is_empty() && !settings.cpu_passthrough {
        settings.cpu_type.clone_from(&vm.common.cpu_type);
    }
    settings.ballooning &= vm.common.ballooning;
    settings
}

/// What was computed for the cluster's CPU.
fn cpu_features(vm: &Launch) -> Vec<CpuFeature> {
    let own = &vm.hardware.settings;
    let follows = own.cpu_type.is_empty() && !own.cpu_passthrough;
    if follows { vm.common.cpu_features.clone().unwrap_or_default() } else { Vec::new() }
}

/// The guest as the host is to run it.
pub(in crate::engine) fn build(vm: &Launch) -> VmSpec {
    let (hardware, running) = (&vm.hardware, vm.running());
    VmSpec {
        id: vm.vm,
        name: vm.name.clone(),
        memory_mib: hardware.memory_mib,
        sockets: hardware.sockets,
        cores: hardware.cores,
        threads: hardware.threads,
        max_vcpus: running.max_vcpus,
        room_mib: running.room_mib,
        settings: settings(vm),
        cpu_features: cpu_features(vm),
        boot: hardware.boot.clone(),
        disks: vm
            .disks
            .iter()
            .filter(|disk| disk.active)
            .map(|disk| DiskSpec {
                id: disk.disk,
                image: image(disk),
                format: disk.format,
                interface: disk.interface,
                read_only: disk.read_only,
                bootable: disk.bootable,
            })
            .collect(),
        cdrom: vm.cd.as_ref().and_then(|(_, cd)| cd.as_ref()).map(image),
        nics: vm
            .nics
            .iter()
            .filter(|nic| nic.plugged)
            .map(|nic| NicSpec {
                id: nic.nic,
                mac: nic.mac,
                network: nic.network.clone(),
                model: nic.model,
                linked: nic.linked,
            })
            .collect(),
        display: hardware.display,
        paused: false,
        memory: vm.memory.and_then(|(snapshot, disk)| {
            let beside = vm.disks.iter().find(|d| d.disk == disk)?;
            Some(ImagePath { image: ImageId(snapshot.0), ..image(beside) })
        }),
        payload: None,
        kernel: vm.kernel.as_ref().map(|kernel| KernelSpec {
            image: image(&kernel.image),
            initrd: kernel.initrd.as_ref().map(image),
            parameters: kernel.parameters.clone(),
        }),
    }
}
