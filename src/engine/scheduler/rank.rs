//! Which of several hosts is best: for each weight hosts are ranked, and the ranks are summed, each as often as its factor says (oVirt's
//! RankSelector). So a weight's own scale does not matter.

use super::filters::{hosts_rule, vms_rule};
use super::{Candidate, Cluster, Need};
use crate::model::scheduling::{Property, Weight};

/// What speaks for a host: the sum of its ranks, and of each weight its score and how many hosts are better.
pub(super) type Ranked = (u64, Vec<(Weight, f32, u32)>);

/// An empty host is the last choice where power is saved.
const EMPTY: f32 = 1000.0;

/// Each host's part.
pub(super) fn rank(cluster: &Cluster, need: &Need, hosts: &[&Candidate]) -> Vec<Ranked> {
    let mut all: Vec<Ranked> = vec![(0, Vec::new()); hosts.len()];
    for (weight, factor) in cluster.policy.weights.iter().copied().filter(|(_, factor)| *factor > 0) {
        let scores: Vec<f32> = hosts.iter().map(|host| score(weight, cluster, need, host)).collect();
        let mut sorted = scores.clone();
        sorted.sort_by(f32::total_cmp);
        for (one, score) in all.iter_mut().zip(scores) {
            let better = sorted.partition_point(|other| other.total_cmp(&score).is_lt());
            let better = u32::try_from(better).unwrap_or(u32::MAX);
            one.0 += u64::from(better) * u64::from(factor);
            one.1.push((weight, score, better));
        }
    }
    all
}

/// Less is better.
#[expect(clippy::cast_precision_loss, reason = "compared only")]
fn score(weight: Weight, cluster: &Cluster, need: &Need, host: &Candidate) -> f32 {
    let promised = &host.promised;
    let memory = promised.memory_mib as f32 / host.facts.memory_mib.max(1) as f32 * 100.0;
    match weight {
        Weight::EvenCpu => host.expected_cpu(),
        Weight::EvenMemory => memory,
        Weight::PowerSavingCpu if promised.vms > 0 => 100.0 - host.expected_cpu(),
        Weight::PowerSavingMemory if promised.vms > 0 => 100.0 - memory,
        Weight::PowerSavingCpu | Weight::PowerSavingMemory => EMPTY,
        Weight::EvenGuests => cluster.count(host) as f32,
        Weight::PreferredHosts => f32::from(u8::from(!need.chosen.is_empty() && !need.chosen.contains(&host.id))),
        Weight::HaReservation if need.highly_available => {
            let scale = cluster.number(Property::ScaleDown).unwrap_or(1).max(1);
            (promised.highly_available / scale) as f32
        }
        Weight::HaReservation => 0.0,
        Weight::VmAffinityGroups => need.groups.iter().filter(|group| vms_rule(group, host).is_some()).count() as f32,
        Weight::VmToHostsAffinityGroups => {
            need.groups.iter().filter(|group| hosts_rule(group, host).is_some()).count() as f32
        }
    }
}
