//! Policies: which units, how heavy, with which numbers.

use super::{Balance, Filter, Property, Weight};
use crate::model::ids::SchedulingPolicyId;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Numbers set; what is not set is [`Property::usual`].
pub type Properties = BTreeMap<Property, u32>;

/// How the hosts of a cluster are chosen among.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SchedulingPolicy {
    pub id: SchedulingPolicyId,
    pub name: String,
    pub description: String,
    /// One of oVirt's own: it can be copied, not changed.
    pub locked: bool,
    pub filters: Vec<Filter>,
    /// With how often each counts.
    pub weights: Vec<(Weight, u32)>,
    pub balance: Balance,
    pub properties: Properties,
}

/// The policy of a cluster, with what this cluster has otherwise.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ClusterScheduling {
    pub policy: SchedulingPolicyId,
    pub properties: Properties,
}

impl Default for ClusterScheduling {
    fn default() -> Self {
        Self { policy: NONE, properties: Properties::new() }
    }
}

/// Nothing is moved by itself.
pub const NONE: SchedulingPolicyId = SchedulingPolicyId::fixed(0xb4ed2332_a7ac_4d5f_9596_99a439cb2812);
pub const EVENLY_DISTRIBUTED: SchedulingPolicyId = SchedulingPolicyId::fixed(0x20d25257_b4bd_4589_92a6_c4c5c5d3fd1a);
pub const POWER_SAVING: SchedulingPolicyId = SchedulingPolicyId::fixed(0x5a2b0939_7d46_4b73_a469_e9c2c7fc6a53);
pub const VM_EVENLY_DISTRIBUTED: SchedulingPolicyId = SchedulingPolicyId::fixed(0x8d5d7bec_68de_4a67_b53e_0ac54686d579);
pub const CLUSTER_MAINTENANCE: SchedulingPolicyId = SchedulingPolicyId::fixed(0x7677771e_5eab_422e_83fa_dc04080d21b7);

const EVEN: &[(Weight, u32)] = &[(Weight::EvenCpu, 2), (Weight::EvenMemory, 1)];
const SAVING: &[(Weight, u32)] = &[(Weight::PowerSavingCpu, 2), (Weight::PowerSavingMemory, 1)];
const GUESTS: &[(Weight, u32)] = &[(Weight::EvenGuests, 2), (Weight::EvenCpu, 1), (Weight::EvenMemory, 1)];
/// What weighs in each of them.
const ALWAYS: &[(Weight, u32)] = &[
    (Weight::PreferredHosts, 99),
    (Weight::HaReservation, 1),
    (Weight::VmAffinityGroups, 1),
    (Weight::VmToHostsAffinityGroups, 10),
];

impl SchedulingPolicy {
    /// oVirt's own (facts of its InternalClusterPolicies).
    pub fn predefined() -> Vec<Self> {
        use Property as P;
        let busy = [(P::HighUtilization, 80), (P::CpuOverCommitDurationMinutes, 2)];
        let low = [(P::LowUtilization, 20), (P::HostsInReserve, 0), (P::EnableAutomaticHostPowerManagement, 0)];
        let count = [(P::HighVmCount, 10), (P::MigrationThreshold, 5), (P::SpmVmGrace, 5)];
        let one = |id, name: &str, weights: &[(Weight, u32)], balance, more: &[(P, u32)]| Self {
            id,
            name: name.to_owned(),
            description: String::new(),
            locked: true,
            filters: Filter::ALL.iter().copied().filter(|f| *f != Filter::ClusterInMaintenance).collect(),
            weights: weights.iter().chain(ALWAYS).copied().collect(),
            balance,
            properties: busy.iter().chain(more).copied().collect(),
        };
        let mut all = vec![
            one(NONE, "none", EVEN, Balance::None, &[]),
            one(EVENLY_DISTRIBUTED, "evenly_distributed", EVEN, Balance::Even, &[]),
            one(POWER_SAVING, "power_saving", SAVING, Balance::PowerSaving, &low),
            one(VM_EVENLY_DISTRIBUTED, "vm_evenly_distributed", GUESTS, Balance::EvenGuests, &count),
            one(CLUSTER_MAINTENANCE, "cluster_maintenance", EVEN, Balance::None, &[]),
        ];
        for policy in all.iter_mut().filter(|policy| policy.id == CLUSTER_MAINTENANCE) {
            policy.filters.push(Filter::ClusterInMaintenance);
        }
        all
    }

    /// A number, as the cluster has it, else the policy, else as usual; none: its unit does without.
    pub fn number(&self, cluster: &Properties, property: Property) -> Option<u32> {
        cluster.get(&property).or_else(|| self.properties.get(&property)).copied().or(property.usual())
    }

    /// The properties that its units read, each once.
    pub fn reads(&self) -> Vec<Property> {
        let filters = self.filters.iter().flat_map(|unit| unit.properties());
        let weights = self.weights.iter().flat_map(|(unit, _)| unit.properties());
        let all: std::collections::BTreeSet<Property> =
            filters.chain(weights).chain(self.balance.properties()).copied().collect();
        all.into_iter().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn predefined_policies_set_only_what_they_read() {
        for policy in SchedulingPolicy::predefined() {
            let reads = policy.reads();
            assert!(policy.properties.keys().all(|key| reads.contains(key)), "{}: {reads:?}", policy.name);
            for (key, value) in &policy.properties {
                let (from, to) = key.range();
                assert!((from..=to).contains(value), "{key}");
            }
        }
    }

    #[test]
    fn a_cluster_overrides_its_policy() {
        let policy = &SchedulingPolicy::predefined()[1];
        let own = Properties::from([(Property::HighUtilization, 60)]);
        assert_eq!(policy.number(&own, Property::HighUtilization), Some(60));
        assert_eq!(policy.number(&Properties::new(), Property::HighUtilization), Some(80));
        assert_eq!(policy.number(&own, Property::MaxFreeMemoryForOverUtilized), None);
    }

    #[test]
    fn units_are_known_by_their_ids() {
        for filter in Filter::ALL {
            assert_eq!(Filter::by_id(filter.id()), Some(*filter));
        }
        assert_eq!(Weight::by_id(Filter::Cpu.id()), None);
    }
}
