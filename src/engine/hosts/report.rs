//! What a host reports of its domains, set against what is intended. Every report may come twice or late.

use crate::db::Db;
use crate::engine::vms::ha;
use crate::engine::vms::state::{self, about, change, set_off};
use crate::engine::{Engine, EngineError};
use crate::model::event::EventCode;
use crate::model::ids::{HostId, VmId};
use crate::model::vm_settings::{Running, Watchdog};
use crate::model::vm_state::{Intent, Observed};
use crate::store::vms::run::{self, VmRun, Which};
use crate::wire::event::{DomainState, StopReason};
use crate::wire::{DomainReport, GuestReport, ListDomains, StopVm};
use std::collections::HashSet;
use std::sync::Arc;

/// A report takes a moment, not always as long: two reboots so near each other are one.
const SAME_REBOOT: time::Duration = time::Duration::milliseconds(500);

/// What is to be done on the host after a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Then {
    Nothing,
    /// It runs where it must not.
    Stop(VmId),
}

/// All domains of a host: what is not among them does not run there.
///
/// # Errors
/// The database failed.
pub(super) async fn snapshot(
    engine: &Arc<Engine>,
    host: HostId,
    mut domains: Vec<DomainReport>,
) -> Result<(), EngineError> {
    let known: HashSet<VmId> = domains.iter().map(|d| d.vm).collect();
    let here = engine.db.read(move |db| Ok::<_, EngineError>(run::find(db, Which::OnHost(host))?)).await?;
    domains.extend(here.into_iter().filter(|run| !known.contains(&run.vm)).map(|run| missing(run.vm)));
    events(engine, host, domains).await
}

fn missing(vm: VmId) -> DomainReport {
    DomainReport { vm, state: DomainState::Missing, stop_reason: None, agent_connected: false }
}

/// Reports from the event stream. They may be older than what a verb answered meanwhile, so nobody is declared dead by them alone:
/// the host is asked again, after the VM was last seen alive.
///
/// # Errors
/// The database failed.
pub(in crate::engine) async fn events(
    engine: &Arc<Engine>,
    host: HostId,
    mut reports: Vec<DomainReport>,
) -> Result<(), EngineError> {
    while !reports.is_empty() {
        let asked = ask_again(engine, host, &mut reports).await?;
        let inner = engine.clone();
        let (thens, unsure) = engine
            .db
            .write(move |db| {
                let (mut thens, mut unsure) = (Vec::new(), Vec::new());
                for report in reports {
                    // What lives on another host was moved there: this one need not be asked.
                    let here = |run: &VmRun| run.host == Some(host) && run.observed.is_living();
                    let lives = run::get(db, report.vm)?.is_some_and(|run| here(&run));
                    // It came to life between the question and now.
                    if lives && !observed(&report).is_living() && !asked.contains(&report.vm) {
                        unsure.push(report);
                    } else {
                        thens.push(apply(&inner, db, host, &report)?);
                    }
                }
                Ok::<_, EngineError>((thens, unsure))
            })
            .await?;
        obey(engine, host, thens);
        reports = unsure;
    }
    Ok(())
}

/// Asks the host about those who live and are reported dead, and corrects the reports; says who they are. Where it cannot be asked,
/// the reports go: its next snapshot tells.
async fn ask_again(
    engine: &Arc<Engine>,
    host: HostId,
    reports: &mut Vec<DomainReport>,
) -> Result<HashSet<VmId>, EngineError> {
    let dead: HashSet<VmId> = reports.iter().filter(|r| !observed(r).is_living()).map(|r| r.vm).collect();
    let here = engine.db.read(move |db| Ok::<_, EngineError>(run::find(db, Which::OnHost(host))?)).await?;
    let lived: HashSet<VmId> =
        here.iter().filter(|run| run.observed.is_living() && dead.contains(&run.vm)).map(|run| run.vm).collect();
    if lived.is_empty() {
        return Ok(lived);
    }
    let now = match engine.call(host, &ListDomains {}).await {
        Ok(now) => now,
        Err(EngineError::Unavailable(_)) => {
            reports.retain(|report| !lived.contains(&report.vm));
            return Ok(lived);
        }
        Err(error) => return Err(error),
    };
    for report in reports.iter_mut().filter(|report| lived.contains(&report.vm)) {
        if let Some(alive) = now.iter().find(|n| n.vm == report.vm && observed(n).is_living()) {
            report.clone_from(alive);
        }
    }
    Ok(lived)
}

/// What a verb's answer says of a domain.
///
/// # Errors
/// The database failed.
pub(in crate::engine) async fn domain(
    engine: &Arc<Engine>,
    host: HostId,
    report: DomainReport,
) -> Result<(), EngineError> {
    let inner = engine.clone();
    let then = engine.db.write(move |db| apply(&inner, db, host, &report)).await?;
    obey(engine, host, vec![then]);
    Ok(())
}

/// Stops what must not run; whether it worked the next report tells.
fn obey(engine: &Arc<Engine>, host: HostId, thens: Vec<Then>) {
    for then in thens {
        let Then::Stop(vm) = then else { continue };
        let engine = engine.clone();
        tokio::spawn(async move {
            tracing::warn!(%vm, %host, "runs though it must not; it is powered off");
            if let Err(error) = engine.call(host, &StopVm { vm }).await {
                tracing::warn!(%vm, %host, %error, "could not be powered off");
            }
        });
    }
}

fn observed(report: &DomainReport) -> Observed {
    match report.state {
        DomainState::Running | DomainState::Migrating | DomainState::PostCopy => Observed::Running,
        DomainState::Paused => Observed::Paused,
        DomainState::PausedIo => Observed::PausedIo,
        DomainState::Shutdown => Observed::Stopping,
        DomainState::Shutoff | DomainState::Missing => Observed::Off,
        DomainState::Saved => Observed::Saved,
        DomainState::Crashed => Observed::Crashed,
    }
}

fn apply(engine: &Arc<Engine>, db: &mut Db, host: HostId, report: &DomainReport) -> Result<Then, EngineError> {
    let Some(before) = run::get(db, report.vm)? else {
        if observed(report).is_living() && !crate::store::pools::memory::is_guest(db, report.vm)? {
            tracing::warn!(vm = %report.vm, %host, "a guest runs that this engine does not know; it is left alone");
        }
        return Ok(Then::Nothing);
    };
    let now = observed(report);
    if before.host.is_some_and(|at| at != host) || (before.host.is_none() && before.intent != Intent::Suspended) {
        let stop = now.is_living() && !run::is_locked(db, report.vm)?;
        return Ok(if stop { Then::Stop(report.vm) } else { Then::Nothing });
    }
    if now.is_living() { living(engine, db, report, now) } else { dead(engine, db, &before, report, now) }
}

fn living(engine: &Arc<Engine>, db: &mut Db, report: &DomainReport, now: Observed) -> Result<Then, EngineError> {
    let run = change(engine, db, report.vm, |run| {
        if !run.observed.is_living() {
            run.started = run.started.or(Some(engine.clock.now()));
            run.reason.clear();
        }
        run.observed = now;
        run.agent = report.agent_connected && now == Observed::Running;
        Ok(())
    })?;
    if run.intent != Intent::Off {
        crate::store::vms::ha::forget(db, report.vm)?;
    } else {
        let engine = engine.clone();
        crate::db::after_commit(move || engine.reconcilers.wake("unwanted guests"));
    }
    Ok(Then::Nothing)
}

fn dead(
    engine: &Arc<Engine>,
    db: &mut Db,
    before: &VmRun,
    report: &DomainReport,
    now: Observed,
) -> Result<Then, EngineError> {
    let died = before.observed.is_living();
    // On its way to another host: its job asks both.
    if before.intent == Intent::Migrate {
        return Ok(Then::Nothing);
    }
    // A start in flight: the domain is not there yet, and its job decides.
    if !died && !matches!(before.intent, Intent::Off) {
        return Ok(Then::Nothing);
    }
    let saved = now == Observed::Saved;
    let (bad, reason) = explain(report);
    change(engine, db, report.vm, |run| {
        match run.intent {
            // Its job has the last word. (libvirt tells of the stop before it tells of the saved state, and both may come late, after
            // a report of it alive that was later still.)
            Intent::Suspend | Intent::Suspended if saved || report.stop_reason == Some(StopReason::Saved) => {
                run.observed = Observed::Saved;
                run.agent = false;
            }
            Intent::Run | Intent::Restore | Intent::Reboot | Intent::Shutdown if saved => {
                run.intent = Intent::Suspended;
                run.observed = now;
                run.agent = false;
            }
            _ => set_off(engine, run, if bad { reason } else { "" }),
        }
        Ok(())
    })?;
    if died && !saved && before.intent != Intent::Off {
        let code = if bad { EventCode::VmDownError } else { EventCode::VmDown };
        engine.tell(db, code, about(before), reason)?;
        if bad {
            ha::went_down(engine, db, before)?;
        }
    }
    Ok(Then::Nothing)
}

/// Whether it went down badly, and why.
fn explain(report: &DomainReport) -> (bool, &'static str) {
    if report.state == DomainState::Missing {
        return (true, "Its host does not know it any more; the host was restarted, perhaps.");
    }
    match report.stop_reason {
        Some(StopReason::Shutdown) => (false, "The guest shut down."),
        Some(StopReason::Destroyed) => (false, "It was powered off outside of the engine."),
        Some(StopReason::Crashed) => (true, "Its QEMU process crashed."),
        Some(StopReason::Watchdog) => (true, "Its watchdog powered it off."),
        Some(StopReason::Failed) => (true, "Its QEMU process could not start."),
        Some(StopReason::Saved) => (false, "Its memory was saved outside of the engine."),
        Some(StopReason::Migrated) => (false, "It was moved to another host outside of the engine."),
        Some(StopReason::Unknown) | None => (false, ""),
    }
}

/// The guest did not stroke its watchdog; what that does to it comes as a report of its own.
///
/// # Errors
/// The database failed.
pub(super) async fn watchdog(engine: &Arc<Engine>, host: HostId, vm: VmId) -> Result<(), EngineError> {
    let inner = engine.clone();
    engine
        .db
        .write(move |db| {
            let Some(run) = run::get(db, vm)?.filter(|run| run.host == Some(host)) else { return Ok(()) };
            let action = Running::from_json(&run.launched).map(|running| running.hardware.settings.watchdog);
            let action = action.unwrap_or(Watchdog::None);
            inner.tell(db, EventCode::WatchdogEvent, about(&run), action.as_str())
        })
        .await
}

/// The guest began to reboot: it boots, and its agent is not there until it says so.
///
/// # Errors
/// The database failed.
pub(super) async fn rebooted(engine: &Arc<Engine>, vm: VmId, millis_ago: u64) -> Result<(), EngineError> {
    if engine.db.read(move |db| Ok::<_, EngineError>(run::get(db, vm)?)).await?.is_none() {
        return Ok(());
    }
    let ago = time::Duration::milliseconds(i64::try_from(millis_ago).unwrap_or(i64::MAX));
    let at = engine.clock.now().saturating_sub(ago);
    let edit = move |run: &mut VmRun| {
        // Known already: told when it happened, and once more.
        if millis_ago > 0 && run.started.is_some_and(|started| started.saturating_add(SAME_REBOOT) >= at) {
            return Ok(());
        }
        if run.intent == Intent::Reboot {
            run.intent = Intent::Run;
        }
        if run.observed.is_living() {
            run.agent = false;
            run.started = Some(at);
        }
        Ok(())
    };
    state::write(engine, vm, edit).await.map(drop)
}

/// The guest agent told something. What is known already costs no write: agents tell the same every few seconds.
///
/// # Errors
/// The database failed.
pub(super) async fn guest(engine: &Arc<Engine>, report: GuestReport) -> Result<(), EngineError> {
    let vm = report.vm;
    engine.live.tell_guest(vm, report.details.clone());
    let take = move |run: &mut VmRun| {
        if run.observed == Observed::Running {
            run.agent = true;
            run.addresses.clone_from(&report.addresses);
            run.fqdn = report.hostname.clone().unwrap_or_default();
            run.guest_os = report.os.clone().unwrap_or_default();
        }
    };
    let Some(known) = engine.db.read(move |db| Ok::<_, EngineError>(run::get(db, vm)?)).await? else {
        return Ok(());
    };
    let mut new = known.clone();
    take(&mut new);
    if new == known {
        return Ok(());
    }
    let edit = move |run: &mut VmRun| {
        take(run);
        Ok(())
    };
    state::write(engine, vm, edit).await.map(drop)
}
