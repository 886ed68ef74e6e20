//! A cluster that is not there: how long decisions take and how many moves balance needs, at any size.

use super::balance::{self, Moving};
use super::{Candidate, Cluster, Need, Tie, choose};
use crate::model::cluster_settings::ClusterSettings;
use crate::model::host::{HostFacts, HostStatus};
use crate::model::ids::{HostId, VmId};
use crate::model::scheduling::{ClusterScheduling, SchedulingPolicy};
use crate::store::scheduling::places::{Guest, Promised};
use std::sync::Arc;
use std::time::Duration;

/// Hosts of 64 CPUs and 512 GiB, guests of 1 to 4 virtual CPUs and 2 to 8 GiB that use 5 to 95 % of them.
pub struct Simulation {
    cluster: Cluster,
    guests: Vec<Moving>,
}

impl std::fmt::Debug for Simulation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Simulation")
            .field("hosts", &self.cluster.hosts.len())
            .field("guests", &self.guests.len())
            .finish()
    }
}

/// The same numbers each time (a linear congruential generator, Knuth's MMIX).
struct Dice(u64);

impl Dice {
    fn below(&mut self, most: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % most.max(1)
    }
}

fn host(n: u128) -> Candidate {
    Candidate {
        id: HostId::fixed(n),
        name: format!("host{n}"),
        status: HostStatus::Up,
        facts: Arc::new(HostFacts {
            memory_mib: 512 * 1024,
            sockets: 2,
            cores_per_socket: 16,
            threads_per_core: 2,
            ..HostFacts::default()
        }),
        promised: Promised::default(),
        spm: false,
        cpu_percent: 0.0,
        busy_for: Duration::ZERO,
    }
}

fn need(guest: &Guest) -> Need {
    Need {
        name: guest.name.clone(),
        memory_mib: guest.memory_mib,
        guaranteed_mib: guest.memory_mib,
        vcpus: guest.vcpus,
        machine: String::new(),
        cpu_type: String::new(),
        chosen: Vec::new(),
        pinned: false,
        cpu_number: None,
        networked: true,
        highly_available: false,
        local: Vec::new(),
        tie: Tie::From(guest.host, None),
        tried: Vec::new(),
        groups: Vec::new(),
        labels: Vec::new(),
    }
}

impl Simulation {
    /// So many hosts with so many guests, most of them on the first fifth of the hosts. The policy is named as oVirt's own.
    pub fn new(policy: &str, hosts: usize, guests: usize) -> Option<Self> {
        let policy = SchedulingPolicy::predefined().into_iter().find(|known| known.name == policy)?;
        let scheduling = ClusterScheduling { policy: policy.id, ..ClusterScheduling::default() };
        let settings = ClusterSettings { scheduling, ..ClusterSettings::default() };
        let hosts: Vec<Candidate> = (1..).take(hosts).map(host).collect();
        let mut new = Self { cluster: Cluster { policy, settings, hosts }, guests: Vec::new() };
        let mut dice = Dice(7);
        let crowded = (new.cluster.hosts.len() as u64 / 5).max(1);
        for n in (1..).take(guests) {
            let all = new.cluster.hosts.len() as u64;
            let at = if dice.below(10) < 7 { dice.below(crowded) } else { dice.below(all) };
            let at = usize::try_from(at).unwrap_or_default();
            new.put(n, at, &mut dice);
        }
        new.time_passes();
        Some(new)
    }

    /// Its hosts.
    #[cfg(test)]
    pub(super) fn into_cluster(self) -> Cluster {
        self.cluster
    }

    fn put(&mut self, n: u128, at: usize, dice: &mut Dice) {
        let Some(host) = self.cluster.hosts.get_mut(at) else { return };
        let vcpus = 1 << dice.below(3);
        let guest = Guest {
            vm: VmId::fixed(n),
            name: format!("vm{n}"),
            host: host.id,
            to: None,
            runs: true,
            memory_mib: 2048 << dice.below(3),
            vcpus,
        };
        host.promised.memory_mib += guest.memory_mib;
        host.promised.guaranteed_mib += guest.memory_mib;
        host.promised.vms += 1;
        #[expect(clippy::cast_precision_loss, reason = "small numbers")]
        let cpu_percent = 5.0 + dice.below(90) as f32;
        #[expect(clippy::cast_precision_loss, reason = "small numbers")]
        let share = cpu_percent * vcpus as f32 / host.facts.cpus() as f32;
        host.cpu_percent += share;
        self.guests.push(Moving { guest, cpu_percent });
    }

    /// Ten minutes: who is too busy has been it for long enough, and who was on his way has arrived.
    fn time_passes(&mut self) {
        for host in &mut self.cluster.hosts {
            let busy = host.cpu_percent >= 80.0;
            host.busy_for = if busy { Duration::from_secs(600) } else { Duration::ZERO };
        }
        for one in &mut self.guests {
            one.guest.host = one.guest.to.take().unwrap_or(one.guest.host);
        }
    }

    /// Where a new VM would start; the host's name.
    pub fn start(&self) -> Option<&str> {
        let mut asked = need(&self.guests.first()?.guest);
        asked.tie = Tie::None;
        let (host, _) = choose(&self.cluster, &asked).ok()?;
        self.cluster.host(host).map(|host| host.name.as_str())
    }

    /// One move of the balancer; false: nothing is left to move.
    pub fn step(&mut self) -> bool {
        let known: std::collections::HashMap<VmId, usize> =
            self.guests.iter().enumerate().map(|(n, one)| (one.guest.vm, n)).collect();
        let guests = &self.guests;
        let mut needs = |vm: VmId| Some(need(&guests.get(*known.get(&vm)?)?.guest));
        let Some(next) = balance::next(&self.cluster, &self.guests, &mut needs) else { return false };
        balance::moved(&mut self.cluster, &mut self.guests, next);
        self.time_passes();
        true
    }

    /// Hosts with no guest, the busiest host's and the idlest working host's use in percent, and the most and fewest guests of a host.
    pub fn spread(&self) -> (usize, f32, f32, u32, u32) {
        let hosts = &self.cluster.hosts;
        let working = || hosts.iter().filter(|host| host.promised.vms > 0);
        (
            hosts.len() - working().count(),
            working().map(|host| host.cpu_percent).fold(0.0, f32::max),
            working().map(|host| host.cpu_percent).fold(100.0, f32::min),
            hosts.iter().map(|host| host.promised.vms).max().unwrap_or(0),
            hosts.iter().map(|host| host.promised.vms).min().unwrap_or(0),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn balanced(policy: &str) -> (Simulation, u32) {
        let mut all = Simulation::new(policy, 20, 600).unwrap();
        let mut moves = 0;
        while all.step() {
            moves += 1;
            assert!(moves < 2000, "{policy} never rests");
        }
        (all, moves)
    }

    #[test]
    fn nothing_moves_by_itself_without_a_balancer() {
        assert_eq!(balanced("none").1, 0);
    }

    #[test]
    fn busy_hosts_give_guests_away_until_none_is_busy() {
        let (before, _) = (Simulation::new("evenly_distributed", 20, 600).unwrap(), 0);
        assert!(before.spread().1 > 80.0, "{:?}", before.spread());
        let (after, moves) = balanced("evenly_distributed");
        assert!(after.spread().1 < 80.0 && moves > 0, "{:?}", after.spread());
    }

    #[test]
    fn power_is_saved_by_emptying_hosts() {
        let before = Simulation::new("power_saving", 20, 120).unwrap().spread().0;
        let mut all = Simulation::new("power_saving", 20, 120).unwrap();
        let mut moves = 0;
        while all.step() {
            moves += 1;
            assert!(moves < 1000, "it never rests");
        }
        let after = all.spread();
        assert!(after.0 > before && after.1 < 80.0, "{before} hosts were empty, now {after:?}");
    }

    #[test]
    fn counts_are_evened_out() {
        let (after, _) = balanced("vm_evenly_distributed");
        let (most, fewest) = (after.spread().3, after.spread().4);
        assert!(most - fewest < 5, "{:?}", after.spread());
    }

    #[test]
    fn a_new_vm_goes_to_the_idlest_host() {
        let all = Simulation::new("none", 20, 600).unwrap();
        let idlest = all.cluster.hosts.iter().min_by(|a, b| a.cpu_percent.total_cmp(&b.cpu_percent)).unwrap();
        assert_eq!(all.start(), Some(idlest.name.as_str()));
    }
}
