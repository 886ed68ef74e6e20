//! The hosts of a cluster as decisions see them.

use super::filters;
use crate::db::Db;
use crate::engine::{Engine, EngineError};
use crate::model::cluster_settings::ClusterSettings;
use crate::model::conflict::NoRoom;
use crate::model::host::{HostFacts, HostStatus};
use crate::model::ids::{ClusterId, HostId};
use crate::model::scheduling::{Filter, NONE, Property, SchedulingPolicy};
use crate::store::scheduling::places::{self, Promised};
use crate::store::scheduling::policies;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Memory a host keeps for itself (oVirt's HostReservedMemory), and what QEMU needs beside the guest's (GuestOverhead).
const HOST_RESERVED_MIB: u64 = 256;
pub(super) const GUEST_OVERHEAD_MIB: u64 = 65;

/// What hosts told of themselves, read once: a decision over many hosts would spend most of its time on it.
#[derive(Debug, Default)]
pub struct KnownFacts(Mutex<HashMap<HostId, (String, Arc<HostFacts>)>>);

impl KnownFacts {
    /// The facts of this JSON; what is broken counts as nothing told.
    fn read(&self, host: HostId, text: String) -> Arc<HostFacts> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match known.get(&host) {
            Some((before, facts)) if *before == text => facts.clone(),
            _ => {
                let facts: Arc<HostFacts> = Arc::new(serde_json::from_str(&text).unwrap_or_default());
                known.insert(host, (text, facts.clone()));
                facts
            }
        }
    }
}

/// A host as a place for a VM.
#[derive(Debug, Clone)]
pub(in crate::engine) struct Candidate {
    pub id: HostId,
    pub name: String,
    pub status: HostStatus,
    pub facts: Arc<HostFacts>,
    /// It is the storage pool manager.
    pub spm: bool,
    pub promised: Promised,
    pub cpu_percent: f32,
    /// It has been busier than HighUtilization for so long.
    pub busy_for: Duration,
}

/// A cluster's hosts and how they are chosen among.
#[derive(Debug, Clone)]
pub(in crate::engine) struct Cluster {
    pub policy: SchedulingPolicy,
    pub settings: ClusterSettings,
    pub hosts: Vec<Candidate>,
}

impl Cluster {
    /// As it is now: promises from the database, load from the engine's memory.
    ///
    /// # Errors
    /// The database failed.
    pub fn load(engine: &Engine, db: &mut Db, id: ClusterId) -> Result<Self, EngineError> {
        let settings = places::settings(db, id)?;
        let policy = match policies::get(db, settings.scheduling.policy)? {
            Some(policy) => policy,
            None => policies::get(db, NONE)?
                .ok_or(EngineError::NotFound { kind: "scheduling policy", id: NONE.to_string() })?,
        };
        let mut cluster = Self { policy, settings, hosts: Vec::new() };
        let high = cluster.number(Property::HighUtilization).unwrap_or(100);
        for place in places::places(db, id)? {
            cluster.hosts.push(Candidate {
                cpu_percent: engine.live.host(place.id).cpu_percent,
                busy_for: engine.live.busy_for(place.id, high),
                id: place.id,
                name: place.name,
                status: place.status,
                facts: engine.facts.read(place.id, place.facts),
                spm: place.spm,
                promised: place.promised,
            });
        }
        Ok(cluster)
    }

    /// A number of its policy.
    pub fn number(&self, property: Property) -> Option<u32> {
        self.policy.number(&self.settings.scheduling.properties, property)
    }

    /// The guests of a host as the policy counts them: the storage pool manager counts as having some more.
    pub fn count(&self, host: &Candidate) -> u32 {
        let grace = if host.spm { self.number(Property::SpmVmGrace).unwrap_or(0) } else { 0 };
        host.promised.vms + grace
    }

    /// One of its hosts.
    pub fn host(&self, id: HostId) -> Option<&Candidate> {
        self.hosts.iter().find(|host| host.id == id)
    }

    /// Why a VM cannot have so many virtual CPUs on a host, if the cluster's policy asks for it.
    pub fn refuses_cpus(&self, host: HostId, wanted: u32) -> Option<NoRoom> {
        let asked = self.policy.filters.contains(&Filter::Cpu);
        self.host(host).filter(|_| asked).and_then(|host| filters::cpus(self, wanted, host))
    }

    /// As it will be when a VM has come to a host, in the counts that decisions read.
    pub fn add(&mut self, need: &super::Need, to: HostId) {
        if let Some(host) = self.hosts.iter_mut().find(|host| host.id == to) {
            let promised = &mut host.promised;
            promised.memory_mib += need.memory_mib;
            promised.guaranteed_mib += need.guaranteed_mib;
            promised.vms += 1;
            promised.coming_vcpus += need.vcpus;
            promised.highly_available += u32::from(need.highly_available);
        }
    }
}

impl Candidate {
    /// CPUs that VMs can be given.
    pub fn cpus(&self, threads_as_cores: bool) -> u32 {
        let threads = if threads_as_cores { self.facts.threads_per_core } else { 1 };
        self.facts.sockets * self.facts.cores_per_socket * threads
    }

    /// MiB that can still be promised, within the cluster's overcommit and, for what must always be there, within what it has.
    pub fn free_mib(&self, settings: &ClusterSettings) -> (u64, u64) {
        let own = u64::from(self.promised.vms) * GUEST_OVERHEAD_MIB + HOST_RESERVED_MIB;
        let all = self.facts.memory_mib * settings.memory_overcommit.percent() / 100;
        (
            all.saturating_sub(self.promised.memory_mib + own),
            self.facts.memory_mib.saturating_sub(self.promised.guaranteed_mib + own),
        )
    }

    /// Its use in percent, with what VMs that are only coming will take at least (oVirt's VcpuConsumptionPercentage).
    pub fn expected_cpu(&self) -> f32 {
        const OF_A_VCPU: f32 = 10.0;
        #[expect(clippy::cast_precision_loss, reason = "counts of CPUs are small")]
        let (coming, cpus) = (self.promised.coming_vcpus as f32, self.facts.cpus().max(1) as f32);
        self.cpu_percent + coming * OF_A_VCPU / cpus
    }

    /// It has promised more than it has.
    pub fn is_full(&self, settings: &ClusterSettings) -> bool {
        let own = u64::from(self.promised.vms) * GUEST_OVERHEAD_MIB + HOST_RESERVED_MIB;
        let all = self.facts.memory_mib * settings.memory_overcommit.percent() / 100;
        self.facts.memory_mib > 0 && self.promised.memory_mib + own > all
    }
}

/// Memory that a guest can have on a host of this size.
pub(super) fn most_memory(facts: &HostFacts) -> u64 {
    facts.memory_mib.saturating_sub(HOST_RESERVED_MIB)
}
