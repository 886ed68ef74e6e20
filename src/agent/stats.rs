//! Load of the host and its guests, every few seconds.

use super::connection::Libvirt;
use super::error::from_libvirt;
use super::events::Hub;
use super::{ffi, ksm};
use crate::model::ids::VmId;
use crate::wire::{HostEvent, HostStats, VmStats};
use std::collections::HashMap;
use std::time::{Duration, Instant};

const PERIOD: Duration = Duration::from_secs(5);

/// Samples for ever.
pub async fn run(libvirt: Libvirt, hub: Hub) {
    let mut tick = tokio::time::interval(PERIOD);
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut host = HostSampler::default();
    let mut before: HashMap<VmId, (u64, Instant)> = HashMap::new();
    loop {
        tick.tick().await;
        let sampled = libvirt.report(|c| ffi::all_stats(c).map_err(|e| from_libvirt("statistics", &e))).await;
        let now = Instant::now();
        let all = match sampled {
            Ok(all) => all,
            Err(e) => {
                tracing::debug!("{e}");
                hub.tell(HostEvent::Alive);
                continue;
            }
        };
        let mut fresh = HashMap::with_capacity(all.len());
        let vms = all.iter().map(|raw| vm_stats(raw, now, &before, &mut fresh)).collect();
        before = fresh;
        hub.tell(HostEvent::Stats { host: host.sample(), vms });
    }
}

fn vm_stats(
    raw: &ffi::DomainStats,
    now: Instant,
    before: &HashMap<VmId, (u64, Instant)>,
    fresh: &mut HashMap<VmId, (u64, Instant)>,
) -> VmStats {
    let vm = VmId(raw.vm);
    let one = |name: &str| raw.numbers.iter().find(|(n, _)| n == name).map_or(0, |(_, v)| *v);
    let sum = |start: &str, end: &str| -> u64 {
        raw.numbers.iter().filter(|(n, _)| n.starts_with(start) && n.ends_with(end)).map(|(_, v)| *v).sum()
    };
    let cpu_ns = one("cpu.time");
    let cpu_percent = before.get(&vm).map_or(0.0, |(earlier, at)| {
        let wall = now.duration_since(*at).as_secs_f32() * one("vcpu.current").max(1) as f32;
        (cpu_ns.saturating_sub(*earlier) as f32 / 1e9 / wall.max(0.1) * 100.0).clamp(0.0, 100.0)
    });
    fresh.insert(vm, (cpu_ns, now));
    let (available, unused) = (one("balloon.available"), one("balloon.unused"));
    let used_kib = if available > 0 { available.saturating_sub(unused) } else { one("balloon.rss") };
    VmStats {
        vm,
        cpu_percent,
        memory_used_mib: used_kib / 1024,
        net_rx_bytes: sum("net.", ".rx.bytes"),
        net_tx_bytes: sum("net.", ".tx.bytes"),
        disk_read_bytes: sum("block.", ".rd.bytes"),
        disk_write_bytes: sum("block.", ".wr.bytes"),
    }
}

/// The host's own load out of /proc.
#[derive(Default)]
struct HostSampler {
    busy: u64,
    total: u64,
}

impl HostSampler {
    fn sample(&mut self) -> HostStats {
        let (busy, total) = cpu_times().unwrap_or_default();
        let (more_busy, more) = (busy.saturating_sub(self.busy), total.saturating_sub(self.total));
        (self.busy, self.total) = (busy, total);
        let (used, all) = memory().unwrap_or_default();
        HostStats {
            cpu_percent: if more == 0 { 0.0 } else { more_busy as f32 / more as f32 * 100.0 },
            memory_used_mib: used / 1024,
            memory_total_mib: all / 1024,
            ksm_saved_mib: ksm::saved_mib(),
        }
    }
}

/// Busy and all ticks since the machine's start (proc(5), first line of /proc/stat).
fn cpu_times() -> Option<(u64, u64)> {
    let text = std::fs::read_to_string("/proc/stat").ok()?;
    let ticks: Vec<u64> = text.lines().next()?.split_whitespace().skip(1).filter_map(|t| t.parse().ok()).collect();
    let total: u64 = ticks.iter().take(8).sum();
    let idle = ticks.get(3)? + ticks.get(4)?;
    Some((total - idle, total))
}

/// Used and all memory in KiB.
fn memory() -> Option<(u64, u64)> {
    let text = std::fs::read_to_string("/proc/meminfo").ok()?;
    let field = |name: &str| text.lines().find(|l| l.starts_with(name))?.split_whitespace().nth(1)?.parse::<u64>().ok();
    let total = field("MemTotal:")?;
    Some((total.saturating_sub(field("MemAvailable:")?), total))
}
