//! Where a VM can run, and whether it can run at all.

use crate::db::Db;
use crate::engine::EngineError;
use crate::engine::vms::admit::refuse;
use crate::model::conflict::NoRoom;
use crate::model::disk::DiskStatus;
use crate::model::host::HostStatus;
use crate::model::ids::{HostId, VmId};
use crate::model::storage_domain::StorageDomainStatus;
use crate::model::valid::{Invalid, Problem};
use crate::model::vm::{BootDevice, Refusal, VmAction};
use crate::store::vms::launch::{self, Candidate, Launch};
use crate::store::vms::list;
use crate::store::vms::run::VmRun;

/// Memory a host keeps for itself (oVirt's HostReservedMemory), and what QEMU needs beside the guest's (GuestOverhead).
const HOST_RESERVED_MIB: u64 = 256;
const GUEST_OVERHEAD_MIB: u64 = 65;

/// Nothing of the VM itself stands in the way of a start.
///
/// # Errors
/// It has nothing to boot from, or a disk or CD that cannot be used.
pub(super) fn check_media(vm: &Launch) -> Result<(), EngineError> {
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

/// What binds a VM to hosts besides its own settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::engine) enum Tie {
    None,
    /// It must be this one: something of the VM is there, or somebody wants it there.
    To(HostId),
    /// It runs on this one and is to be on another, this or any.
    From(HostId, Option<HostId>),
}

/// The host that has most room.
///
/// # Errors
/// No host of the cluster can run it; says for each why.
pub(in crate::engine) fn choose(vm: &Launch, hosts: &[Candidate], tie: Tie) -> Result<HostId, EngineError> {
    let most = hosts.iter().map(|h| h.facts.memory_mib.saturating_sub(HOST_RESERVED_MIB)).max().unwrap_or_default();
    let known = hosts.iter().any(|h| h.facts.memory_mib > 0);
    if known && vm.hardware.memory_mib > most {
        return Err(Invalid::new("memory", Problem::MoreThanHost { available: most }).into());
    }
    let mut why_not = Vec::new();
    let mut best: Option<(u64, HostId)> = None;
    for host in hosts {
        match room(vm, host, tie, emulates(hosts, tie)) {
            Ok(free) if best.is_none_or(|(most, _)| free > most) => best = Some((free, host.id)),
            Ok(_) => {}
            Err(reason) => why_not.push((host.name.clone(), reason)),
        }
    }
    match best {
        Some((_, host)) => Ok(host),
        None => Err(refuse(
            if matches!(tie, Tie::From(..)) { VmAction::Migrate } else { VmAction::Run },
            &vm.name,
            Refusal::NoHost { hosts: why_not },
        )),
    }
}

/// A host as a place for a VM.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explained {
    pub id: HostId,
    pub name: String,
    /// MiB that would stay free, or what stands against it.
    pub fits: Result<u64, NoRoom>,
}

/// What speaks for and against each host.
pub(in crate::engine) fn explain(vm: &Launch, hosts: &[Candidate], tie: Tie) -> Vec<Explained> {
    let emulated = emulates(hosts, tie);
    let one = |h: &Candidate| Explained { id: h.id, name: h.name.clone(), fits: room(vm, h, tie, emulated) };
    hosts.iter().map(one).collect()
}

/// Whether the host that a VM is to leave emulates its guests.
fn emulates(hosts: &[Candidate], tie: Tie) -> Option<bool> {
    let Tie::From(from, _) = tie else { return None };
    hosts.iter().find(|host| host.id == from).map(|host| !host.facts.kvm)
}

/// What stays free in MiB with this VM there, or why it cannot be there.
fn room(vm: &Launch, host: &Candidate, tie: Tie, emulated: Option<bool>) -> Result<u64, NoRoom> {
    if host.status != HostStatus::Up {
        return Err(NoRoom::Status(host.status));
    }
    match tie {
        Tie::To(only) | Tie::From(_, Some(only)) if only != host.id => return Err(NoRoom::NotTied),
        Tie::From(from, _) if from == host.id => return Err(NoRoom::Here),
        _ => {}
    }
    if emulated.is_some_and(|emulated| emulated == host.facts.kvm) {
        return Err(NoRoom::OtherCpu);
    }
    let pinned = &vm.hardware.settings.hosts;
    if !pinned.is_empty() && !pinned.contains(&host.id) {
        return Err(NoRoom::NotChosen);
    }
    if let Some(disk) = vm.files().find(|d| d.domain_host.is_some_and(|at| at != host.id)) {
        return Err(NoRoom::NoDomain { domain: disk.domain_name.clone(), disk: disk.alias.clone() });
    }
    let (machine, cpu) = (&vm.hardware.settings.machine, &vm.hardware.settings.cpu_type);
    if !host.facts.has_machine(machine) {
        return Err(NoRoom::NoMachine { machine: machine.clone() });
    }
    if !host.facts.has_cpu(cpu) {
        return Err(NoRoom::NoCpuType { cpu: cpu.clone() });
    }
    let vcpus = vm.hardware.vcpus();
    if host.facts.max_vcpus > 0 && vcpus > host.facts.max_vcpus {
        return Err(NoRoom::Cpus { most: host.facts.max_vcpus, wanted: vcpus });
    }
    let promised = host.committed_mib + u64::from(host.vms) * GUEST_OVERHEAD_MIB + HOST_RESERVED_MIB;
    let free = host.facts.memory_mib.saturating_sub(promised);
    let needed = vm.hardware.memory_mib + GUEST_OVERHEAD_MIB;
    free.checked_sub(needed).ok_or(NoRoom::Memory { free, needed })
}

/// Its host has promised more than it has, with what is set for the VM now.
///
/// # Errors
/// The database failed.
pub(super) fn is_full(db: &mut Db, vm: VmId, run: &VmRun) -> Result<bool, EngineError> {
    let Some(row) = list::row(db, vm)? else { return Ok(false) };
    let hosts = launch::candidates(db, row.cluster)?;
    Ok(hosts.iter().filter(|host| Some(host.id) == run.host).any(|host| {
        let promised = host.committed_mib + u64::from(host.vms) * GUEST_OVERHEAD_MIB + HOST_RESERVED_MIB;
        host.facts.memory_mib > 0 && promised > host.facts.memory_mib
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::host::HostFacts;
    use crate::model::ids::ClusterId;
    use crate::model::vm::{Display, Hardware};
    use crate::model::vm_settings::VmSettings;

    fn vm(memory_mib: u64) -> Launch {
        Launch {
            vm: VmId::random(),
            name: "a".to_owned(),
            cluster: ClusterId::random(),
            os: "other".to_owned(),
            hardware: Hardware {
                memory_mib,
                max_memory_mib: memory_mib,
                guaranteed_memory_mib: memory_mib,
                sockets: 1,
                cores: 1,
                threads: 1,
                display: Display::Vnc,
                boot: vec![BootDevice::Disk],
                settings: VmSettings::default(),
            },
            stateless: false,
            disks: Vec::new(),
            kernel: None,
            cd: None,
            nics: Vec::new(),
            memory: None,
        }
    }
    fn host(name: &str, memory_mib: u64, committed_mib: u64) -> Candidate {
        Candidate {
            id: HostId::random(),
            name: name.to_owned(),
            status: HostStatus::Up,
            facts: HostFacts { memory_mib, max_vcpus: 8, ..HostFacts::default() },
            committed_mib,
            vms: 0,
        }
    }

    #[test]
    fn takes_the_host_with_most_room() {
        let hosts = [host("full", 4096, 3000), host("wide", 4096, 0), host("small", 2048, 0)];
        assert_eq!(choose(&vm(1024), &hosts, Tie::None).unwrap(), hosts[1].id);
        assert_eq!(choose(&vm(512), &hosts, Tie::To(hosts[2].id)).unwrap(), hosts[2].id);
    }

    #[test]
    fn says_for_each_host_why_not() {
        let mut hosts = [host("full", 4096, 3500), host("away", 4096, 0)];
        hosts[1].status = HostStatus::NonResponsive;
        let said = choose(&vm(1024), &hosts, Tie::None).unwrap_err().to_string();
        assert!(said.contains("full has 340 MiB") && said.contains("away is non responsive"), "{said}");
        let said = choose(&vm(1024), &[], Tie::None).unwrap_err().to_string();
        assert!(said.contains("no host"), "{said}");
    }

    #[test]
    fn more_memory_than_any_host_has_is_a_wrong_request() {
        let error = choose(&vm(9000), &[host("h", 4096, 0)], Tie::None).unwrap_err();
        assert!(matches!(error, EngineError::Invalid(ref all) if all[0].field == "memory"), "{error}");
    }

    #[test]
    fn needs_something_to_boot_from() {
        let error = check_media(&vm(512)).unwrap_err();
        assert!(matches!(error, EngineError::Refused { because: Refusal::NothingToBoot, .. }));
    }
}
