//! What takes a host out.

use super::cluster::GUEST_OVERHEAD_MIB;
use super::{Candidate, Cluster, Membership, Need, Tie};
use crate::model::conflict::NoRoom;
use crate::model::host::HostStatus;
use crate::model::scheduling::{Affinity, Filter, Property};
use std::time::Duration;

/// Why the VM cannot be on each of the hosts; none: it can.
///
/// A host that is only too busy is taken where there is no other: a slow VM is better than none. (oVirt refuses.)
pub(super) fn refusals(cluster: &Cluster, need: &Need) -> Vec<Option<NoRoom>> {
    let of_all = |leave_out: Option<Filter>| -> Vec<Option<NoRoom>> {
        cluster.hosts.iter().map(|host| refusal(cluster, need, host, leave_out)).collect()
    };
    let refused = of_all(None);
    let only_busy = refused.iter().all(Option::is_some)
        && refused.iter().flatten().any(|why| matches!(why, NoRoom::Overloaded { .. }));
    if only_busy { of_all(Some(Filter::CpuOverloaded)) } else { refused }
}

fn refusal(cluster: &Cluster, need: &Need, host: &Candidate, leave_out: Option<Filter>) -> Option<NoRoom> {
    always(need, host).or_else(|| {
        let of_policy = |filter: &&Filter| cluster.policy.filters.contains(filter) && leave_out != Some(**filter);
        let asked = Filter::ALL.iter().filter(of_policy);
        asked.map(|filter| ask(*filter, cluster, need, host)).find_map(|refused| refused)
    })
}

/// What no policy can leave out.
fn always(need: &Need, host: &Candidate) -> Option<NoRoom> {
    if host.status != HostStatus::Up {
        return Some(NoRoom::Status(host.status));
    }
    if need.tried.contains(&host.id) {
        return Some(NoRoom::Tried);
    }
    match need.tie {
        Tie::To(only) | Tie::From(_, Some(only)) if only != host.id => return Some(NoRoom::NotTied),
        Tie::From(from, _) if from == host.id => return Some(NoRoom::Here),
        _ => {}
    }
    let missing = need.local.iter().find(|(at, ..)| *at != host.id);
    missing.map(|(_, domain, disk)| NoRoom::NoDomain { domain: domain.clone(), disk: disk.clone() })
}

fn ask(filter: Filter, cluster: &Cluster, need: &Need, host: &Candidate) -> Option<NoRoom> {
    match filter {
        Filter::PinToHost => {
            (need.pinned && !need.chosen.is_empty() && !need.chosen.contains(&host.id)).then_some(NoRoom::NotChosen)
        }
        Filter::Cpu => cpus(cluster, need.vcpus, host),
        // What was computed for the cluster every host offers that is up.
        Filter::CpuLevel if need.cpu_type.is_empty() && cluster.settings.cpu_features.is_some() => None,
        Filter::CpuLevel => {
            let wanted = if need.cpu_type.is_empty() { &cluster.settings.cpu_type } else { &need.cpu_type };
            (!host.facts.has_cpu(wanted)).then(|| NoRoom::NoCpuType { cpu: wanted.clone() })
        }
        Filter::CpuOverloaded => overloaded(cluster, host),
        Filter::CpuPinning => {
            let all = host.facts.cpus();
            need.cpu_number.filter(|n| all > 0 && *n >= all).map(|cpu| NoRoom::NoCpuNumber { cpu })
        }
        Filter::Memory => memory(cluster, need, host),
        Filter::EmulatedMachine => {
            (!host.facts.has_machine(&need.machine)).then(|| NoRoom::NoMachine { machine: need.machine.clone() })
        }
        Filter::Network => network(cluster, need, host),
        Filter::Migration => {
            let from = leaves(cluster, need)?;
            (from.facts.kvm != host.facts.kvm).then_some(NoRoom::OtherCpu)
        }
        Filter::VmAffinityGroups => need.groups.iter().filter(|g| g.vms_rule.enforcing).find_map(|g| vms_rule(g, host)),
        Filter::VmToHostsAffinityGroups => {
            need.groups.iter().filter(|g| g.hosts_rule.enforcing).find_map(|g| hosts_rule(g, host))
        }
        Filter::Label => {
            let missing = need.labels.iter().find(|(_, hosts)| !hosts.contains(&host.id));
            missing.map(|(label, _)| NoRoom::NoLabel { label: label.clone() })
        }
        Filter::ClusterInMaintenance => {
            let starts = !matches!(need.tie, Tie::From(..));
            (starts && !need.highly_available).then_some(NoRoom::ClusterInMaintenance)
        }
    }
}

/// The host that it is to leave.
fn leaves<'a>(cluster: &'a Cluster, need: &Need) -> Option<&'a Candidate> {
    let Tie::From(from, _) = need.tie else { return None };
    cluster.host(from)
}

/// More virtual CPUs than the host has CPUs for one VM.
pub(super) fn cpus(cluster: &Cluster, wanted: u32, host: &Candidate) -> Option<NoRoom> {
    let limits = [host.cpus(cluster.settings.threads_as_cores), host.facts.max_vcpus];
    // What a host has not told yet is no limit.
    let most = limits.into_iter().filter(|limit| *limit > 0).min()?;
    (wanted > most).then_some(NoRoom::Cpus { most, wanted })
}

fn overloaded(cluster: &Cluster, host: &Candidate) -> Option<NoRoom> {
    let minutes = cluster.number(Property::CpuOverCommitDurationMinutes)?;
    let percent = cluster.number(Property::HighUtilization)?;
    let long = host.busy_for >= Duration::from_secs(u64::from(minutes) * 60);
    long.then_some(NoRoom::Overloaded { percent, minutes })
}

fn memory(cluster: &Cluster, need: &Need, host: &Candidate) -> Option<NoRoom> {
    let (promisable, free) = host.free_mib(&cluster.settings);
    let (needed, always) = (need.memory_mib + GUEST_OVERHEAD_MIB, need.guaranteed_mib + GUEST_OVERHEAD_MIB);
    if promisable < needed {
        return Some(NoRoom::Memory { free: promisable, needed });
    }
    (free < always).then_some(NoRoom::Memory { free, needed: always })
}

/// Networks are made where a VM starts; but a guest that moves keeps its addresses only in a network of the same kind.
fn network(cluster: &Cluster, need: &Need, host: &Candidate) -> Option<NoRoom> {
    let from = leaves(cluster, need)?;
    let (here, there) = (&from.facts.network_mode, &host.facts.network_mode);
    (need.networked && here != there).then(|| NoRoom::OtherNetwork { mode: there.clone() })
}

/// The group's rule over its VMs, if the VM there would break it.
pub(super) fn vms_rule(group: &Membership, host: &Candidate) -> Option<NoRoom> {
    let here = group.others.contains(&host.id);
    match group.vms_rule.affinity {
        Affinity::Positive if !here && !group.others.is_empty() => {
            Some(NoRoom::NotTogether { group: group.group.clone() })
        }
        Affinity::Negative if here => Some(NoRoom::NotApart { group: group.group.clone() }),
        _ => None,
    }
}

/// The same of its rule over hosts.
pub(super) fn hosts_rule(group: &Membership, host: &Candidate) -> Option<NoRoom> {
    let among = group.hosts.contains(&host.id);
    match group.hosts_rule.affinity {
        Affinity::Positive if !among => Some(NoRoom::NotOfGroup { group: group.group.clone() }),
        Affinity::Negative if among => Some(NoRoom::KeptFree { group: group.group.clone() }),
        _ => None,
    }
}
