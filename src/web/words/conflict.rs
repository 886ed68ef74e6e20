//! Why the state of things does not allow a command, in the reader's language.

use super::{holder, say, state, unfit};
use crate::model::conflict::Conflict;
use crate::model::quota::{Excess, Share};
use crate::model::scheduling::Contradiction;
use crate::web::locale::Locale;
use crate::web::told::told;

/// What stands in the way.
pub(super) fn conflict(l: Locale, why: &Conflict) -> String {
    match why {
        Conflict::Foreign => l.t("conflict-foreign"),
        Conflict::NoSpm { host } => say!(l, "conflict-no-spm", "host" = host),
        Conflict::PolicyLocked { policy } => say!(l, "conflict-policy-locked", "policy" = policy),
        Conflict::PolicyInUse { policy, clusters } => {
            say!(l, "conflict-policy-in-use", "policy" = policy, "clusters" = clusters)
        }
        Conflict::Affinity(Contradiction::TogetherAndApart { together, apart }) => {
            say!(l, "conflict-together-and-apart", "together" = together, "apart" = apart)
        }
        Conflict::Affinity(Contradiction::NoHost { groups }) => {
            say!(l, "conflict-no-host-left", "groups" = groups.join(", "))
        }
        Conflict::NotRunning { vm } => say!(l, "conflict-not-running", "vm" = vm),
        Conflict::NoViewers => l.t("conflict-no-viewers"),
        Conflict::ConsoleInUse { vm, by } => say!(l, "conflict-console-in-use", "vm" = vm, "by" = by),
        Conflict::StillRuns { seconds } => say!(l, "conflict-still-runs", "seconds" = seconds),
        Conflict::NoReboot { seconds } => say!(l, "conflict-no-reboot", "seconds" = seconds),
        Conflict::NoMac => l.t("conflict-no-mac"),
        Conflict::ChangedMeanwhile => l.t("conflict-changed-meanwhile"),
        Conflict::MemoryGuestEnded => l.t("conflict-memory-guest-ended"),
        Conflict::NoGuestAgent => l.t("conflict-no-guest-agent"),
        Conflict::StoppedAtOnce => l.t("conflict-stopped-at-once"),
        Conflict::EndedBeforeSaved { intent } => say!(l, "conflict-ended-before-saved", "intent" = intent),
        Conflict::NotStuck { job, status } => {
            say!(l, "conflict-not-stuck", "job" = holder(l, job), "status" = state(l, status.as_str()))
        }
        Conflict::BlankTemplate => l.t("conflict-blank-template"),
        Conflict::TemplateInUse { template, vms } => {
            say!(l, "conflict-template-in-use", "template" = template, "vms" = vms)
        }
        Conflict::FirstRunOfPool { vm, pool } => say!(l, "conflict-first-run-of-pool", "vm" = vm, "pool" = pool),
        Conflict::CannotSeal { host } => say!(l, "conflict-cannot-seal", "host" = host),
        Conflict::NoCluster => l.t("conflict-no-cluster"),
        Conflict::NoAdmin => l.t("conflict-no-admin"),
        Conflict::UploadBroken => l.t("upload-broken"),
        Conflict::NoPlace { why } => say!(l, "conflict-no-place", "why" = unfit(l, why)),
        Conflict::HostStatus { .. }
        | Conflict::HostBusy { .. }
        | Conflict::HostHasVms { .. }
        | Conflict::HostHasStorage { .. }
        | Conflict::HostTied { .. }
        | Conflict::NowhereToGo { .. }
        | Conflict::NotMigrating { .. }
        | Conflict::EndedOnItsWay
        | Conflict::NetworkDiffers { .. }
        | Conflict::NoLongerEmptied
        | Conflict::WouldNotLeave { .. }
        | Conflict::NotShared { .. }
        | Conflict::NoFenceAgent { .. }
        | Conflict::NoProxy { .. }
        | Conflict::StillWrites { .. }
        | Conflict::PowerStatus { .. }
        | Conflict::ClusterRests { .. }
        | Conflict::ClusterRuns { .. }
        | Conflict::VmsStay { .. }
        | Conflict::NotInvited => host(l, why),
        Conflict::NotEmpty { .. }
        | Conflict::LocalCenterFull { .. }
        | Conflict::CenterHasStorage { .. }
        | Conflict::NetworkInUse { .. }
        | Conflict::ManagementNetwork { .. } => place(l, why),
        Conflict::Told { why } => told(l, why),
        Conflict::PackagesFailed { .. }
        | Conflict::PackagesBroken { .. }
        | Conflict::ProgramPutBack { .. }
        | Conflict::AgentAway { .. }
        | Conflict::NotBack { .. }
        | Conflict::NothingToUpgrade { .. }
        | Conflict::NotUpgrading { .. }
        | Conflict::UpgradeStopped { .. }
        | Conflict::UpgradeCalledOff { .. } => upgrade(l, why),
        Conflict::DiskOfTemplate { .. }
        | Conflict::DiskHasLayers { .. }
        | Conflict::DiskInDrive { .. }
        | Conflict::DiskInSnapshot { .. } => disk(l, why),
        Conflict::InPreview { .. }
        | Conflict::NoPreview { .. }
        | Conflict::SnapshotBroken { .. }
        | Conflict::DisksOfSnapshots { .. } => snapshot(l, why),
        Conflict::PoolBusy { .. }
        | Conflict::PoolShare { .. }
        | Conflict::PoolEmpty { .. }
        | Conflict::PoolTaken { .. }
        | Conflict::NotInPool { .. }
        | Conflict::NotTaken { .. }
        | Conflict::PoolReserved { .. }
        | Conflict::TemplateDiskGone { .. } => pool(l, why),
        Conflict::RemoveSelf
        | Conflict::PermissionInPool { .. }
        | Conflict::DomainChanged { .. }
        | Conflict::RoleHeld { .. }
        | Conflict::AdminRole { .. }
        | Conflict::RolePredefined { .. }
        | Conflict::RoleKind { .. }
        | Conflict::RoleChanged { .. }
        | Conflict::RoleInUse { .. }
        | Conflict::EveryoneOnSystem
        | Conflict::LastSuperUser
        | Conflict::GroupInItself { .. }
        | Conflict::MemberAlready { .. }
        | Conflict::NoMember { .. } => role(l, why),
        Conflict::Quota(_)
        | Conflict::QuotaGivesNothing { .. }
        | Conflict::QuotaDefault { .. }
        | Conflict::QuotaInUse { .. } => quota(l, why),
        Conflict::ScreenLocked { .. }
        | Conflict::LastDisplay { .. }
        | Conflict::WatchPictures { .. }
        | Conflict::GiftsFull { .. }
        | Conflict::FileTooLarge { .. } => class(l, why),
    }
}

fn role(l: Locale, why: &Conflict) -> String {
    match why {
        Conflict::RemoveSelf => l.t("conflict-remove-self"),
        Conflict::PermissionInPool { vm, pool } => say!(l, "conflict-permission-in-pool", "vm" = vm, "pool" = pool),
        Conflict::DomainChanged { domain } => say!(l, "conflict-domain-changed", "domain" = domain),
        Conflict::RoleHeld { role } => say!(l, "conflict-role-held", "role" = role),
        Conflict::AdminRole { role } => say!(l, "conflict-admin-role", "role" = role),
        Conflict::RolePredefined { role } => say!(l, "conflict-role-predefined", "role" = role),
        Conflict::RoleKind { role } => say!(l, "conflict-role-kind", "role" = role),
        Conflict::RoleChanged { role } => say!(l, "conflict-role-changed", "role" = role),
        Conflict::RoleInUse { role, holders } => say!(l, "conflict-role-in-use", "role" = role, "holders" = holders),
        Conflict::EveryoneOnSystem => l.t("conflict-everyone-on-system"),
        Conflict::LastSuperUser => l.t("conflict-last-super-user"),
        Conflict::GroupInItself { group, member } => {
            say!(l, "conflict-group-in-itself", "group" = group, "member" = member)
        }
        Conflict::MemberAlready { group, member } => {
            say!(l, "conflict-member-already", "group" = group, "member" = member)
        }
        Conflict::NoMember { group, member } => say!(l, "conflict-no-member", "group" = group, "member" = member),
        other => other.to_string(),
    }
}

fn place(l: Locale, why: &Conflict) -> String {
    match why {
        Conflict::NotEmpty { kind, name, holds, names } => {
            let (kind, holds) = (l.t(&format!("object-{kind}")), l.t(&holds.to_string()));
            say!(l, "conflict-not-empty", "kind" = kind, "name" = name, "holds" = holds, "names" = names)
        }
        Conflict::LocalCenterFull { data_center, has } => {
            say!(l, "conflict-local-center-full", "center" = data_center, "has" = has)
        }
        Conflict::NetworkInUse { network, vms } => say!(l, "conflict-network-in-use", "network" = network, "vms" = vms),
        Conflict::ManagementNetwork { network } => say!(l, "conflict-management-network", "network" = network),
        Conflict::CenterHasStorage { data_center, domains } => {
            say!(l, "conflict-center-has-storage", "center" = data_center, "domains" = domains)
        }
        other => other.to_string(),
    }
}

fn quota(l: Locale, why: &Conflict) -> String {
    match why {
        Conflict::Quota(excess) => over(l, excess),
        Conflict::QuotaGivesNothing { quota, place } => {
            say!(l, "conflict-quota-gives-nothing", "quota" = quota, "place" = place)
        }
        Conflict::QuotaDefault { quota } => say!(l, "conflict-quota-default", "quota" = quota),
        Conflict::QuotaInUse { quota, users } => say!(l, "conflict-quota-in-use", "quota" = quota, "users" = users),
        other => other.to_string(),
    }
}

fn over(l: Locale, excess: &Excess) -> String {
    let amount = |n| excess.resource.amount(n);
    let (share, place) = match &excess.share {
        Share::Whole => ("whole", ""),
        Share::Of(name) => ("place", name.as_str()),
        Share::Person(name) => ("person", name.as_str()),
    };
    l.ta(
        &format!("conflict-quota-{}-{share}", excess.resource),
        &[
            ("quota", &excess.quota),
            ("place", place),
            ("most", &amount(excess.most)),
            ("used", &amount(excess.used)),
            ("asked", &amount(excess.asked)),
            ("left", &amount(excess.left())),
        ],
    )
}

fn class(l: Locale, why: &Conflict) -> String {
    match why {
        Conflict::ScreenLocked { vm } => say!(l, "conflict-screen-locked", "vm" = vm),
        Conflict::LastDisplay { vm } => say!(l, "conflict-last-display", "vm" = vm),
        Conflict::WatchPictures { vm } => say!(l, "conflict-watch-pictures", "vm" = vm),
        Conflict::GiftsFull { most } => say!(l, "conflict-gifts-full", "most" = most),
        Conflict::FileTooLarge { most } => say!(l, "conflict-file-too-large", "most" = most),
        other => other.to_string(),
    }
}

fn host(l: Locale, why: &Conflict) -> String {
    match why {
        Conflict::HostStatus { host, status, action } => {
            let action = l.t(&format!("host-verb-{action}"));
            say!(l, "conflict-host-status", "host" = host, "status" = state(l, status.as_str()), "action" = action)
        }
        Conflict::HostBusy { host, job } => say!(l, "conflict-host-busy", "host" = host, "job" = holder(l, job)),
        Conflict::HostHasVms { host, vms } => say!(l, "conflict-host-has-vms", "host" = host, "vms" = vms),
        Conflict::HostHasStorage { host, domains } => {
            say!(l, "conflict-host-has-storage", "host" = host, "domains" = domains)
        }
        Conflict::HostTied { host, domains } => say!(l, "conflict-host-tied", "host" = host, "domains" = domains),
        Conflict::NowhereToGo { host, why } => say!(l, "conflict-nowhere-to-go", "host" = host, "why" = why),
        Conflict::NotMigrating { vm } => say!(l, "conflict-not-migrating", "vm" = vm),
        Conflict::EndedOnItsWay => l.t("conflict-ended-on-its-way"),
        Conflict::NetworkDiffers { network, from, to } => {
            say!(l, "conflict-network-differs", "network" = network, "from" = from, "to" = to)
        }
        Conflict::NoLongerEmptied => l.t("conflict-no-longer-emptied"),
        Conflict::WouldNotLeave { vm } => say!(l, "conflict-would-not-leave", "vm" = vm),
        Conflict::NotShared { path, host } => say!(l, "conflict-not-shared", "path" = path, "host" = host),
        Conflict::NotInvited => l.t("conflict-not-invited"),
        Conflict::NoFenceAgent { host } => say!(l, "conflict-no-fence-agent", "host" = host),
        Conflict::NoProxy { host } => say!(l, "conflict-no-proxy", "host" = host),
        Conflict::ClusterRests { cluster } => say!(l, "conflict-cluster-rests", "cluster" = cluster),
        Conflict::ClusterRuns { cluster } => say!(l, "conflict-cluster-runs", "cluster" = cluster),
        Conflict::VmsStay { vms } => say!(l, "conflict-vms-stay", "vms" = vms),
        Conflict::StillWrites { host, domain } => say!(l, "conflict-still-writes", "host" = host, "domain" = domain),
        Conflict::PowerStatus { host, status } => {
            say!(l, "conflict-power-status", "host" = host, "status" = state(l, status.as_str()))
        }
        other => other.to_string(),
    }
}

fn upgrade(l: Locale, why: &Conflict) -> String {
    match why {
        Conflict::PackagesFailed { host, said } => say!(l, "conflict-packages-failed", "host" = host, "said" = said),
        Conflict::PackagesBroken { host } => say!(l, "conflict-packages-broken", "host" = host),
        Conflict::ProgramPutBack { host, because } => {
            say!(l, "conflict-program-put-back", "host" = host, "because" = told(l, because))
        }
        Conflict::AgentAway { host, seconds } => say!(l, "conflict-agent-away", "host" = host, "seconds" = seconds),
        Conflict::NotBack { host, status, seconds } => {
            let status = state(l, status.as_str());
            say!(l, "conflict-not-back", "host" = host, "seconds" = seconds, "status" = status)
        }
        Conflict::NothingToUpgrade { cluster } => say!(l, "conflict-nothing-to-upgrade", "cluster" = cluster),
        Conflict::NotUpgrading { cluster } => say!(l, "conflict-not-upgrading", "cluster" = cluster),
        Conflict::UpgradeStopped { host, because } => {
            say!(l, "conflict-upgrade-stopped", "host" = host, "because" = told(l, because))
        }
        Conflict::UpgradeCalledOff { hosts } => say!(l, "conflict-upgrade-called-off", "hosts" = hosts),
        other => other.to_string(),
    }
}

fn disk(l: Locale, why: &Conflict) -> String {
    match why {
        Conflict::DiskOfTemplate { disk, template } => {
            say!(l, "conflict-disk-of-template", "disk" = disk, "template" = template)
        }
        Conflict::DiskHasLayers { disk } => say!(l, "conflict-disk-has-layers", "disk" = disk),
        Conflict::DiskInSnapshot { disk, snapshot } => {
            say!(l, "conflict-disk-in-snapshot", "disk" = disk, "snapshot" = snapshot)
        }
        Conflict::DiskInDrive { disk, vms } => say!(l, "conflict-disk-in-drive", "disk" = disk, "vms" = vms),
        other => other.to_string(),
    }
}

fn snapshot(l: Locale, why: &Conflict) -> String {
    match why {
        Conflict::InPreview { vm, snapshot } => say!(l, "conflict-in-preview", "vm" = vm, "snapshot" = snapshot),
        Conflict::NoPreview { vm } => say!(l, "conflict-no-preview", "vm" = vm),
        Conflict::SnapshotBroken { snapshot } => say!(l, "conflict-snapshot-broken", "snapshot" = snapshot),
        Conflict::DisksOfSnapshots { vm } => say!(l, "conflict-disks-of-snapshots", "vm" = vm),
        other => other.to_string(),
    }
}

fn pool(l: Locale, why: &Conflict) -> String {
    match why {
        Conflict::PoolBusy { pool, vms } => say!(l, "conflict-pool-busy", "pool" = pool, "vms" = vms),
        Conflict::PoolShare { pool, mine, most } => {
            say!(l, "conflict-pool-share", "pool" = pool, "mine" = mine, "most" = most)
        }
        Conflict::PoolEmpty { pool, taken, size } => {
            say!(l, "conflict-pool-empty", "pool" = pool, "taken" = taken, "size" = size)
        }
        Conflict::PoolTaken { pool, wanted, taken, busy, size } => {
            say!(
                l,
                "conflict-pool-taken",
                "pool" = pool,
                "wanted" = wanted,
                "taken" = taken,
                "busy" = busy,
                "size" = size
            )
        }
        Conflict::PoolReserved { pool, who, until } => {
            say!(l, "conflict-pool-reserved", "pool" = pool, "who" = who, "until" = until)
        }
        Conflict::NotInPool { vm } => say!(l, "conflict-not-in-pool", "vm" = vm),
        Conflict::NotTaken { vm, pool } => say!(l, "conflict-not-taken", "vm" = vm, "pool" = pool),
        Conflict::TemplateDiskGone { template, disk } => {
            say!(l, "conflict-template-disk-gone", "template" = template, "disk" = disk)
        }
        other => other.to_string(),
    }
}
