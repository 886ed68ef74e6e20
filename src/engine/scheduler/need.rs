//! What a VM asks of a host.

use crate::db::Db;
use crate::engine::EngineError;
use crate::model::ids::HostId;
use crate::model::scheduling::{Affinity, AffinityRule};
use crate::model::vm_settings::MigrationMode;
use crate::store::scheduling::affinity::{self, Groups};
use crate::store::scheduling::places;
use crate::store::vms::launch::Launch;

/// What binds a VM to hosts besides its own settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::engine) enum Tie {
    None,
    /// It must be this one: something of the VM is there, or somebody wants it there.
    To(HostId),
    /// It runs on this one and is to be on another, this or any.
    From(HostId, Option<HostId>),
}

/// One of the VM's affinity groups, as this VM sees it.
#[derive(Debug, Clone)]
pub(in crate::engine) struct Membership {
    pub group: String,
    pub vms_rule: AffinityRule,
    pub hosts_rule: AffinityRule,
    pub hosts: Vec<HostId>,
    /// Where the other members are, each once for each member.
    pub others: Vec<HostId>,
}

/// What decides over a VM's place.
#[derive(Debug, Clone)]
pub(in crate::engine) struct Need {
    pub name: String,
    pub memory_mib: u64,
    pub guaranteed_mib: u64,
    pub vcpus: u32,
    pub machine: String,
    pub cpu_type: String,
    /// The hosts that were chosen for it; empty: any.
    pub chosen: Vec<HostId>,
    /// It runs on no other than these.
    pub pinned: bool,
    /// The highest number of a host's CPU that it is pinned to.
    pub cpu_number: Option<u32>,
    pub networked: bool,
    pub highly_available: bool,
    /// What of it lies on one host only: that host, the domain, the disk.
    pub local: Vec<(HostId, String, String)>,
    pub tie: Tie,
    /// Hosts that could not start it.
    pub tried: Vec<HostId>,
    pub groups: Vec<Membership>,
    /// Its affinity labels with the hosts that have them.
    pub labels: Vec<(String, Vec<HostId>)>,
}

impl Need {
    /// What this VM needs.
    ///
    /// # Errors
    /// The database failed.
    pub fn load(db: &mut Db, vm: &Launch, tie: Tie) -> Result<Self, EngineError> {
        let mut need = Self::of(vm, tie);
        for group in affinity::groups(db, Groups::OfVm(vm.vm))? {
            let mut others = group.vms;
            others.retain(|other| *other != vm.vm);
            let others = match group.vms_rule.affinity {
                Affinity::Disabled => Vec::new(),
                Affinity::Positive | Affinity::Negative => {
                    places::whereabouts(db, &others)?.into_iter().map(|(_, host)| host).collect()
                }
            };
            need.groups.push(Membership {
                group: group.name,
                vms_rule: group.vms_rule,
                hosts_rule: group.hosts_rule,
                hosts: group.hosts,
                others,
            });
        }
        need.labels = affinity::labels_of(db, vm.vm)?.into_iter().map(|label| (label.name, label.hosts)).collect();
        Ok(need)
    }

    /// The same without what other VMs have to do with it.
    pub fn of(vm: &Launch, tie: Tie) -> Self {
        let settings = &vm.hardware.settings;
        let local = vm.files().filter_map(|d| Some((d.domain_host?, d.domain_name.clone(), d.alias.clone())));
        Self {
            name: vm.name.clone(),
            memory_mib: vm.hardware.memory_mib,
            guaranteed_mib: vm.hardware.guaranteed_memory_mib.min(vm.hardware.memory_mib),
            vcpus: vm.hardware.vcpus(),
            machine: settings.machine.clone(),
            cpu_type: settings.cpu_type.clone(),
            chosen: settings.hosts.clone(),
            pinned: settings.migration == MigrationMode::Pinned,
            cpu_number: highest_pin(&settings.cpu_pinning),
            networked: vm.nics.iter().any(|nic| nic.plugged && nic.network.is_some()),
            highly_available: settings.high_availability,
            local: local.collect(),
            tie,
            tried: Vec::new(),
            groups: Vec::new(),
            labels: Vec::new(),
        }
    }
}

/// Of `0#0-1_1#2,^3` the highest CPU: 2; one that is taken out does not count.
fn highest_pin(pins: &str) -> Option<u32> {
    let sets = pins.split('_').filter_map(|pin| pin.split_once('#'));
    let ranges = sets.flat_map(|(_, set)| set.split(',')).filter(|range| !range.starts_with('^'));
    ranges.filter_map(|range| range.rsplit('-').next()?.parse().ok()).max()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pins_are_read_as_libvirt_reads_them() {
        assert_eq!(highest_pin(""), None);
        assert_eq!(highest_pin("0#0-1_1#2,^3"), Some(2));
        assert_eq!(highest_pin("0#12"), Some(12));
    }
}
