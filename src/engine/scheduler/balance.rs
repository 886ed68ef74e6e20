//! What moves by itself: hosts that are too busy give guests away, nearly empty ones are emptied, counts are evened out, and broken
//! affinity rules are mended. Pure, too: one move at a time, on the hosts and guests as they are.

use super::{Candidate, Cluster, Need, Tie, choose, decide};
use crate::model::host::HostStatus;
use crate::model::ids::{HostId, VmId};
use crate::model::scheduling::{Affinity, AffinityGroup, Balance, Property};
use crate::store::scheduling::places::Guest;
use std::cmp::Reverse;
use std::collections::HashMap;
use std::time::Duration;

/// A guest with how busy it is.
#[derive(Debug, Clone)]
pub(in crate::engine) struct Moving {
    pub guest: Guest,
    /// Of its virtual CPUs.
    pub cpu_percent: f32,
}

/// Why a guest is moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::engine) enum Because {
    Busy,
    LowMemory,
    NearlyEmpty,
    Count,
    Affinity,
}

/// One move.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::engine) struct Move {
    pub vm: VmId,
    pub from: HostId,
    pub to: HostId,
    pub because: Because,
}

/// What a guest needs; none: it is not moved by itself.
pub(in crate::engine) type Needs<'a> = &'a mut dyn FnMut(VmId) -> Option<Need>;

/// A host may take guests until it is used so much: oVirt's 80 % of the limit, and never within a virtual CPU of it.
const UNDER: f32 = 0.8;
const A_VCPU: f32 = 10.0;
/// So many guests of a host are tried.
const TRIED: usize = 50;

/// What is too busy, and what may take guests.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    /// Percent.
    pub high: f32,
    pub under: f32,
    pub long: Duration,
}

/// By the policy's numbers; none: it has none.
pub(super) fn limits(cluster: &Cluster) -> Option<Limits> {
    #[expect(clippy::cast_precision_loss, reason = "a percentage")]
    let high = cluster.number(Property::HighUtilization)? as f32;
    let long = Duration::from_secs(60 * u64::from(cluster.number(Property::CpuOverCommitDurationMinutes)?));
    Some(Limits { high, under: (UNDER * high).min(high - A_VCPU), long })
}

/// The guests by the host they are on; those on their way are nobody's.
fn by_host(guests: &[Moving]) -> HashMap<HostId, Vec<&Moving>> {
    let mut all: HashMap<HostId, Vec<&Moving>> = HashMap::new();
    for one in guests.iter().filter(|one| one.guest.to.is_none() && one.guest.runs) {
        all.entry(one.guest.host).or_default().push(one);
    }
    all
}

/// The next move that the policy asks for; none: it is balanced, or cannot be.
pub(in crate::engine) fn next(cluster: &Cluster, guests: &[Moving], needs: Needs<'_>) -> Option<Move> {
    if cluster.hosts.iter().filter(|host| host.status == HostStatus::Up).count() < 2 {
        return None;
    }
    let there = by_host(guests);
    match cluster.policy.balance {
        Balance::None => None,
        Balance::Even => busy(cluster, &there, needs).or_else(|| low_memory(cluster, &there, needs)),
        Balance::PowerSaving => busy(cluster, &there, needs)
            .or_else(|| low_memory(cluster, &there, needs))
            .or_else(|| nearly_empty(cluster, &there, needs)),
        Balance::EvenGuests => count(cluster, &there, needs),
    }
}

fn up(cluster: &Cluster) -> impl Iterator<Item = &Candidate> {
    cluster.hosts.iter().filter(|host| host.status == HostStatus::Up)
}

/// The use of a host that a guest adds.
#[expect(clippy::cast_precision_loss, reason = "counts of CPUs are small")]
fn share(one: &Moving, host: &Candidate) -> f32 {
    one.cpu_percent * one.guest.vcpus as f32 / host.facts.cpus().max(1) as f32
}

/// The best of these hosts for a guest of `from`.
fn place(cluster: &Cluster, needs: Needs<'_>, one: &Moving, may: &dyn Fn(&Candidate) -> bool) -> Option<HostId> {
    let mut need = needs(one.guest.vm)?;
    need.tie = Tie::From(one.guest.host, None);
    let all = decide::explain(cluster, &need);
    let open = all.into_iter().filter(|host| cluster.host(host.id).is_some_and(may));
    let fit = open.filter_map(|host| Some((host.fits.ok()?, host.id)));
    fit.min_by_key(|(weighed, _)| (weighed.points, Reverse(weighed.free_mib))).map(|(_, host)| host)
}

/// A host that is too busy for too long gives one away: the smallest that brings it below the limit, else the largest that fits.
fn busy(cluster: &Cluster, there: &HashMap<HostId, Vec<&Moving>>, needs: Needs<'_>) -> Option<Move> {
    let Limits { high, under, long } = limits(cluster)?;
    if !up(cluster).any(|host| host.expected_cpu() < under) {
        return None;
    }
    let mut sources: Vec<&Candidate> = up(cluster)
        .filter(|host| host.busy_for >= long && host.expected_cpu() >= high && there.contains_key(&host.id))
        .collect();
    sources.sort_by(|a, b| b.expected_cpu().total_cmp(&a.expected_cpu()));
    for source in sources {
        let over = source.expected_cpu() - high;
        let mut guests = there.get(&source.id).cloned().unwrap_or_default();
        // Enough of it, the smallest first; then what is not enough, the largest first.
        guests.sort_by(|a, b| {
            let key = |one: &Moving| {
                let share = share(one, source);
                if share > over { (0, share) } else { (1, -share) }
            };
            let (a, b) = (key(a), key(b));
            a.0.cmp(&b.0).then(a.1.total_cmp(&b.1))
        });
        for one in guests.into_iter().take(TRIED) {
            let may = |host: &Candidate| host.expected_cpu() < under && host.expected_cpu() + share(one, host) <= high;
            if let Some(to) = place(cluster, needs, one, &may) {
                return Some(Move { vm: one.guest.vm, from: source.id, to, because: Because::Busy });
            }
        }
    }
    None
}

/// The same with memory, where the policy names limits.
fn low_memory(cluster: &Cluster, there: &HashMap<HostId, Vec<&Moving>>, needs: Needs<'_>) -> Option<Move> {
    let low = u64::from(cluster.number(Property::MaxFreeMemoryForOverUtilized)?);
    let enough = u64::from(cluster.number(Property::MinFreeMemoryForUnderUtilized)?);
    let free = |host: &Candidate| host.free_mib(&cluster.settings).0;
    let mut sources: Vec<&Candidate> =
        up(cluster).filter(|host| free(host) < low && there.contains_key(&host.id)).collect();
    sources.sort_by_key(|host| free(host));
    for source in sources {
        let mut guests = there.get(&source.id).cloned().unwrap_or_default();
        guests.sort_by_key(|one| one.guest.memory_mib);
        for one in guests.into_iter().take(TRIED) {
            let may = |host: &Candidate| free(host) > enough && free(host).saturating_sub(one.guest.memory_mib) >= low;
            if let Some(to) = place(cluster, needs, one, &may) {
                return Some(Move { vm: one.guest.vm, from: source.id, to, because: Because::LowMemory });
            }
        }
    }
    None
}

/// A host that hardly works is emptied onto one that works more.
fn nearly_empty(cluster: &Cluster, there: &HashMap<HostId, Vec<&Moving>>, needs: Needs<'_>) -> Option<Move> {
    #[expect(clippy::cast_precision_loss, reason = "a percentage")]
    let low = cluster.number(Property::LowUtilization)? as f32;
    let Limits { under, .. } = limits(cluster)?;
    let guests_of = |host: &Candidate| there.get(&host.id).map_or(0, Vec::len);
    let mut sources: Vec<&Candidate> =
        up(cluster).filter(|host| host.expected_cpu() < low && guests_of(host) > 0).collect();
    sources.sort_by_key(|host| (guests_of(host), host.name.clone()));
    let order = |host: &Candidate| (host.promised.vms, Reverse(host.name.clone()));
    for source in sources {
        // Guests that may not leave keep it from being emptied: then none need go.
        let guests = there.get(&source.id).cloned().unwrap_or_default();
        if guests.len() < source.promised.vms as usize || guests.iter().any(|one| needs(one.guest.vm).is_none()) {
            continue;
        }
        for one in guests.into_iter().take(TRIED) {
            let may = |host: &Candidate| {
                let works = host.expected_cpu() >= low || order(host) > order(source);
                works && host.promised.vms > 0 && host.expected_cpu() + share(one, host) < under
            };
            if let Some(to) = place(cluster, needs, one, &may) {
                return Some(Move { vm: one.guest.vm, from: source.id, to, because: Because::NearlyEmpty });
            }
        }
    }
    None
}

/// The host with most guests gives one to a host with far fewer.
fn count(cluster: &Cluster, there: &HashMap<HostId, Vec<&Moving>>, needs: Needs<'_>) -> Option<Move> {
    let (most, step) = (cluster.number(Property::HighVmCount)?, cluster.number(Property::MigrationThreshold)?);
    let source = up(cluster).max_by_key(|host| (cluster.count(host), Reverse(host.name.clone())))?;
    if cluster.count(source) < most {
        return None;
    }
    let mut guests = there.get(&source.id).cloned().unwrap_or_default();
    guests.sort_by(|a, b| a.cpu_percent.total_cmp(&b.cpu_percent));
    for one in guests.into_iter().take(TRIED) {
        let may = |host: &Candidate| cluster.count(host) + step <= cluster.count(source);
        if let Some(to) = place(cluster, needs, one, &may) {
            return Some(Move { vm: one.guest.vm, from: source.id, to, because: Because::Count });
        }
    }
    None
}

/// The next move that an enforced affinity rule asks for (oVirt's affinity rules enforcement manager).
pub(in crate::engine) fn mend(
    cluster: &Cluster,
    groups: &[AffinityGroup],
    guests: &[Moving],
    needs: Needs<'_>,
) -> Option<Move> {
    for group in groups {
        let members: Vec<&Moving> =
            guests.iter().filter(|one| group.vms.contains(&one.guest.vm) && one.guest.to.is_none()).collect();
        for one in broken(group, &members) {
            let Some(mut need) = one.guest.runs.then(|| needs(one.guest.vm)).flatten() else { continue };
            need.tie = Tie::From(one.guest.host, None);
            if let Ok((to, _)) = choose(cluster, &need) {
                return Some(Move { vm: one.guest.vm, from: one.guest.host, to, because: Because::Affinity });
            }
        }
    }
    None
}

/// The members that would have to leave their hosts.
fn broken<'a>(group: &AffinityGroup, members: &[&'a Moving]) -> Vec<&'a Moving> {
    let mut on: HashMap<HostId, usize> = HashMap::new();
    for one in members {
        *on.entry(one.guest.host).or_default() += 1;
    }
    let home = on.iter().max_by_key(|(host, count)| (**count, **host)).map(|(host, _)| *host);
    let wrong_host = |host: &HostId| {
        group.hosts_rule.enforcing
            && match group.hosts_rule.affinity {
                Affinity::Positive => !group.hosts.contains(host),
                Affinity::Negative => group.hosts.contains(host),
                Affinity::Disabled => false,
            }
    };
    let wrong_company = |host: &HostId| {
        group.vms_rule.enforcing
            && match group.vms_rule.affinity {
                Affinity::Positive => Some(*host) != home,
                Affinity::Negative => on.get(host).is_some_and(|count| *count > 1),
                Affinity::Disabled => false,
            }
    };
    members.iter().copied().filter(|one| wrong_host(&one.guest.host) || wrong_company(&one.guest.host)).collect()
}

/// The hosts and guests as they will be after a move.
pub(in crate::engine) fn moved(cluster: &mut Cluster, guests: &mut [Moving], done: Move) {
    let Some(one) = guests.iter_mut().find(|one| one.guest.vm == done.vm) else { return };
    let (memory, vcpus, cpu) = (one.guest.memory_mib, one.guest.vcpus, one.cpu_percent);
    one.guest.to = Some(done.to);
    for host in &mut cluster.hosts {
        #[expect(clippy::cast_precision_loss, reason = "counts of CPUs are small")]
        let share = cpu * vcpus as f32 / host.facts.cpus().max(1) as f32;
        if host.id == done.from {
            host.promised.memory_mib = host.promised.memory_mib.saturating_sub(memory);
            host.promised.vms = host.promised.vms.saturating_sub(1);
            host.cpu_percent = (host.cpu_percent - share).max(0.0);
        }
        if host.id == done.to {
            host.promised.memory_mib += memory;
            host.promised.vms += 1;
            host.cpu_percent += share;
        }
    }
}
