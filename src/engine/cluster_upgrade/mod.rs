//! The hosts of a cluster are upgraded one after another. Each turn is a task of the host's own; this one gives the turns, and its record
//! (`cluster_upgrade`) is what pages show and what an engine that was killed goes on from. The first that fails ends it.

#[cfg(test)]
mod tests;

use crate::auth;
use crate::db::Db;
use crate::engine::changes::Topic;
use crate::engine::hosts::{maintenance, upgrade};
use crate::engine::jobs::{self, JobContext, Kind, NewJob, Next, Outcome, steps};
use crate::engine::{Cx, Engine, EngineError};
use crate::model::conflict::Conflict;
use crate::model::event::{About, EventCode};
use crate::model::host::HostStatus;
use crate::model::host_upgrade::{Course, HostTurn, Turn};
use crate::model::ids::{ClusterId, HostId, JobId};
use crate::model::job::JobKind;
use crate::model::permission::ObjectKind;
use crate::model::role::Action;
use crate::store::hosts::upgrade as store;
use crate::store::hosts::write::{self, HostRow};
use crate::store::scheduling::places;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// What is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Wanted {
    /// Hosts in maintenance, too; they stay there.
    pub maintenance: bool,
    /// Hosts that need it are restarted.
    pub reboot: bool,
}

/// What a page shows.
#[derive(Debug)]
pub struct ClusterUpgrade {
    /// The one that is under way, or was the last.
    pub course: Option<Course>,
    pub called_off: bool,
    pub job: Option<JobId>,
    /// Hosts that would be upgraded, and what keeps each from being emptied.
    pub hosts: Vec<(HostRow, Result<(), EngineError>)>,
}

/// How far it is, or what would happen: for who may do it, since it names hosts and what runs on them.
///
/// # Errors
/// Refused, hidden, or the database failed.
pub async fn view(cx: &Cx, id: ClusterId) -> Result<ClusterUpgrade, EngineError> {
    let inner = cx.clone();
    cx.engine
        .db
        .read(move |db| {
            may(&inner, db, id)?;
            let (course, called_off) = store::course(db, id)?.map_or((None, false), |(c, off)| (Some(c), off));
            let wanted = Wanted { maintenance: true, reboot: false };
            let mut found = Vec::new();
            for host in hosts(db, id, wanted)? {
                let can = can_leave(&inner.engine, db, &host);
                found.push((host, can));
            }
            Ok(ClusterUpgrade { course, called_off, job: under_way(db, id)?, hosts: found })
        })
        .await
}

fn under_way(db: &mut Db, id: ClusterId) -> Result<Option<JobId>, EngineError> {
    let holder = crate::store::jobs::holder(db, &[id.object()])?;
    Ok(holder.filter(|(_, kind, _)| *kind == UpgradeCluster::KIND).map(|(job, ..)| job))
}

fn can_leave(engine: &Engine, db: &mut Db, host: &HostRow) -> Result<(), EngineError> {
    if host.status == HostStatus::Maintenance { Ok(()) } else { maintenance::can_leave(engine, db, host) }
}

fn hosts(db: &mut Db, id: ClusterId, wanted: Wanted) -> Result<Vec<HostRow>, EngineError> {
    let goes = |host: &HostRow| {
        host.cluster == id
            && (host.status == HostStatus::Up || (wanted.maintenance && host.status == HostStatus::Maintenance))
    };
    Ok(write::all(db)?.into_iter().filter(goes).collect())
}

/// Begins.
///
/// # Errors
/// Nothing is up, a host cannot be emptied, something else is under way there, refused, hidden, or the database failed.
pub async fn upgrade(cx: &Cx, id: ClusterId, wanted: Wanted) -> Result<JobId, EngineError> {
    let inner = cx.clone();
    let job = cx.engine.db.write(move |db| {
        let name = may(&inner, db, id)?;
        let all = hosts(db, id, wanted)?;
        if all.is_empty() {
            return Err(Conflict::NothingToUpgrade { cluster: name }.into());
        }
        for host in &all {
            can_leave(&inner.engine, db, host)?;
        }
        let names: Vec<&str> = all.iter().map(|host| host.name.as_str()).collect();
        inner.tell(db, EventCode::ClusterUpgradeStarted, about(id, &name), &names.join(", "))?;
        let turn = |host: HostRow| HostTurn {
            host: host.id,
            name: host.name,
            turn: Turn::Waiting,
            job: None,
            why: String::new(),
        };
        let course = Course { reboot: wanted.reboot, hosts: all.into_iter().map(turn).collect() };
        store::set_course(db, id, &course)?;
        store::set_called_off(db, id, false)?;
        told(&inner.engine, id);
        let args = Args { cluster: id, name: name.clone() };
        jobs::insert::<UpgradeCluster>(db, &NewJob::asked(&inner, &name), &args, &[id.object()])
    });
    let job = job.await?;
    jobs::kick(&cx.engine, job);
    Ok(job)
}

/// No host has its turn any more after the one that has it now.
///
/// # Errors
/// It is not under way, refused, hidden, or the database failed.
pub async fn call_off(cx: &Cx, id: ClusterId) -> Result<(), EngineError> {
    let inner = cx.clone();
    cx.engine
        .db
        .write(move |db| {
            let name = may(&inner, db, id)?;
            if under_way(db, id)?.is_none() {
                return Err(Conflict::NotUpgrading { cluster: name }.into());
            }
            store::set_called_off(db, id, true)?;
            told(&inner.engine, id);
            inner.tell(db, EventCode::ClusterUpgradeOff, about(id, &name), "")
        })
        .await
}

fn may(cx: &Cx, db: &mut Db, id: ClusterId) -> Result<String, EngineError> {
    auth::check(db, &cx.actor, Action::ManipulateHost, id.object())?;
    auth::check(db, &cx.actor, Action::EditHostConfiguration, id.object())?;
    let name = places::cluster_name(db, id)?;
    name.ok_or_else(|| EngineError::NotFound { kind: "cluster", id: id.to_string() })
}

/// What the job knows; the rest is in its record.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(in crate::engine) struct Args {
    cluster: ClusterId,
    name: String,
}

steps! { Step { Hosts = "upgrade_hosts", } }

/// The job.
pub(in crate::engine) struct UpgradeCluster;

/// A host's upgrade has ended, in the transaction that ends it.
///
/// # Errors
/// The database failed.
pub(in crate::engine) fn had_its_turn(
    engine: &Arc<Engine>,
    db: &mut Db,
    cluster: ClusterId,
    host: HostId,
    outcome: Outcome<'_>,
) -> Result<(), EngineError> {
    let (turn, why) = match outcome {
        Outcome::Finished => (Turn::Done, ""),
        Outcome::Failed(why) => (Turn::Failed, why),
    };
    let Some((mut course, _)) = store::course(db, cluster)? else { return Ok(()) };
    for one in course.hosts.iter_mut().filter(|one| one.host == host && one.turn == Turn::Running) {
        one.turn = turn;
        why.clone_into(&mut one.why);
    }
    store::set_course(db, cluster, &course)?;
    told(engine, cluster);
    Ok(())
}

/// What became of one look.
enum Look {
    Waits,
    /// This host's turn has begun.
    Begun(JobId),
    Over,
}

/// Gives the next host its turn, if none has it.
fn next(engine: &Arc<Engine>, db: &mut Db, cx: &JobContext, cluster: ClusterId) -> Result<Look, EngineError> {
    let Some((mut course, called_off)) = store::course(db, cluster)? else { return Ok(Look::Over) };
    if course.running().is_some() {
        return Ok(Look::Waits);
    }
    if let Some(failed) = course.hosts.iter().find(|one| one.turn == Turn::Failed) {
        return Err(Conflict::UpgradeStopped { host: failed.name.clone(), because: failed.why.clone() }.into());
    }
    let reboot = course.reboot;
    let waiting: Vec<String> =
        course.hosts.iter().filter(|one| one.turn == Turn::Waiting).map(|one| one.name.clone()).collect();
    let Some(turn) = course.hosts.iter_mut().find(|one| one.turn == Turn::Waiting) else { return Ok(Look::Over) };
    if called_off {
        return Err(Conflict::UpgradeCalledOff { hosts: waiting.join(", ") }.into());
    }
    let begun = begin(engine, db, cx, (turn.host, cluster), reboot);
    let job = match begun {
        Ok(job) => job,
        Err(error @ (EngineError::Db(_) | EngineError::Query(_))) => return Err(error),
        Err(error) => {
            return Err(Conflict::UpgradeStopped { host: turn.name.clone(), because: error.to_string() }.into());
        }
    };
    turn.turn = Turn::Running;
    turn.job = Some(job);
    store::set_course(db, cluster, &course)?;
    told(engine, cluster);
    Ok(Look::Begun(job))
}

fn begin(
    engine: &Arc<Engine>,
    db: &mut Db,
    cx: &JobContext,
    (host, cluster): (HostId, ClusterId),
    reboot: bool,
) -> Result<JobId, EngineError> {
    let row = crate::engine::hosts::enrol::admitted(db, host, crate::model::host::HostAction::Upgrade)?;
    let about = About { host: Some((row.id, row.name.clone())), ..About::default() };
    cx.tell(engine, db, EventCode::HostUpgradeStarted, about, "")?;
    let new = NewJob { owner: cx.owner, correlation_id: cx.correlation_id.clone(), ..NewJob::own(engine, &row.name) };
    upgrade::begin(engine, db, &row, &new, (reboot, Some(cluster)))
}

async fn look(engine: &Arc<Engine>, cx: &JobContext, cluster: ClusterId) -> Result<Next, EngineError> {
    let (inner, context) = (engine.clone(), cx.clone());
    let found = engine.db.write(move |db| next(&inner, db, &context, cluster)).await?;
    let course = engine.db.read(move |db| Ok::<_, EngineError>(store::course(db, cluster)?)).await?;
    if let Some((course, _)) = course {
        let percent = course.done() * 100 / course.hosts.len().max(1);
        cx.progress(engine, u8::try_from(percent).unwrap_or(100)).await?;
    }
    match found {
        Look::Over => return Ok(Next::Done),
        Look::Begun(job) => jobs::kick(engine, job),
        Look::Waits => {}
    }
    Ok(Next::Again(engine.timing.look))
}

impl Kind for UpgradeCluster {
    const KIND: JobKind = JobKind::UpgradeCluster;
    type Args = Args;
    type Step = Step;

    async fn run(engine: &Arc<Engine>, cx: &JobContext, args: &mut Args, step: Step) -> Result<Next, EngineError> {
        let Step::Hosts = step;
        look(engine, cx, args.cluster).await
    }

    /// What is upgraded stays so.
    async fn undo(_: &Arc<Engine>, _: &JobContext, _: &mut Args, _: Step) -> Result<(), EngineError> {
        Ok(())
    }

    fn ended(
        engine: &Arc<Engine>,
        cx: &JobContext,
        db: &mut Db,
        args: &Args,
        outcome: Outcome<'_>,
    ) -> Result<(), EngineError> {
        if let Some((mut course, _)) = store::course(db, args.cluster)? {
            course.hosts.iter_mut().filter(|one| one.turn == Turn::Waiting).for_each(|one| one.turn = Turn::Left);
            store::set_course(db, args.cluster, &course)?;
        }
        told(engine, args.cluster);
        let about = about(args.cluster, &args.name);
        match outcome {
            Outcome::Finished => cx.tell(engine, db, EventCode::ClusterUpgradeFinished, about, ""),
            Outcome::Failed(why) => cx.tell(engine, db, EventCode::ClusterUpgradeFailed, about, why),
        }
    }
}

fn about(id: ClusterId, name: &str) -> About {
    About { cluster: Some((id, name.to_owned())), ..About::default() }
}

fn told(engine: &Arc<Engine>, id: ClusterId) {
    engine.changed(Topic::Object(ObjectKind::Cluster), Some(id.0));
}
