//! Hosts are asked what they could be upgraded with, and upgraded. (The work is the job's.)

mod job;
mod program;
#[cfg(test)]
mod tests;

pub(in crate::engine) use job::UpgradeHost;

use super::enrol::admitted;
use super::maintenance::{self, about, told};
use crate::auth;
use crate::db::Db;
use crate::engine::jobs::{self, Kind as _, NewJob};
use crate::engine::{Cx, Engine, EngineError};
use crate::model::event::EventCode;
use crate::model::host::{HostAction, HostStatus};
use crate::model::host_upgrade::Found;
use crate::model::ids::{ClusterId, HostId, JobId};
use crate::model::role::Action;
use crate::store::hosts::upgrade as store;
use crate::store::hosts::write::{self, HostRow};
use crate::wire::host_upgrade::{CheckUpgrade, Program, ProgramInfo, UpgradeFound};
use futures_util::StreamExt as _;
use job::Args;
use std::sync::{Arc, PoisonError};

/// The reconciler that asks hosts.
pub(in crate::engine) const NAME: &str = "upgrades of hosts";
/// So many hosts are asked at a time.
const AT_ONCE: usize = 8;
/// So many packages are named in an event.
const NAMED: usize = 10;

/// A host is there (again): it is asked soon.
pub(super) fn greeted(engine: &Arc<Engine>, host: HostId) {
    engine.hosts.asked.lock().unwrap_or_else(PoisonError::into_inner).remove(&host);
    engine.reconcilers.wake(NAME);
}

/// Asks hosts that came, and all of them every so often.
///
/// # Errors
/// The database failed.
pub(in crate::engine) async fn keep(engine: &Arc<Engine>) -> Result<(), EngineError> {
    let Some(every) = engine.timing.upgrade_check else { return Ok(()) };
    let every = time::Duration::try_from(every).unwrap_or(time::Duration::MAX);
    let (rows, looks) = engine.db.read(|db| Ok::<_, EngineError>((write::all(db)?, store::looks(db)?))).await?;
    let long_ago = engine.clock.now().saturating_sub(every);
    let mut due = Vec::new();
    for row in rows.into_iter().filter(|row| row.status.allows(HostAction::CheckUpgrade)) {
        let (checked, refreshed) = looks.get(&row.id).copied().unwrap_or_default();
        let old = |at: Option<_>| at.is_none_or(|at| at <= long_ago);
        let fresh = engine.hosts.asked.lock().unwrap_or_else(PoisonError::into_inner).insert(row.id);
        if fresh || old(checked) {
            due.push((row, old(refreshed)));
        }
    }
    // A mirror may be slow: none waits for another's. One that does not answer is asked again when it comes back, or when its time has come.
    let asked = futures_util::stream::iter(due).for_each_concurrent(AT_ONCE, |(row, refresh)| async move {
        if let Err(error) = look(engine, row.id, refresh).await {
            tracing::info!(host = %row.name, %error, "it could not be asked what it could be upgraded with");
        }
    });
    asked.await;
    Ok(())
}

/// Asks a host, keeps what it says, and tells what is new of it.
///
/// # Errors
/// It does not answer or refuses, or the database failed.
pub(super) async fn look(
    engine: &Arc<Engine>,
    host: HostId,
    refresh: bool,
) -> Result<(UpgradeFound, Program), EngineError> {
    let program = engine.call(host, &ProgramInfo {}).await?;
    let offered = engine.call(host, &CheckUpgrade { refresh }).await?;
    let own = &engine.hosts.program.sum().await?.sha256;
    let found = Found {
        packages: offered.packages.clone(),
        more: offered.more,
        program: program.replaceable && &program.sha256 != own,
        reboot: offered.reboot_required,
        own: !program.replaceable,
        error: offered.error.clone(),
    };
    let (inner, refreshed) = (engine.clone(), refresh && offered.error.is_empty());
    engine.db.write(move |db| kept(&inner, db, host, &found, refreshed)).await?;
    Ok((offered, program))
}

fn kept(engine: &Arc<Engine>, db: &mut Db, host: HostId, found: &Found, refreshed: bool) -> Result<(), EngineError> {
    let Some(row) = write::row(db, host)? else { return Ok(()) };
    let (before, known) = store::set_found(db, host, found, engine.clock.now(), refreshed)?;
    let news = found.news();
    if news != known {
        if found.is_something() {
            engine.tell(db, EventCode::HostUpdatesAvailable, about(&row), &in_short(found))?;
        }
        store::set_told(db, host, &news)?;
    }
    if !found.error.is_empty() && found.error != before.error {
        engine.tell(db, EventCode::HostUpdatesFailed, about(&row), &found.error)?;
    }
    told(engine, host);
    Ok(())
}

fn in_short(found: &Found) -> String {
    let program = found.program.then(|| "vireo".to_owned());
    let names = found.packages.iter().take(NAMED).map(|p| p.name.clone());
    let rest = found.packages.len().saturating_sub(NAMED) + found.more;
    let rest = (rest > 0).then(|| format!("+{rest}"));
    program.into_iter().chain(names).chain(rest).collect::<Vec<_>>().join(", ")
}

/// Asks a host now, with lists that are fetched anew.
///
/// # Errors
/// Refused by its state, hidden, it does not answer, or the database failed.
pub async fn check(cx: &Cx, id: HostId) -> Result<(), EngineError> {
    let inner = cx.clone();
    let may = cx.engine.db.read(move |db| {
        auth::check(db, &inner.actor, HostAction::CheckUpgrade.permit(), id.object())?;
        admitted(db, id, HostAction::CheckUpgrade).map(drop)
    });
    may.await?;
    look(&cx.engine, id, true).await.map(drop)
}

/// Upgrades a host. One that is up is emptied first and activated afterwards. `reboot`: it is restarted if the upgrade needs that.
///
/// # Errors
/// Refused by its state, a VM could go nowhere, hidden, or the database failed.
pub async fn upgrade(cx: &Cx, id: HostId, reboot: bool) -> Result<JobId, EngineError> {
    let inner = cx.clone();
    let job = cx.engine.db.write(move |db| {
        auth::check(db, &inner.actor, HostAction::Upgrade.permit(), id.object())?;
        auth::check(db, &inner.actor, Action::ManipulateHost, id.object())?;
        let row = admitted(db, id, HostAction::Upgrade)?;
        inner.tell(db, EventCode::HostUpgradeStarted, about(&row), "")?;
        begin(&inner.engine, db, &row, &NewJob::asked(&inner, &row.name), (reboot, None))
    });
    let job = job.await?;
    jobs::kick(&cx.engine, job);
    Ok(job)
}

/// Keeps the task, in the caller's transaction. With a cluster: its turn in that is told of.
///
/// # Errors
/// Refused by its state, a VM could go nowhere, or the database failed.
pub(in crate::engine) fn begin(
    engine: &Arc<Engine>,
    db: &mut Db,
    row: &HostRow,
    new: &NewJob,
    (reboot, cluster): (bool, Option<ClusterId>),
) -> Result<JobId, EngineError> {
    let returns = row.status != HostStatus::Maintenance;
    if returns {
        maintenance::prepare(engine, db, row)?;
    }
    jobs::insert::<UpgradeHost>(db, new, &Args::new(row.id, returns, reboot, cluster), &[row.id.object()])
}

/// What the last upgrade of a host said, and the task that is under way.
///
/// # Errors
/// Hidden, or the database failed.
pub async fn log(cx: &Cx, id: HostId) -> Result<(String, Option<JobId>), EngineError> {
    let inner = cx.clone();
    cx.engine
        .db
        .read(move |db| {
            auth::see(db, &inner.actor, id.object())?;
            let holder = crate::store::jobs::holder(db, &[id.object()])?;
            let job = holder.filter(|(_, kind, _)| *kind == UpgradeHost::KIND).map(|(job, ..)| job);
            Ok((store::log(db, id)?.map(|(_, log)| log).unwrap_or_default(), job))
        })
        .await
}

/// What a task's package manager said; none: it upgrades no host.
///
/// # Errors
/// The database failed.
pub async fn log_of_job(cx: &Cx, job: JobId) -> Result<Option<String>, EngineError> {
    let inner = cx.clone();
    cx.engine
        .db
        .read(move |db| {
            let Some((host, log)) = store::log_of_job(db, job)? else { return Ok(None) };
            auth::see(db, &inner.actor, host.object())?;
            Ok(Some(log).filter(|log| !log.is_empty()))
        })
        .await
}
