//! Guests shut down, hosts go off.

use super::{about, go_on, hosts, running, told};
use crate::db::Db;
use crate::engine::jobs::{self, JobContext, Kind, NewJob, Next, Outcome, steps};
use crate::engine::vms::shutdown;
use crate::engine::{Engine, EngineError};
use crate::model::conflict::Conflict;
use crate::model::event::EventCode;
use crate::model::host::HostStatus;
use crate::model::ids::{ClusterId, HostId, VmId};
use crate::model::job::JobKind;
use crate::model::vm::VmStatus;
use crate::model::vm_state::Intent;
use crate::store::cluster_rest as store;
use crate::store::hosts::write::{self, HostRow};
use crate::store::vms::ha;
use crate::store::vms::run::{self, VmRun};
use crate::wire::host::{HostInfo, PowerOff};
use serde::{Deserialize, Serialize};
use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// One that does not answer so often is off.
const SILENT: u32 = 3;

/// What the job knows.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(in crate::engine) struct Args {
    cluster: ClusterId,
    name: String,
    /// Guests that were asked to go.
    asked: BTreeSet<VmId>,
    /// Hosts that were told to go off, and how often each did not answer since.
    told: BTreeMap<HostId, u32>,
}

impl Args {
    pub(super) fn new(cluster: ClusterId, name: &str) -> Self {
        Self { cluster, name: name.to_owned(), asked: BTreeSet::new(), told: BTreeMap::new() }
    }
}

steps! { Step { Ordinary = "shut_down_vms", HighlyAvailable = "shut_down_ha_vms", Rest = "hosts_to_maintenance", Off = "power_off_hosts", } }

/// The job.
pub(in crate::engine) struct ShutDownCluster;

/// Asks guests to shut down, and waits until they have.
async fn shut_down(engine: &Arc<Engine>, args: &mut Args, marked: bool) -> Result<Next, EngineError> {
    let cluster = args.cluster;
    let read = move |db: &mut Db| {
        let mut found = Vec::new();
        for run in running(db, cluster)? {
            if ha::is_marked(db, run.vm)? == marked {
                found.push((run::is_locked(db, run.vm)?, run));
            }
        }
        Ok::<_, EngineError>(found)
    };
    let left: Vec<(bool, VmRun)> = engine.db.read(read).await?;
    if left.is_empty() {
        return Ok(Next::Done);
    }
    let mut waits = false;
    for (locked, run) in &left {
        let goes = *locked || matches!(run.intent, Intent::Shutdown | Intent::Off);
        if !goes && args.asked.insert(run.vm) {
            ask(engine, run.vm).await?;
            waits = true;
        }
        waits |= goes;
    }
    if waits {
        return Ok(Next::Again(engine.timing.look));
    }
    // Each had its time, and is still there.
    let vms = left.into_iter().map(|(_, run)| run.name).collect::<Vec<_>>().join(", ");
    Err(Conflict::VmsStay { vms }.into())
}

async fn ask(engine: &Arc<Engine>, vm: VmId) -> Result<(), EngineError> {
    let inner = engine.clone();
    let begun = engine.db.write(move |db| {
        let run = crate::engine::vms::state::load(db, vm)?;
        if !run.status.is_running() || run.status == VmStatus::Unknown || run.intent != Intent::Run {
            return Ok(None);
        }
        shutdown::begin(&inner, db, &run, &NewJob::own(&inner, &run.name)).map(Some)
    });
    if let Some(job) = begun.await? {
        jobs::kick(engine, job);
    }
    Ok(())
}

/// No host has a guest any more: none is asked for one.
async fn rest(engine: &Arc<Engine>, cluster: ClusterId) -> Result<(), EngineError> {
    use HostStatus as S;
    let inner = engine.clone();
    engine
        .db
        .write(move |db| {
            for host in hosts(db, cluster)? {
                let works = matches!(host.status, S::Up | S::NonOperational | S::Connecting | S::NonResponsive);
                if works && !write::set_status(db, &host, S::Maintenance, "")? {
                    return Err(Conflict::ChangedMeanwhile.into());
                }
            }
            told(&inner, cluster);
            Ok(())
        })
        .await
}

/// Tells each host to go off, and waits until it does not answer any more. The machine that this engine runs on stays.
async fn power_off(engine: &Arc<Engine>, args: &mut Args) -> Result<Next, EngineError> {
    let cluster = args.cluster;
    let resting = move |db: &mut Db| {
        let all = hosts(db, cluster)?;
        Ok::<_, EngineError>(all.into_iter().filter(|host| host.status == HostStatus::Maintenance).collect::<Vec<_>>())
    };
    let mut waits = false;
    for host in engine.db.read(resting).await? {
        if engine.hosts.runs_here(host.id) {
            continue;
        }
        let answer = match args.told.entry(host.id) {
            Entry::Vacant(_) => engine.call(host.id, &PowerOff {}).await,
            Entry::Occupied(_) => engine.call(host.id, &HostInfo {}).await.map(drop),
        };
        let silent = args.told.entry(host.id).or_default();
        match answer {
            Ok(()) => *silent = 0,
            Err(EngineError::Unavailable(_)) => *silent += 1,
            Err(error) => return Err(error),
        }
        if *silent >= SILENT {
            is_off(engine, host).await?;
        } else {
            waits = true;
        }
    }
    Ok(if waits { Next::Again(engine.timing.look) } else { Next::Done })
}

async fn is_off(engine: &Arc<Engine>, host: HostRow) -> Result<(), EngineError> {
    let cluster = host.cluster;
    let inner = engine.clone();
    engine
        .db
        .write(move |db| {
            write::set_status(db, &host, HostStatus::Down, "")?;
            told(&inner, cluster);
            Ok(())
        })
        .await
}

impl Kind for ShutDownCluster {
    const KIND: JobKind = JobKind::ShutDownCluster;
    type Args = Args;
    type Step = Step;

    async fn run(engine: &Arc<Engine>, _: &JobContext, args: &mut Args, step: Step) -> Result<Next, EngineError> {
        go_on(engine, args.cluster).await?;
        match step {
            Step::Ordinary => shut_down(engine, args, false).await,
            Step::HighlyAvailable => shut_down(engine, args, true).await,
            Step::Rest => rest(engine, args.cluster).await.map(|()| Next::Done),
            Step::Off => power_off(engine, args).await,
        }
    }

    /// What is off stays off: it was to be.
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
        told(engine, args.cluster);
        let about = about(args.cluster, &args.name);
        match outcome {
            Outcome::Finished => cx.tell(engine, db, EventCode::ClusterIsDown, about, ""),
            Outcome::Failed(why) => {
                // It is not shut down: VMs may start. What went is known for the next try, unless nobody wants one.
                if store::get(db, args.cluster)? == Some(true) {
                    store::forget_all(db, args.cluster)?;
                }
                store::end(db, args.cluster)?;
                cx.tell(engine, db, EventCode::ClusterStaysUp, about, why)
            }
        }
    }
}
