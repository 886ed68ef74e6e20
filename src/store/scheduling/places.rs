//! The hosts of a cluster with what they have promised, and the guests that are there.

use crate::db::Db;
use crate::db::schema::{cluster, data_center_spm, host, vm, vm_placement, vm_run};
use crate::model::clock::Timestamp;
use crate::model::cluster_settings::ClusterSettings;
use crate::model::host::{HostFacts, HostStatus};
use crate::model::ids::{ClusterId, HostId, VmId};
use crate::model::vm_settings::Running;
use crate::model::vm_state::{Intent, Observed};
use diesel::prelude::*;
use std::collections::HashMap;

/// A host of a cluster with what it has promised already.
#[derive(Debug, Clone, Default)]
pub struct Promised {
    /// Memory of the VMs that run there, are being started, or are on their way there, in MiB.
    pub memory_mib: u64,
    /// The part of it that they must always have.
    pub guaranteed_mib: u64,
    pub vms: u32,
    /// Virtual CPUs of those that do not run there yet.
    pub coming_vcpus: u32,
    /// Highly available ones.
    pub highly_available: u32,
}

/// A host of a cluster.
#[derive(Debug, Clone)]
pub struct Place {
    pub id: HostId,
    pub name: String,
    pub status: HostStatus,
    /// [`HostFacts`] as JSON: several KiB of each host, which change seldom.
    pub facts: String,
    /// It is the storage pool manager.
    pub spm: bool,
    pub promised: Promised,
}

/// A guest that runs or is being started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Guest {
    pub vm: VmId,
    pub name: String,
    pub host: HostId,
    /// It is on its way there.
    pub to: Option<HostId>,
    pub runs: bool,
    pub memory_mib: u64,
    pub vcpus: u32,
}

/// What is set of the cluster.
pub fn settings(db: &mut Db, cluster: ClusterId) -> QueryResult<ClusterSettings> {
    let kept: Option<String> = cluster::table.find(cluster).select(cluster::settings).first(db).optional()?;
    Ok(kept.map(|text| ClusterSettings::from_json(&text)).unwrap_or_default())
}

/// What it is called; none: there is no such cluster.
pub fn cluster_name(db: &mut Db, id: ClusterId) -> QueryResult<Option<String>> {
    cluster::table.find(id).select(cluster::name).first(db).optional()
}

/// The settings of all clusters.
pub fn all_settings(db: &mut Db) -> QueryResult<Vec<(ClusterId, ClusterSettings)>> {
    let rows: Vec<(ClusterId, String)> = cluster::table.select((cluster::id, cluster::settings)).load(db)?;
    Ok(rows.into_iter().map(|(id, text)| (id, ClusterSettings::from_json(&text))).collect())
}

const OFF: [Intent; 3] = [Intent::Off, Intent::Suspended, Intent::Images];
const LIVING: [Observed; 4] = [Observed::Running, Observed::Paused, Observed::PausedIo, Observed::Stopping];

type Load = (Option<HostId>, Option<HostId>, (i64, i64), (i32, i32, i32), Observed, bool, String);

/// The hosts of a cluster, by name.
pub fn places(db: &mut Db, cluster: ClusterId) -> QueryResult<Vec<Place>> {
    let rows: Vec<(HostId, String, HostStatus, String)> = host::table
        .filter(host::cluster_id.eq(cluster))
        .order(host::name)
        .select((host::id, host::name, host::status, host::facts))
        .load(db)?;
    let managers: Vec<HostId> = data_center_spm::table.select(data_center_spm::host_id).load(db)?;
    let ids: Vec<HostId> = rows.iter().map(|row| row.0).collect();
    let mut promised = promises(db, &ids)?;
    Ok(rows
        .into_iter()
        .map(|(id, name, status, facts)| Place {
            id,
            name,
            status,
            facts,
            spm: managers.contains(&id),
            promised: promised.remove(&id).unwrap_or_default(),
        })
        .collect())
}

/// What the hosts of a cluster told of themselves.
pub fn facts(db: &mut Db, cluster: ClusterId) -> QueryResult<Vec<(HostId, HostFacts)>> {
    let rows: Vec<(HostId, String)> =
        host::table.filter(host::cluster_id.eq(cluster)).select((host::id, host::facts)).load(db)?;
    Ok(rows.into_iter().map(|(id, facts)| (id, serde_json::from_str(&facts).unwrap_or_default())).collect())
}

fn promises(db: &mut Db, hosts: &[HostId]) -> QueryResult<HashMap<HostId, Promised>> {
    let loads: Vec<Load> = vm_run::table
        .inner_join(vm::table)
        .filter(vm_run::host_id.eq_any(hosts).or(vm_run::migrating_to.eq_any(hosts)))
        .filter(vm_run::intent.ne_all(OFF).or(vm_run::observed.eq_any(LIVING)))
        .select((
            vm_run::host_id,
            vm_run::migrating_to,
            (vm::memory_mib, vm::guaranteed_memory_mib),
            (vm::sockets, vm::cores, vm::threads),
            vm_run::observed,
            vm_run::waits,
            vm_run::launched,
        ))
        .load(db)?;
    let available = highly_available(db, hosts)?;
    let mut all: HashMap<HostId, Promised> = HashMap::new();
    for (at, to, (memory, guaranteed), (sockets, cores, threads), observed, waits, launched) in loads {
        // What it has, and what it will have after its next start.
        let has = if waits { Running::from_json(&launched).map_or(0, |now| now.hardware.memory_mib) } else { 0 };
        for (place, coming) in [(at, !LIVING.contains(&observed)), (to, true)] {
            let Some(id) = place else { continue };
            let entry = all.entry(id).or_default();
            entry.memory_mib += memory.unsigned_abs().max(has);
            entry.guaranteed_mib += guaranteed.unsigned_abs();
            entry.vms += 1;
            if coming {
                entry.coming_vcpus += (sockets * cores * threads).unsigned_abs();
            }
        }
    }
    for (host, count) in available {
        all.entry(host).or_default().highly_available = count;
    }
    Ok(all)
}

/// How many highly available VMs each host has. (Settings are JSON: the word is looked for, which its writer puts so.)
fn highly_available(db: &mut Db, hosts: &[HostId]) -> QueryResult<Vec<(HostId, u32)>> {
    let rows: Vec<(Option<HostId>, i64)> = vm_run::table
        .inner_join(vm::table)
        .filter(vm_run::host_id.eq_any(hosts))
        .filter(vm::settings.like("%\"high_availability\":true%"))
        .group_by(vm_run::host_id)
        .select((vm_run::host_id, diesel::dsl::count_star()))
        .load(db)?;
    Ok(rows.into_iter().filter_map(|(host, n)| Some((host?, u32::try_from(n).unwrap_or(u32::MAX)))).collect())
}

/// The guests of a cluster's hosts.
pub fn guests(db: &mut Db, cluster: ClusterId) -> QueryResult<Vec<Guest>> {
    type Row = (VmId, String, Option<HostId>, Option<HostId>, i64, (i32, i32, i32), Intent, Observed);
    let rows: Vec<Row> = vm_run::table
        .inner_join(vm::table)
        .inner_join(host::table)
        .filter(host::cluster_id.eq(cluster))
        .filter(vm_run::intent.ne_all(OFF).or(vm_run::observed.eq_any(LIVING)))
        .select((
            vm::id,
            vm::name,
            vm_run::host_id,
            vm_run::migrating_to,
            vm::memory_mib,
            (vm::sockets, vm::cores, vm::threads),
            vm_run::intent,
            vm_run::observed,
        ))
        .load(db)?;
    let one = |(vm, name, host, to, memory, (sockets, cores, threads), intent, observed): Row| {
        Some(Guest {
            vm,
            name,
            host: host?,
            to,
            runs: intent == Intent::Run && observed == Observed::Running,
            memory_mib: memory.unsigned_abs(),
            vcpus: (sockets * cores * threads).unsigned_abs(),
        })
    };
    Ok(rows.into_iter().filter_map(one).collect())
}

/// The VMs that run on a host, or are being started there.
pub fn on_host(db: &mut Db, host: HostId) -> QueryResult<Vec<VmId>> {
    vm_run::table
        .filter(vm_run::host_id.eq(host))
        .filter(vm_run::intent.ne_all(OFF).or(vm_run::observed.eq_any(LIVING)))
        .select(vm_run::vm_id)
        .load(db)
}

/// A cluster's name; empty: it is gone.
pub fn name(db: &mut Db, cluster: ClusterId) -> QueryResult<String> {
    Ok(cluster::table.find(cluster).select(cluster::name).first(db).optional()?.unwrap_or_default())
}

/// Where these VMs are, or will be soon.
pub fn whereabouts(db: &mut Db, vms: &[VmId]) -> QueryResult<Vec<(VmId, HostId)>> {
    let rows: Vec<(VmId, Option<HostId>, Option<HostId>)> = vm_run::table
        .filter(vm_run::vm_id.eq_any(vms))
        .filter(vm_run::intent.ne_all(OFF).or(vm_run::observed.eq_any(LIVING)))
        .select((vm_run::vm_id, vm_run::host_id, vm_run::migrating_to))
        .load(db)?;
    Ok(rows.into_iter().filter_map(|(vm, at, to)| Some((vm, to.or(at)?))).collect())
}

/// Keeps how a VM came to its host.
pub fn keep_decision(db: &mut Db, vm: VmId, now: Timestamp, decision: &str) -> QueryResult<()> {
    let values = (vm_placement::vm_id.eq(vm), vm_placement::decided.eq(now), vm_placement::decision.eq(decision));
    diesel::delete(vm_placement::table.find(vm)).execute(db)?;
    diesel::insert_into(vm_placement::table).values(values).execute(db).map(drop)
}

/// How a VM came to the host that it was sent to last.
pub fn decision(db: &mut Db, vm: VmId) -> QueryResult<Option<(Timestamp, String)>> {
    vm_placement::table.find(vm).select((vm_placement::decided, vm_placement::decision)).first(db).optional()
}
