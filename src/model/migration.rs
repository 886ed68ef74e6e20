//! How a running VM is moved: oVirt's migration policies.

use serde::{Deserialize, Serialize};

text_enum! {
    /// oVirt 4.1's policies (its engine's MigrationPolicies option).
    MigrationPolicyName {
        /// One target of downtime, nothing else.
        Legacy = "legacy",
        MinimalDowntime = "minimal_downtime",
        SuspendWorkload = "suspend_workload",
        PostCopy = "post_copy",
    }
}

impl MigrationPolicyName {
    /// oVirt's id of it.
    pub const fn id(self) -> &'static str {
        match self {
            Self::Legacy => "00000000-0000-0000-0000-000000000000",
            Self::MinimalDowntime => "80554327-0569-496b-bdeb-fcbbf52b827b",
            Self::SuspendWorkload => "80554327-0569-496b-bdeb-fcbbf52b827c",
            Self::PostCopy => "a7aeedb2-8d66-4e51-bb22-32595027ce71",
        }
    }

    /// The guest may stand still for so long at its end, in milliseconds: the first at once, one more each time that what remains does
    /// not shrink any more; after the last the migration is given up.
    pub const fn downtimes(self) -> &'static [u64] {
        match self {
            Self::Legacy => &[100, 200, 300, 400, 500],
            Self::MinimalDowntime => &[100, 150, 200, 300, 400, 500],
            Self::SuspendWorkload => &[100, 150, 200, 300, 400, 500, 5000],
            Self::PostCopy => &[100, 150, 200],
        }
    }

    /// How many guests leave a host, or come to it, at a time.
    pub const fn at_once(self) -> usize {
        match self {
            Self::SuspendWorkload => 1,
            _ => 2,
        }
    }

    /// What an agent does.
    pub fn policy(self, bandwidth_mib: Option<u64>) -> MigrationPolicy {
        MigrationPolicy {
            downtimes_ms: self.downtimes().to_vec(),
            auto_converge: self != Self::Legacy,
            compress: self == Self::SuspendWorkload,
            post_copy: self == Self::PostCopy,
            bandwidth_mib,
        }
    }
}

/// MiB a second for each guest of a link of so many Mbps, if so many use it at once.
pub fn share_of_link(mbps: u64, at_once: usize) -> u64 {
    let all = mbps.saturating_mul(1_000_000) / 8 / (1 << 20);
    (all / u64::try_from(at_once).unwrap_or(1).max(1)).max(1)
}

/// How an agent moves a guest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MigrationPolicy {
    pub downtimes_ms: Vec<u64>,
    /// Slow the guest down when it writes faster than is sent.
    pub auto_converge: bool,
    pub compress: bool,
    /// After the last downtime it goes over and fetches the rest of its memory when it needs it.
    pub post_copy: bool,
    /// MiB a second at most; none: its share of the slower host's link.
    pub bandwidth_mib: Option<u64>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn downtimes_grow() {
        for &name in MigrationPolicyName::ALL {
            assert!(name.downtimes().is_sorted() && !name.downtimes().is_empty(), "{name}");
        }
    }
}
