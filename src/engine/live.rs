//! The newest statistics, in memory only: bounded by the number of hosts and running VMs.

use crate::model::guest::GuestDetails;
use crate::model::host::HostLoad;
use crate::model::ids::{HostId, VmId};
use crate::model::vm::VmLoad;
use crate::wire::{HostStats, VmStats};
use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Samples kept for a small chart.
const HISTORY: usize = 60;

/// What hosts told last.
#[derive(Debug, Default)]
pub struct Live(Mutex<Inner>);

#[derive(Debug, Default)]
struct Inner {
    hosts: HashMap<HostId, Track<HostLoad>>,
    /// For each percentage since when a host has been that busy at least.
    busy: HashMap<HostId, Vec<Instant>>,
    vms: HashMap<VmId, (HostId, Track<VmLoad>)>,
    /// What guests' agents told.
    guests: HashMap<VmId, GuestDetails>,
}

#[derive(Debug, Default)]
struct Track<T> {
    load: T,
    /// CPU percent, oldest first.
    cpu: VecDeque<f32>,
}

impl<T> Track<T> {
    fn push(&mut self, load: T, cpu: f32) {
        self.load = load;
        if self.cpu.len() == HISTORY {
            self.cpu.pop_front();
        }
        self.cpu.push_back(cpu);
    }
}

impl Live {
    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A host's sample; its VMs that are not in it run there no more.
    pub(in crate::engine) fn sample(&self, host: HostId, stats: &HostStats, vms: &[VmStats]) {
        let mut inner = self.inner();
        let load = HostLoad {
            cpu_percent: stats.cpu_percent,
            memory_used_mib: stats.memory_used_mib,
            memory_total_mib: stats.memory_total_mib,
            ksm_saved_mib: stats.ksm_saved_mib,
        };
        inner.hosts.entry(host).or_default().push(load, stats.cpu_percent);
        // One more entry for each percent that it is busier than before; what it is no more is forgotten.
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to 100")]
        let percent = stats.cpu_percent.clamp(0.0, 100.0) as usize;
        inner.busy.entry(host).or_default().resize(percent, Instant::now());
        inner.vms.retain(|vm, (at, _)| *at != host || vms.iter().any(|s| s.vm == *vm));
        let Inner { vms: known, guests, .. } = &mut *inner;
        guests.retain(|vm, _| known.contains_key(vm) || vms.iter().any(|s| s.vm == *vm));
        for vm in vms {
            let load = VmLoad {
                cpu_percent: vm.cpu_percent,
                memory_used_mib: vm.memory_used_mib,
                net_rx_bytes: vm.net_rx_bytes,
                net_tx_bytes: vm.net_tx_bytes,
                disk_read_bytes: vm.disk_read_bytes,
                disk_write_bytes: vm.disk_write_bytes,
            };
            let entry = inner.vms.entry(vm.vm).or_insert_with(|| (host, Track::default()));
            entry.0 = host;
            entry.1.push(load, vm.cpu_percent);
        }
    }

    /// A guest's agent told of it.
    pub(in crate::engine) fn tell_guest(&self, vm: VmId, details: GuestDetails) {
        self.inner().guests.insert(vm, details);
    }

    /// What a guest's agent told last; nothing where none did.
    pub fn guest(&self, vm: VmId) -> GuestDetails {
        self.inner().guests.get(&vm).cloned().unwrap_or_default()
    }

    /// The host is away: its numbers are not true any more.
    pub(in crate::engine) fn forget(&self, host: HostId) {
        let mut inner = self.inner();
        inner.hosts.remove(&host);
        inner.busy.remove(&host);
        inner.vms.retain(|_, (at, _)| *at != host);
    }

    /// For how long a host has been used so many percent at least, without a break.
    pub(in crate::engine) fn busy_for(&self, id: HostId, percent: u32) -> Duration {
        let inner = self.inner();
        let at = percent.saturating_sub(1) as usize;
        inner.busy.get(&id).and_then(|since| since.get(at)).map(Instant::elapsed).unwrap_or_default()
    }

    /// A host's load; zeros where nothing is known.
    pub fn host(&self, id: HostId) -> HostLoad {
        self.inner().hosts.get(&id).map(|t| t.load).unwrap_or_default()
    }
    /// A VM's load; zeros where nothing is known.
    pub fn vm(&self, id: VmId) -> VmLoad {
        self.inner().vms.get(&id).map(|(_, t)| t.load).unwrap_or_default()
    }
    /// A host's CPU percents, oldest first.
    pub fn host_history(&self, id: HostId) -> Vec<f32> {
        self.inner().hosts.get(&id).map(|t| t.cpu.iter().copied().collect()).unwrap_or_default()
    }
    /// A VM's CPU percents, oldest first.
    pub fn vm_history(&self, id: VmId) -> Vec<f32> {
        self.inner().vms.get(&id).map(|(_, t)| t.cpu.iter().copied().collect()).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stats(vm: VmId, cpu_percent: f32) -> VmStats {
        VmStats {
            vm,
            cpu_percent,
            memory_used_mib: 1,
            net_rx_bytes: 0,
            net_tx_bytes: 0,
            disk_read_bytes: 0,
            disk_write_bytes: 0,
        }
    }

    #[test]
    fn keeps_the_newest_and_no_more_than_it_needs() {
        let (live, host, vm, gone) = (Live::default(), HostId::random(), VmId::random(), VmId::random());
        live.sample(host, &HostStats::default(), &[stats(vm, 1.0), stats(gone, 1.0)]);
        for n in 0..100u8 {
            live.sample(
                host,
                &HostStats { cpu_percent: f32::from(n), ..HostStats::default() },
                &[stats(vm, f32::from(n))],
            );
        }
        assert!((live.vm(vm).cpu_percent - 99.0).abs() < 0.1);
        assert_eq!(live.vm_history(vm).len(), HISTORY);
        assert!(live.vm_history(gone).is_empty());
        assert!(live.busy_for(host, 99) < live.busy_for(host, 50), "50 percent came earlier");
        live.sample(host, &HostStats { cpu_percent: 60.0, ..HostStats::default() }, &[]);
        assert!(live.busy_for(host, 61).is_zero() && !live.busy_for(host, 60).is_zero());
        live.forget(host);
        assert!(live.host_history(host).is_empty() && live.vm_history(vm).is_empty());
    }
}
