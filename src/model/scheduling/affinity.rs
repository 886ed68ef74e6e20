//! Who is to run together, apart, or on which hosts.

use crate::model::ids::{AffinityGroupId, AffinityLabelId, ClusterId, HostId, VmId};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

text_enum! {
    /// Together or apart.
    Affinity {
        Positive = "positive",
        Negative = "negative",
        /// This part of the group says nothing.
        Disabled = "disabled",
    }
}

/// One of a group's two rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct AffinityRule {
    pub affinity: Affinity,
    /// A host that breaks it is out; otherwise it is only worse.
    pub enforcing: bool,
}

/// VMs of a cluster that are to run together or apart, and on these hosts or not on them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AffinityGroup {
    pub id: AffinityGroupId,
    pub cluster: ClusterId,
    pub name: String,
    pub description: String,
    pub vms_rule: AffinityRule,
    pub hosts_rule: AffinityRule,
    pub vms: Vec<VmId>,
    pub hosts: Vec<HostId>,
}

/// A VM runs only on hosts that have all of its labels.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AffinityLabel {
    pub id: AffinityLabelId,
    pub name: String,
    pub vms: Vec<VmId>,
    pub hosts: Vec<HostId>,
}

/// Enforced rules that no placement can keep.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Contradiction {
    #[error("affinity group {together} keeps VMs together that affinity group {apart} keeps apart")]
    TogetherAndApart { together: String, apart: String },
    #[error("affinity groups {} leave no host for one of their VMs", .groups.join(", "))]
    NoHost { groups: Vec<String> },
}

/// The first contradiction among the enforced rules of a cluster's groups.
pub fn contradiction(groups: &[AffinityGroup]) -> Option<Contradiction> {
    let vms = |affinity| groups.iter().filter(move |g| g.vms_rule.enforcing && g.vms_rule.affinity == affinity);
    // Sets of VMs that must be together, with the groups that say so.
    let mut sets: Vec<(BTreeSet<VmId>, String)> = Vec::new();
    for group in vms(Affinity::Positive) {
        let mut set = (group.vms.iter().copied().collect::<BTreeSet<_>>(), group.name.clone());
        let (touching, rest) =
            sets.into_iter().partition(|known: &(BTreeSet<VmId>, String)| !known.0.is_disjoint(&set.0));
        sets = rest;
        for known in touching {
            set.0.extend(known.0);
            set.1 = format!("{}, {}", known.1, set.1);
        }
        sets.push(set);
    }
    for apart in vms(Affinity::Negative) {
        let both = |set: &&(BTreeSet<VmId>, String)| apart.vms.iter().filter(|vm| set.0.contains(vm)).count() > 1;
        if let Some((_, together)) = sets.iter().find(both) {
            return Some(Contradiction::TogetherAndApart { together: together.clone(), apart: apart.name.clone() });
        }
    }
    let alone = groups.iter().flat_map(|g| &g.vms).map(|vm| BTreeSet::from([*vm]));
    let all: Vec<BTreeSet<VmId>> = sets.into_iter().map(|set| set.0).chain(alone).collect();
    all.iter().find_map(|set| without_host(groups, set))
}

/// The groups that leave no host for VMs that must be together.
fn without_host(groups: &[AffinityGroup], vms: &BTreeSet<VmId>) -> Option<Contradiction> {
    let ruling: Vec<&AffinityGroup> = groups
        .iter()
        .filter(|g| g.hosts_rule.enforcing && g.vms.iter().any(|vm| vms.contains(vm)))
        .filter(|g| g.hosts_rule.affinity != Affinity::Disabled)
        .collect();
    let (wanted, unwanted): (Vec<&AffinityGroup>, Vec<&AffinityGroup>) =
        ruling.iter().partition(|g| g.hosts_rule.affinity == Affinity::Positive);
    let first = wanted.first()?;
    let left = first.hosts.iter().filter(|host| {
        wanted.iter().all(|g| g.hosts.contains(host)) && !unwanted.iter().any(|g| g.hosts.contains(host))
    });
    let none = left.count() == 0;
    none.then(|| Contradiction::NoHost { groups: ruling.iter().map(|g| g.name.clone()).collect() })
}

#[cfg(test)]
mod tests {
    use super::*;

    const OFF: AffinityRule = AffinityRule { affinity: Affinity::Disabled, enforcing: false };

    fn group(
        name: &str,
        vms_rule: AffinityRule,
        vms: &[u128],
        hosts_rule: AffinityRule,
        hosts: &[u128],
    ) -> AffinityGroup {
        AffinityGroup {
            id: AffinityGroupId::random(),
            cluster: ClusterId::fixed(1),
            name: name.to_owned(),
            description: String::new(),
            vms_rule,
            hosts_rule,
            vms: vms.iter().map(|n| VmId::fixed(*n)).collect(),
            hosts: hosts.iter().map(|n| HostId::fixed(*n)).collect(),
        }
    }

    #[test]
    fn together_and_apart_cannot_both_be() {
        let hard = |affinity| AffinityRule { affinity, enforcing: true };
        let together = group("a", hard(Affinity::Positive), &[1, 2], OFF, &[]);
        let also = group("b", hard(Affinity::Positive), &[2, 3], OFF, &[]);
        let apart = group("c", hard(Affinity::Negative), &[1, 3], OFF, &[]);
        assert_eq!(contradiction(&[together.clone(), also.clone()]), None);
        assert_eq!(contradiction(&[together.clone(), apart.clone()]), None, "one VM of it only");
        let found = contradiction(&[together.clone(), also.clone(), apart.clone()]).unwrap();
        assert!(found.to_string().contains("a, b keeps VMs together that affinity group c"), "{found}");
        let soft = AffinityRule { affinity: Affinity::Negative, enforcing: false };
        assert_eq!(contradiction(&[together, also, group("c", soft, &[1, 3], OFF, &[])]), None);
    }

    #[test]
    fn some_host_must_be_left() {
        let hard = |affinity| AffinityRule { affinity, enforcing: true };
        let here = group("a", OFF, &[1], hard(Affinity::Positive), &[1, 2]);
        let there = group("b", OFF, &[1], hard(Affinity::Positive), &[3]);
        let kept = group("c", OFF, &[1], hard(Affinity::Negative), &[1]);
        assert_eq!(contradiction(&[here.clone(), kept.clone()]), None);
        let found = contradiction(&[here.clone(), there]).unwrap();
        assert!(found.to_string().contains("a, b leave no host"), "{found}");
        let all = group("d", OFF, &[1], hard(Affinity::Negative), &[1, 2]);
        assert!(contradiction(&[here, kept, all]).is_some());
    }
}
