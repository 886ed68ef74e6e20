//! Quotas: what people may use of a data center's clusters and storage domains.

use crate::model::disk::GIB;
use crate::model::ids::{ClusterId, DataCenterId, DiskId, QuotaId, StorageDomainId, UserId, VmId};
use std::fmt;

text_enum! {
    /// Whether a data center's quotas count.
    QuotaMode {
        /// Nothing is asked.
        Disabled = "disabled",
        /// What goes beyond is let pass, and told.
        Audit = "audit",
        /// What goes beyond is refused.
        Enabled = "enabled",
    }
}

text_enum! {
    /// What a limit is of.
    QuotaResource { Vcpus = "vcpus", Memory = "memory", Storage = "storage", }
}

impl QuotaResource {
    /// So much of it, with its unit.
    pub fn amount(self, n: u64) -> String {
        match self {
            Self::Vcpus => n.to_string(),
            Self::Memory => format!("{n} MiB"),
            Self::Storage => gib(n),
        }
    }
}

/// `12.5 GiB`; what is less than a hundredth of one counts as one.
fn gib(bytes: u64) -> String {
    let hundredths = (u128::from(bytes) * 100).div_ceil(u128::from(GIB));
    let (whole, rest) = (hundredths / 100, hundredths % 100);
    let text = format!("{whole}.{rest:02}");
    format!("{} GiB", text.trim_end_matches('0').trim_end_matches('.'))
}

pub const MAX_QUOTA_NAME: usize = 65;
pub const MAX_QUOTA_DESCRIPTION: usize = 250;
pub const MAX_QUOTA_VCPUS: u64 = 10_000_000;
pub const MAX_QUOTA_MEMORY_MIB: u64 = 1 << 40;
pub const MAX_QUOTA_STORAGE_GIB: u64 = 1 << 30;

/// Percent of a limit from which on people are told, and percent above it that are let pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Margin {
    pub threshold: u32,
    pub grace: u32,
}

impl Default for Margin {
    /// oVirt's.
    fn default() -> Self {
        Self { threshold: 80, grace: 20 }
    }
}

/// How much of something is given: all of it together, or so much of each; of what is not named nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Shares<Id, Limit> {
    All(Limit),
    Each(Vec<(Id, Limit)>),
}

impl<Id: PartialEq, Limit: Copy> Shares<Id, Limit> {
    /// The limit that counts at this place; none: the quota gives nothing of it.
    pub fn at(&self, place: &Id) -> Option<Limit> {
        match self {
            Self::All(limit) => Some(*limit),
            Self::Each(all) => all.iter().find(|(id, _)| id == place).map(|(_, limit)| *limit),
        }
    }

    /// Whether it is one limit of all.
    pub const fn is_whole(&self) -> bool {
        matches!(self, Self::All(_))
    }
}

/// Limits of running VMs; none: no limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ClusterLimit {
    pub vcpus: Option<u64>,
    pub memory_mib: Option<u64>,
}

/// What each person may use of a quota; none: no limit but the quota's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PersonLimit {
    pub vcpus: Option<u64>,
    pub memory_mib: Option<u64>,
    pub storage_gib: Option<u64>,
}

/// A quota as it is set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QuotaConfig {
    pub name: String,
    pub description: String,
    pub cluster: Margin,
    pub storage: Margin,
    pub clusters: Shares<ClusterId, ClusterLimit>,
    /// GiB
    pub domains: Shares<StorageDomainId, Option<u64>>,
    pub person: PersonLimit,
}

/// A quota with where it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quota {
    pub id: QuotaId,
    pub data_center: DataCenterId,
    pub data_center_name: String,
    pub mode: QuotaMode,
    /// What counts on no other quota counts on it; it has no limits and is never changed.
    pub is_default: bool,
    pub config: QuotaConfig,
}

/// A limit of running VMs and what is used of it; no cluster: of all together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClusterShare {
    pub cluster: Option<(ClusterId, String)>,
    pub limit: ClusterLimit,
    pub used: Amount,
}

/// A limit of storage and what is used of it; no domain: of all together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DomainShare {
    pub domain: Option<(StorageDomainId, String)>,
    pub gib: Option<u64>,
    pub used: u64,
}

/// A quota as lists and details show it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QuotaView {
    pub quota: Quota,
    /// Everywhere.
    pub used: Amount,
    pub clusters: Vec<ClusterShare>,
    pub domains: Vec<DomainShare>,
}

/// A quota that somebody may use, and what he uses of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MyQuota {
    pub view: QuotaView,
    pub mine: Amount,
}

/// A quota that was chosen for something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chosen {
    pub quota: QuotaId,
    pub name: String,
    pub data_center: DataCenterId,
}

/// How much is used or asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Amount {
    pub vcpus: u64,
    pub memory_mib: u64,
    pub bytes: u64,
}

impl std::ops::AddAssign for Amount {
    fn add_assign(&mut self, other: Self) {
        self.vcpus = self.vcpus.saturating_add(other.vcpus);
        self.memory_mib = self.memory_mib.saturating_add(other.memory_mib);
        self.bytes = self.bytes.saturating_add(other.bytes);
    }
}

impl Amount {
    /// So much less.
    pub const fn without(self, other: Self) -> Self {
        Self {
            vcpus: self.vcpus.saturating_sub(other.vcpus),
            memory_mib: self.memory_mib.saturating_sub(other.memory_mib),
            bytes: self.bytes.saturating_sub(other.bytes),
        }
    }
}

/// A VM that counts on a quota.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VmUse {
    pub vm: VmId,
    pub name: String,
    pub quota: QuotaId,
    pub cluster: ClusterId,
    /// Whom it counts for.
    pub person: Option<UserId>,
    /// What it takes when it runs.
    pub size: Amount,
    /// It takes it now.
    pub runs: bool,
}

/// A disk that counts on a quota.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DiskUse {
    pub disk: DiskId,
    pub alias: String,
    pub quota: QuotaId,
    pub domain: StorageDomainId,
    pub person: Option<UserId>,
    pub vm: Option<VmId>,
    pub bytes: u64,
}

/// All that counts on some quotas.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Uses {
    pub vms: Vec<VmUse>,
    pub disks: Vec<DiskUse>,
}

impl Uses {
    /// What runs, in one cluster or in all.
    pub fn in_cluster(&self, quota: QuotaId, cluster: Option<ClusterId>) -> Amount {
        sum(self
            .vms
            .iter()
            .filter(|vm| vm.quota == quota && vm.runs && cluster.is_none_or(|c| c == vm.cluster))
            .map(|vm| vm.size))
    }

    /// What is stored, on one domain or on all.
    pub fn on_domain(&self, quota: QuotaId, domain: Option<StorageDomainId>) -> u64 {
        let there = |disk: &&DiskUse| disk.quota == quota && domain.is_none_or(|d| d == disk.domain);
        self.disks.iter().filter(there).fold(0, |all, disk| all.saturating_add(disk.bytes))
    }

    /// What one person uses of it.
    pub fn of(&self, quota: QuotaId, person: UserId) -> Amount {
        let vms = self.vms.iter().filter(|vm| vm.quota == quota && vm.runs && vm.person == Some(person));
        let disks = self.disks.iter().filter(|disk| disk.quota == quota && disk.person == Some(person));
        let disks = disks.map(|disk| Amount { bytes: disk.bytes, ..Amount::default() });
        sum(vms.map(|vm| vm.size).chain(disks))
    }
}

fn sum(all: impl Iterator<Item = Amount>) -> Amount {
    all.fold(Amount::default(), |mut whole, one| {
        whole += one;
        whole
    })
}

/// Which limit is meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Share {
    /// Of all clusters, or of all storage domains.
    Whole,
    /// Of the cluster or storage domain of this name.
    Of(String),
    /// Of the person of this name.
    Person(String),
}

/// A limit, what is used of it and what was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Excess {
    pub quota: String,
    pub resource: QuotaResource,
    pub share: Share,
    pub used: u64,
    pub asked: u64,
    /// With what is let pass above the limit.
    pub most: u64,
}

impl Excess {
    pub const fn left(&self) -> u64 {
        self.most.saturating_sub(self.used)
    }
}

impl fmt::Display for Excess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let amount = |n| self.resource.amount(n);
        let (used, asked, left, most) = (amount(self.used), amount(self.asked), amount(self.left()), amount(self.most));
        let (of, place) = match self.resource {
            QuotaResource::Vcpus => (format!("{most} vCPUs"), "cluster"),
            QuotaResource::Memory => (format!("{most} of memory"), "cluster"),
            QuotaResource::Storage => (format!("{most} of storage"), "storage domain"),
        };
        let quota = &self.quota;
        match &self.share {
            Share::Whole => write!(f, "Quota {quota} gives {of} in all")?,
            Share::Of(name) => write!(f, "Quota {quota} gives {of} in {place} {name}")?,
            Share::Person(name) => write!(f, "Quota {quota} gives each person {of}, and this counts for {name}")?,
        }
        write!(f, ": {used} used, {asked} asked for, {left} left.")
    }
}

/// What becomes of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    Fine,
    /// It passes the threshold.
    Near,
    /// It passes the limit, and is within what is let pass.
    Grace,
    /// It is more than is let pass.
    Over,
}

/// With what is let pass above it.
pub fn with_grace(limit: u64, margin: Margin) -> u64 {
    percent(limit, 100 + margin.grace)
}

fn percent(of: u64, percent: u32) -> u64 {
    u64::try_from(u128::from(of) * u128::from(percent) / 100).unwrap_or(u64::MAX)
}

/// Whether so much more goes. Who asks for nothing passes, however much is used.
pub fn judge(limit: Option<u64>, margin: Margin, used: u64, asked: u64) -> Verdict {
    let Some(limit) = limit.filter(|_| asked > 0) else { return Verdict::Fine };
    let after = used.saturating_add(asked);
    let crossed = |bound: u64| used <= bound && bound < after;
    if after > with_grace(limit, margin) {
        Verdict::Over
    } else if crossed(limit) {
        Verdict::Grace
    } else if crossed(percent(limit, margin.threshold)) {
        Verdict::Near
    } else {
        Verdict::Fine
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_is_near_passed_with_grace_and_over() {
        let margin = Margin { threshold: 50, grace: 20 };
        let judged = |used, asked| judge(Some(10), margin, used, asked);
        assert_eq!(judged(0, 5), Verdict::Fine);
        assert_eq!(judged(5, 1), Verdict::Near);
        assert_eq!(judged(6, 1), Verdict::Fine, "told already");
        assert_eq!(judged(9, 3), Verdict::Grace);
        assert_eq!(judged(11, 1), Verdict::Fine, "told already, and within the grace");
        assert_eq!(judged(10, 3), Verdict::Over);
        assert_eq!(judged(100, 0), Verdict::Fine, "nothing more is asked for");
        assert_eq!(judge(None, margin, u64::MAX, u64::MAX), Verdict::Fine);
        assert_eq!(judge(Some(0), margin, 0, 1), Verdict::Over);
        assert_eq!(judge(Some(u64::MAX), margin, u64::MAX, u64::MAX), Verdict::Fine, "nothing overflows");
    }

    #[test]
    fn an_excess_names_all_that_counts() {
        let excess = Excess {
            quota: "lab".to_owned(),
            resource: QuotaResource::Storage,
            share: Share::Of("local".to_owned()),
            used: 3 * GIB / 2,
            asked: GIB,
            most: 2 * GIB,
        };
        let text =
            "Quota lab gives 2 GiB of storage in storage domain local: 1.5 GiB used, 1 GiB asked for, 0.5 GiB left.";
        assert_eq!(excess.to_string(), text);
        let person = Excess { share: Share::Person("ann".to_owned()), resource: QuotaResource::Vcpus, ..excess };
        assert!(
            person.to_string().starts_with("Quota lab gives each person 2147483648 vCPUs, and this counts for ann: ")
        );
    }

    #[test]
    fn shares_are_of_all_or_of_each() {
        let (one, other) = (ClusterId::fixed(1), ClusterId::fixed(2));
        let limit = ClusterLimit { vcpus: Some(2), memory_mib: None };
        assert_eq!(Shares::<ClusterId, _>::All(limit).at(&one), Some(limit));
        let each = Shares::Each(vec![(one, limit)]);
        assert_eq!((each.at(&one), each.at(&other)), (Some(limit), None));
    }
}
