//! A host is emptied, rests, comes back, or goes for good.

use super::enrol::admitted;
use crate::auth;
use crate::db::Db;
use crate::engine::changes::Topic;
use crate::engine::jobs::{self, JobContext, Kind, NewJob, Next, Outcome, steps};
use crate::engine::scheduler::{self, Cluster, Need, Tie};
use crate::engine::vms::migrate::{self, Wanted};
use crate::engine::{Cx, Engine, EngineError};
use crate::model::conflict::Conflict;
use crate::model::event::{About, EventCode};
use crate::model::host::{HostAction, HostStatus};
use crate::model::ids::{HostId, JobId, VmId};
use crate::model::job::JobKind;
use crate::model::permission::ObjectKind;
use crate::model::role::Action;
use crate::model::vm::VmAction;
use crate::model::vm_state::Intent;
use crate::store::hosts::write::{self, HostRow};
use crate::store::vms::run::{self, VmRun, Which};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

/// So many VMs are on their way at a time; agents let fewer leave at once.
const AT_ONCE: usize = 4;
/// A VM is tried so often.
const TRIES: u32 = 3;
const LOOK: Duration = Duration::from_secs(1);

/// Where a VM of a host would go, or why it cannot.
#[derive(Debug)]
pub struct Leaving {
    pub vm: VmId,
    pub name: String,
    pub to: Result<String, EngineError>,
}

/// What would become of the host's VMs if it were emptied now.
///
/// # Errors
/// Hidden, or the database failed.
pub async fn plan(cx: &Cx, id: HostId) -> Result<Vec<Leaving>, EngineError> {
    let inner = cx.clone();
    cx.engine
        .db
        .read(move |db| {
            auth::see(db, &inner.actor, id.object())?;
            planned(&inner.engine, db, id)
        })
        .await
}

/// One after another: each takes room that the next has not.
fn planned(engine: &Engine, db: &mut Db, id: HostId) -> Result<Vec<Leaving>, EngineError> {
    let staying = staying(db, id)?;
    let Some(row) = write::row(db, id)?.filter(|_| !staying.is_empty()) else { return Ok(Vec::new()) };
    let mut cluster = Cluster::load(engine, db, row.cluster)?;
    let mut leaving = Vec::new();
    for run in staying {
        let config = migrate::config(db, run.vm)?;
        let need = Need::load(db, &config, Tie::From(id, None))?;
        let to = migrate::may_leave(&config, &run, false).and_then(|()| scheduler::choose(&cluster, &need));
        let to = to.map(|(host, _)| {
            cluster.add(&need, host);
            cluster.host(host).map(|host| host.name.clone()).unwrap_or_default()
        });
        leaving.push(Leaving { vm: run.vm, name: run.name, to });
    }
    Ok(leaving)
}

/// VMs with a QEMU process there, or perhaps one.
fn staying(db: &mut Db, id: HostId) -> Result<Vec<VmRun>, EngineError> {
    let all = run::find(db, Which::OnHost(id))?;
    Ok(all.into_iter().filter(|run| run.observed.is_living() || run.status.is_running()).collect())
}

/// Empties a host; then it is in maintenance. The same if it is empty.
///
/// # Errors
/// Refused by its state, a VM could go nowhere, hidden, or the database failed.
pub async fn deactivate(cx: &Cx, id: HostId) -> Result<JobId, EngineError> {
    let inner = cx.clone();
    let job = cx
        .engine
        .db
        .write(move |db| {
            auth::check(db, &inner.actor, Action::ManipulateHost, id.object())?;
            let row = admitted(db, id, HostAction::Deactivate)?;
            prepare(&inner.engine, db, &row)?;
            inner.tell(db, EventCode::HostMaintenanceAsked, about(&row), "")?;
            let args = Args { host: id, tries: HashMap::new() };
            jobs::insert::<EmptyHost>(db, &NewJob::asked(&inner, &row.name), &args, &[id.object()])
        })
        .await?;
    jobs::kick(&cx.engine, job);
    Ok(job)
}

/// What keeps a host from being emptied now.
///
/// # Errors
/// A VM could go nowhere, or the database failed.
pub(in crate::engine) fn can_leave(engine: &Engine, db: &mut Db, row: &HostRow) -> Result<(), EngineError> {
    let leaving = planned(engine, db, row.id)?;
    let answers = matches!(row.status, HostStatus::Up | HostStatus::NonOperational);
    if !answers && !leaving.is_empty() {
        let vms = i64::try_from(leaving.len()).unwrap_or(i64::MAX);
        return Err(Conflict::HostHasVms { host: row.name.clone(), vms }.into());
    }
    let stuck: Vec<String> = leaving.iter().filter_map(|one| Some(one.to.as_ref().err()?.to_string())).collect();
    if stuck.is_empty() {
        return Ok(());
    }
    Err(Conflict::NowhereToGo { host: row.name.clone(), why: stuck.join("; ") }.into())
}

/// From now on the host takes no VMs, and is to be emptied.
///
/// # Errors
/// A VM could go nowhere, somebody changed the host meanwhile, or the database failed.
pub(super) fn prepare(engine: &Arc<Engine>, db: &mut Db, row: &HostRow) -> Result<(), EngineError> {
    can_leave(engine, db, row)?;
    if !write::set_status(db, row, HostStatus::PreparingForMaintenance, "")? {
        return Err(Conflict::ChangedMeanwhile.into());
    }
    told(engine, row.id);
    Ok(())
}

/// Brings a host back, or has it stay while it is being emptied.
///
/// # Errors
/// Refused by its state, hidden, or the database failed.
pub async fn activate(cx: &Cx, id: HostId) -> Result<(), EngineError> {
    let inner = cx.clone();
    cx.engine
        .db
        .write(move |db| {
            auth::check(db, &inner.actor, Action::ManipulateHost, id.object())?;
            let row = admitted(db, id, HostAction::Activate)?;
            let stays = row.status == HostStatus::PreparingForMaintenance;
            let next = if stays { HostStatus::Up } else { HostStatus::Unassigned };
            if !write::set_status(db, &row, next, "")? {
                return Err(Conflict::ChangedMeanwhile.into());
            }
            told(&inner.engine, id);
            inner.tell(db, EventCode::HostActivated, about(&row), "")
        })
        .await?;
    // It is greeted as one that is new.
    cx.engine.hosts.hang_up(id);
    super::connect_all(&cx.engine).await
}

/// What the job knows.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(in crate::engine) struct Args {
    host: HostId,
    tries: Tries,
}

steps! { Step { Empty = "empty", } }

/// The job.
pub(in crate::engine) struct EmptyHost;

/// How often each VM was sent off.
pub(super) type Tries = HashMap<VmId, u32>;

/// Sends VMs away until none is left.
pub(super) async fn empty(engine: &Arc<Engine>, host: HostId, sent: &mut Tries) -> Result<Next, EngineError> {
    let (row, vms) =
        engine.db.read(move |db| Ok::<_, EngineError>((write::row(db, host)?, staying(db, host)?))).await?;
    if row.is_none_or(|row| row.status != HostStatus::PreparingForMaintenance) {
        return Err(Conflict::NoLongerEmptied.into());
    }
    if vms.is_empty() {
        return Ok(Next::Done);
    }
    let mut under_way = vms.iter().filter(|run| run.intent == Intent::Migrate).count();
    for run in vms.iter().filter(|run| run.intent == Intent::Run && run.status.allows(VmAction::Migrate)) {
        if under_way >= AT_ONCE {
            break;
        }
        let tries = sent.entry(run.vm).or_default();
        if *tries >= TRIES {
            return Err(Conflict::WouldNotLeave { vm: run.name.clone() }.into());
        }
        if migrate::send_away(engine, run.vm, Wanted::default()).await? {
            *tries += 1;
            under_way += 1;
        }
    }
    Ok(Next::Again(LOOK))
}

impl Kind for EmptyHost {
    const KIND: JobKind = JobKind::EmptyHost;
    type Args = Args;
    type Step = Step;

    async fn run(engine: &Arc<Engine>, _: &JobContext, args: &mut Args, step: Step) -> Result<Next, EngineError> {
        let Step::Empty = step;
        empty(engine, args.host, &mut args.tries).await
    }

    /// What has left stays where it is.
    async fn undo(_: &Arc<Engine>, _: &JobContext, _: &mut Args, step: Step) -> Result<(), EngineError> {
        let Step::Empty = step;
        Ok(())
    }

    fn ended(
        engine: &Arc<Engine>,
        cx: &JobContext,
        db: &mut Db,
        args: &Args,
        outcome: Outcome<'_>,
    ) -> Result<(), EngineError> {
        let Some(row) = write::row(db, args.host)? else { return Ok(()) };
        let next = if outcome == Outcome::Finished { HostStatus::Maintenance } else { HostStatus::Up };
        if row.status == HostStatus::PreparingForMaintenance && !write::set_status(db, &row, next, "")? {
            return Err(Conflict::ChangedMeanwhile.into());
        }
        told(engine, args.host);
        match outcome {
            Outcome::Finished => cx.tell(engine, db, EventCode::HostMaintenance, about(&row), ""),
            Outcome::Failed(why) => cx.tell(engine, db, EventCode::HostMaintenanceFailed, about(&row), why),
        }
    }
}

pub(super) fn about(row: &HostRow) -> About {
    About { host: Some((row.id, row.name.clone())), ..About::default() }
}

pub(super) fn told(engine: &Arc<Engine>, id: HostId) {
    engine.changed(Topic::Object(ObjectKind::Host), Some(id.0));
}
