//! What the agent reports: one broadcast that every event stream reads.

use crate::model::ids::VmId;
use crate::wire::event::{DomainState, StopReason};
use crate::wire::{DomainReport, HostEvent};
use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::{Notify, broadcast};

/// How long a guest's reboot is remembered; an engine waits less for it.
const REBOOTS_KEPT: Duration = Duration::from_secs(600);

/// The agent's news. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Hub {
    news: broadcast::Sender<HostEvent>,
    newcomer: Arc<Notify>,
    reboots: Arc<Mutex<HashMap<VmId, Instant>>>,
    /// Guests that their watchdog powered off; libvirt says that their QEMU crashed, for nobody told it to end.
    powered_off: Arc<Mutex<HashSet<VmId>>>,
}

impl Default for Hub {
    fn default() -> Self {
        Self {
            news: broadcast::channel(1024).0,
            newcomer: Arc::default(),
            reboots: Arc::default(),
            powered_off: Arc::default(),
        }
    }
}

impl Hub {
    pub fn tell(&self, event: HostEvent) {
        // No engine listens just now: it gets a snapshot when it does.
        let _ = self.news.send(event);
    }
    pub fn domain(&self, report: DomainReport) {
        let reports = self.with_reasons(vec![report]);
        reports.into_iter().for_each(|report| self.tell(HostEvent::Domain(report)));
    }
    pub fn watchdog(&self, vm: VmId, powers_off: bool) {
        if powers_off {
            self.powered_off.lock().unwrap_or_else(PoisonError::into_inner).insert(vm);
        }
        self.tell(HostEvent::Watchdog { vm });
    }
    /// With what libvirt does not say of why they stopped.
    pub fn with_reasons(&self, mut reports: Vec<DomainReport>) -> Vec<DomainReport> {
        let mut powered_off = self.powered_off.lock().unwrap_or_else(PoisonError::into_inner);
        for report in &mut reports {
            match report.stop_reason {
                Some(StopReason::Shutdown | StopReason::Crashed) if powered_off.contains(&report.vm) => {
                    report.stop_reason = Some(StopReason::Watchdog);
                }
                // It runs again.
                None if report.state == DomainState::Running && report.agent_connected => {
                    powered_off.remove(&report.vm);
                }
                _ => {}
            }
        }
        reports
    }
    pub fn rebooted(&self, vm: VmId) {
        let mut reboots = self.reboots.lock().unwrap_or_else(PoisonError::into_inner);
        reboots.retain(|_, at| at.elapsed() < REBOOTS_KEPT);
        reboots.insert(vm, Instant::now());
        drop(reboots);
        self.tell(HostEvent::Rebooted { vm, millis_ago: 0 });
    }
    /// Each guest's latest reboot, for who comes late.
    pub fn reboots(&self) -> Vec<HostEvent> {
        let reboots = self.reboots.lock().unwrap_or_else(PoisonError::into_inner);
        reboots
            .iter()
            .map(|(&vm, at)| HostEvent::Rebooted {
                vm,
                millis_ago: u64::try_from(at.elapsed().as_millis()).unwrap_or(u64::MAX),
            })
            .collect()
    }
    pub fn listen(&self) -> broadcast::Receiver<HostEvent> {
        self.newcomer.notify_one();
        self.news.subscribe()
    }
    /// Somebody listens who has not heard what was told before.
    pub async fn newcomer(&self) {
        self.newcomer.notified().await;
    }
}
