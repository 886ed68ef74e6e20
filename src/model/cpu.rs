//! CPUs that guests can see, by libvirt's names, the one that can do least first.

use serde::{Deserialize, Serialize};

/// Those that a cluster may have before it has a host, from which their order is known, too.
pub const MODELS: &[&str] = &[
    "kvm64",
    "qemu64",
    "Opteron_G1",
    "Opteron_G2",
    "Opteron_G3",
    "Conroe",
    "Penryn",
    "Nehalem",
    "Nehalem-IBRS",
    "Westmere",
    "Westmere-IBRS",
    "SandyBridge",
    "SandyBridge-IBRS",
    "IvyBridge",
    "IvyBridge-IBRS",
    "Haswell-noTSX",
    "Haswell-noTSX-IBRS",
    "Haswell",
    "Haswell-IBRS",
    "Broadwell-noTSX",
    "Broadwell-noTSX-IBRS",
    "Broadwell",
    "Broadwell-IBRS",
    "Skylake-Client",
    "Skylake-Client-IBRS",
    "Skylake-Server",
    "Skylake-Server-IBRS",
    "Cascadelake-Server",
    "Icelake-Server",
    "SapphireRapids",
    "Opteron_G4",
    "Opteron_G5",
    "EPYC",
    "EPYC-IBPB",
    "EPYC-Rome",
    "EPYC-Milan",
    "EPYC-Genoa",
];

/// What a CPU has, or lacks, beside what its model says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CpuFeature {
    pub name: String,
    pub has: bool,
}

/// A CPU that was computed: a model, with more or less than that.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CpuBase {
    pub model: String,
    pub features: Vec<CpuFeature>,
}

/// No CPU has more (libvirt knows some 400).
const MOST_FEATURES: usize = 1000;

impl CpuBase {
    /// As a host may tell it; none: it is not like one of libvirt's.
    pub fn checked(self) -> Option<Self> {
        let name = |text: &str| {
            (1..=64).contains(&text.len())
                && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'))
        };
        let good = name(&self.model)
            && self.features.len() <= MOST_FEATURES
            && self.features.iter().all(|feature| name(&feature.name));
        good.then_some(self)
    }
}

/// The one that can do most of those that every host offers; none: there is no host, or they have none of these in common.
pub fn common<'a>(mut hosts: impl Iterator<Item = &'a [String]>) -> Option<&'static str> {
    let first = hosts.next()?;
    let rest: Vec<&[String]> = hosts.collect();
    let offers = |host: &[String], model: &str| host.iter().any(|known| known == model);
    let all = |model: &&&str| offers(first, model) && rest.iter().all(|host| offers(host, model));
    MODELS.iter().rev().find(all).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_host_tells_of_cpus_is_checked() {
        let base = |model: &str, feature: &str| CpuBase {
            model: model.to_owned(),
            features: vec![CpuFeature { name: feature.to_owned(), has: false }],
        };
        assert!(base("EPYC", "svme-addr-chk").checked().is_some());
        assert!(base("EPYC'/>", "vme").checked().is_none() && base("EPYC", "").checked().is_none());
    }

    #[test]
    fn the_common_base_is_the_best_that_all_offer() {
        let host = |models: &[&str]| models.iter().map(|model| (*model).to_owned()).collect::<Vec<_>>();
        let (old, new) = (host(&["Conroe", "Nehalem", "qemu64"]), host(&["Nehalem", "Haswell", "Conroe", "qemu64"]));
        assert_eq!(common([old.as_slice(), &new].into_iter()), Some("Nehalem"));
        assert_eq!(common([new.as_slice()].into_iter()), Some("Haswell"));
        assert_eq!(common(std::iter::empty()), None);
        assert_eq!(common([new.as_slice(), &host(&["EPYC"])].into_iter()), None);
    }
}
