//! The dashboard's numbers.

use crate::auth;
use crate::engine::{Cx, EngineError, catalog, events};
use crate::model::data_center::DataCenterStatus;
use crate::model::event::Severity;
use crate::model::host::HostStatus;
use crate::model::page::ListQuery;
use crate::model::storage_domain::StorageDomainStatus;
use crate::model::vm::VmStatus;
use crate::store::vms::tally::{self, by_status};

/// How many of a kind are in which state.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    pub total: u32,
    /// Up, active, ok.
    pub good: u32,
    /// Down or in maintenance, as somebody wanted.
    pub idle: u32,
    /// Not as it should be.
    pub bad: u32,
}

/// Used of what there is.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Usage {
    pub used: f64,
    pub total: f64,
    /// Promised to VMs (vCPUs, memory, virtual disk sizes).
    pub committed: f64,
}

/// All of it, as the actor may see it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Dashboard {
    pub data_centers: Tally,
    pub clusters: Tally,
    pub hosts: Tally,
    pub storage_domains: Tally,
    pub vms: Tally,
    /// The newest: good is normal, idle is a warning, bad is an error.
    pub events: Tally,
    /// CPUs.
    pub cpu: Usage,
    /// MiB.
    pub memory: Usage,
    /// Bytes.
    pub storage: Usage,
    /// Directories whose clock is another's: by how much they are ahead.
    pub skews: Vec<(String, time::Duration)>,
}

/// In which of a tally's columns something counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Is {
    Good,
    Idle,
    Bad,
    /// On its way: in the total only.
    Between,
}

fn count<T>(rows: &[T], is: impl Fn(&T) -> Is) -> Tally {
    let in_state = |wanted| u32::try_from(rows.iter().filter(|row| is(row) == wanted).count()).unwrap_or(u32::MAX);
    Tally {
        total: u32::try_from(rows.len()).unwrap_or(u32::MAX),
        good: in_state(Is::Good),
        idle: in_state(Is::Idle),
        bad: in_state(Is::Bad),
    }
}

fn vm_tally(by_status: &[tally::Tally]) -> Tally {
    let sum = |wanted: fn(Is) -> bool| {
        let vms = by_status.iter().filter(|t| wanted(vm(t.status))).map(|t| t.vms).sum::<i64>();
        u32::try_from(vms).unwrap_or(u32::MAX)
    };
    Tally {
        total: sum(|_| true),
        good: sum(|is| is == Is::Good),
        idle: sum(|is| is == Is::Idle),
        bad: sum(|is| is == Is::Bad),
    }
}

const fn vm(status: VmStatus) -> Is {
    match status {
        VmStatus::Up => Is::Good,
        VmStatus::Down | VmStatus::Suspended => Is::Idle,
        VmStatus::Unknown | VmStatus::NotResponding | VmStatus::ImageIllegal | VmStatus::Paused => Is::Bad,
        _ => Is::Between,
    }
}

const fn host(status: HostStatus) -> Is {
    match status {
        HostStatus::Up => Is::Good,
        HostStatus::Maintenance | HostStatus::PreparingForMaintenance => Is::Idle,
        HostStatus::NonResponsive | HostStatus::NonOperational | HostStatus::Error | HostStatus::InstallFailed => {
            Is::Bad
        }
        _ => Is::Between,
    }
}

const fn domain(status: StorageDomainStatus) -> Is {
    match status {
        StorageDomainStatus::Active => Is::Good,
        StorageDomainStatus::Maintenance | StorageDomainStatus::Unattached => Is::Idle,
        StorageDomainStatus::Inactive | StorageDomainStatus::Unknown => Is::Bad,
        _ => Is::Between,
    }
}

#[expect(clippy::cast_precision_loss, reason = "shown as bars")]
const fn amount(n: u64) -> f64 {
    n as f64
}

/// The dashboard.
///
/// # Errors
/// The database failed.
pub async fn get(cx: &Cx) -> Result<Dashboard, EngineError> {
    let all = ListQuery { max: u32::MAX, ..ListQuery::default() };
    let data_centers = catalog::data_centers(cx, &all).await?.rows;
    let clusters = catalog::clusters(cx, &all).await?.rows;
    let hosts = catalog::hosts(cx, &all).await?.rows;
    let domains = catalog::storage_domains(cx, &all).await?.rows;
    let actor = cx.actor.clone();
    let vms = cx
        .engine
        .db
        .read(move |db| {
            let scope = auth::visible(db, &actor)?;
            Ok::<_, EngineError>(by_status(db, &scope)?)
        })
        .await?;
    let events = events::list(cx, &ListQuery { max: 100, ..ListQuery::default() }, None).await?.rows;
    let up = || hosts.iter().filter(|h| h.status == HostStatus::Up);
    let running = || vms.iter().filter(|v| v.status.is_running());
    Ok(Dashboard {
        skews: cx.engine.directories.skews(),
        data_centers: count(&data_centers, |d| match d.status {
            DataCenterStatus::Up => Is::Good,
            DataCenterStatus::Maintenance | DataCenterStatus::Uninitialized => Is::Idle,
            _ => Is::Bad,
        }),
        clusters: count(&clusters, |_| Is::Good),
        hosts: count(&hosts, |h| host(h.status)),
        storage_domains: count(&domains, |d| domain(d.status)),
        vms: vm_tally(&vms),
        events: count(&events, |e| match e.severity {
            Severity::Normal => Is::Good,
            Severity::Warning => Is::Idle,
            Severity::Error | Severity::Alert => Is::Bad,
        }),
        cpu: Usage {
            used: up().map(|h| f64::from(h.load.cpu_percent) / 100.0 * f64::from(h.facts.cpus())).sum(),
            total: up().map(|h| f64::from(h.facts.cpus())).sum(),
            committed: running().map(|v| amount(v.vcpus.unsigned_abs())).sum(),
        },
        memory: Usage {
            used: up().map(|h| amount(h.load.memory_used_mib)).sum(),
            total: up().map(|h| amount(h.facts.memory_mib)).sum(),
            committed: running().map(|v| amount(v.memory_mib.unsigned_abs())).sum(),
        },
        storage: Usage {
            used: domains.iter().map(|d| amount(d.total_bytes.saturating_sub(d.available_bytes))).sum(),
            total: domains.iter().map(|d| amount(d.total_bytes)).sum(),
            committed: domains.iter().map(|d| amount(d.committed_bytes)).sum(),
        },
    })
}
