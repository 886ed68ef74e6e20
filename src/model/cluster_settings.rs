//! What is set for all hosts and VMs of a cluster.

use crate::model::cpu::CpuFeature;
use crate::model::ids::NetworkId;
use crate::model::migration::{MigrationPolicyName, share_of_link};
use crate::model::scheduling::ClusterScheduling;
use serde::{Deserialize, Serialize};

text_enum! {
    /// What leaves a host by itself when the host falls out of the cluster (oVirt's resilience policy).
    MigrateOnError {
        Migrate = "migrate",
        HighlyAvailable = "migrate_highly_available",
        Stay = "do_not_migrate",
    }
}
text_enum! {
    /// How much memory is promised beyond what a host has (oVirt's three answers), in percent.
    MemoryOvercommit { None = "100", Server = "150", Desktop = "200", }
}
text_enum! {
    /// What limits a migration's speed.
    MigrationBandwidth {
        /// The speed of the link, shared by all that leave at once.
        Auto = "auto",
        /// The agent's own limit.
        HypervisorDefault = "hypervisor_default",
        Custom = "custom",
    }
}

impl MemoryOvercommit {
    /// In percent of what the host has.
    pub const fn percent(self) -> u64 {
        match self {
            Self::None => 100,
            Self::Server => 150,
            Self::Desktop => 200,
        }
    }
}

/// How VMs are moved unless somebody says otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ClusterMigration {
    pub policy: MigrationPolicyName,
    pub bandwidth: MigrationBandwidth,
    /// Of all migrations of a host at once; counts where the bandwidth is custom.
    pub custom_mbps: u32,
    pub on_error: MigrateOnError,
    /// Over which hosts send guests to one another; none: as the engine reaches them. So do hosts that have no address on it.
    pub network: Option<NetworkId>,
}

impl Default for ClusterMigration {
    fn default() -> Self {
        Self {
            policy: MigrationPolicyName::MinimalDowntime,
            bandwidth: MigrationBandwidth::Auto,
            custom_mbps: 0,
            on_error: MigrateOnError::Migrate,
            network: None,
        }
    }
}

/// What vdsm gives to a migration (its migration_max_bandwidth), in MiB a second.
const HYPERVISOR_DEFAULT_MIB: u64 = 52;

impl ClusterMigration {
    /// MiB a second at most for one of those that leave a host at once; none: its share of the link, which the hosts know.
    pub fn bandwidth_mib(&self) -> Option<u64> {
        match self.bandwidth {
            MigrationBandwidth::Auto => None,
            MigrationBandwidth::HypervisorDefault => Some(HYPERVISOR_DEFAULT_MIB),
            MigrationBandwidth::Custom => Some(share_of_link(self.custom_mbps.into(), self.policy.at_once())),
        }
    }
}

/// When a silent host is powered off and on (oVirt's fencing policy).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct FencingPolicy {
    pub enabled: bool,
    /// Not while it still writes to its storage.
    pub skip_if_storage_active: bool,
    /// Not when so many percent of the cluster's hosts are silent: it is the engine's own network, then. None: this is not asked.
    pub skip_if_silent_percent: Option<u8>,
}

impl Default for FencingPolicy {
    fn default() -> Self {
        Self { enabled: true, skip_if_storage_active: true, skip_if_silent_percent: None }
    }
}

/// All that is set of a cluster beside its name and its place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ClusterSettings {
    /// The CPU that every guest sees and every host must offer (a name of libvirt's); empty: guests see what their host has.
    pub cpu_type: String,
    /// The CPU was computed as what its hosts have in common: what it has more or less than its type says.
    pub cpu_features: Option<Vec<CpuFeature>>,
    pub memory_overcommit: MemoryOvercommit,
    /// A host has as many CPUs as it has threads, not cores.
    pub threads_as_cores: bool,
    pub ballooning: bool,
    /// Same-page merging on all hosts, not only where VMs of pools run.
    pub ksm: bool,
    pub scheduling: ClusterScheduling,
    /// Watch whether the highly available VMs of any host would find room elsewhere.
    pub ha_reservation: bool,
    pub migration: ClusterMigration,
    pub fencing: FencingPolicy,
}

impl Default for ClusterSettings {
    fn default() -> Self {
        Self {
            cpu_type: String::new(),
            cpu_features: None,
            memory_overcommit: MemoryOvercommit::None,
            threads_as_cores: false,
            ballooning: true,
            ksm: false,
            scheduling: ClusterScheduling::default(),
            ha_reservation: false,
            migration: ClusterMigration::default(),
            fencing: FencingPolicy::default(),
        }
    }
}

impl ClusterSettings {
    /// As kept; a row that is broken counts as the default.
    pub fn from_json(text: &str) -> Self {
        serde_json::from_str(text).unwrap_or_default()
    }

    /// To be kept.
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).unwrap_or_else(|_| "{}".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_leaves_at_once_shares_the_bandwidth() {
        let usual = ClusterMigration::default();
        assert_eq!(usual.bandwidth_mib(), None);
        let custom = ClusterMigration { bandwidth: MigrationBandwidth::Custom, custom_mbps: 1000, ..usual };
        assert_eq!(custom.bandwidth_mib(), Some(59));
        assert_eq!(ClusterMigration { custom_mbps: 8, ..custom }.bandwidth_mib(), Some(1));
        let alone = ClusterMigration { policy: MigrationPolicyName::SuspendWorkload, ..custom };
        assert_eq!(alone.bandwidth_mib(), Some(119));
    }

    #[test]
    fn what_is_kept_comes_back_and_what_is_not_there_is_the_default() {
        let set = ClusterSettings { cpu_type: "Haswell".to_owned(), ksm: true, ..ClusterSettings::default() };
        assert_eq!(ClusterSettings::from_json(&set.to_json()), set);
        assert_eq!(ClusterSettings::from_json("{}"), ClusterSettings::default());
        assert_eq!(ClusterSettings::from_json("{\"ksm\":true}").memory_overcommit, MemoryOvercommit::None);
    }
}
