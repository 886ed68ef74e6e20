//! Hosts come up, and what ran before runs again.

use super::{about, go_on, hosts, told};
use crate::db::Db;
use crate::engine::hosts::{connect_all, fence};
use crate::engine::jobs::{self, JobContext, Kind, NewJob, Next, Outcome, steps};
use crate::engine::quotas::Asker;
use crate::engine::vms::start::{self, StartVm};
use crate::engine::vms::state;
use crate::engine::{Engine, EngineError};
use crate::model::clock::Timestamp;
use crate::model::event::EventCode;
use crate::model::host::HostStatus;
use crate::model::ids::{ClusterId, VmId};
use crate::model::job::JobKind;
use crate::model::vm::VmStatus;
use crate::store::cluster_rest as store;
use crate::store::hosts::write;
use crate::store::vms::run;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// When a host is up the others are waited for so long at most.
const OTHERS: time::Duration = time::Duration::minutes(5);
/// So many VMs boot at a time.
const AT_ONCE: usize = 4;

/// What the job knows.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(in crate::engine) struct Args {
    cluster: ClusterId,
    name: String,
    since: Timestamp,
    /// VMs that are on their way up.
    started: Vec<VmId>,
    /// VMs that could not be started, and why.
    failed: Vec<String>,
}

impl Args {
    pub(super) fn new(cluster: ClusterId, name: &str, since: Timestamp) -> Self {
        Self { cluster, name: name.to_owned(), since, started: Vec::new(), failed: Vec::new() }
    }
}

steps! { Step { On = "power_on_hosts", Wait = "wait_for_hosts", Vms = "start_vms_again", } }

/// The job.
pub(in crate::engine) struct StartCluster;

/// Those with fence agents get power, if another host is there that can ask for it; somebody switches the others on.
async fn power_on(engine: &Arc<Engine>, args: &Args) -> Result<(), EngineError> {
    let cluster = args.cluster;
    for host in engine.db.read(move |db| hosts(db, cluster)).await? {
        if host.status == HostStatus::Down
            && let Err(error) = fence::power_on(engine, host.id).await
        {
            tracing::info!(host = %host.name, %error, "it is waited for until somebody switches it on");
        }
        // It is called anew from now on.
        engine.hosts.hang_up(host.id);
    }
    Ok(())
}

/// Until all are up, or one is and the others took too long.
async fn wait(engine: &Arc<Engine>, args: &mut Args) -> Result<Next, EngineError> {
    use HostStatus as S;
    let cluster = args.cluster;
    let activate = move |db: &mut Db| {
        let all = hosts(db, cluster)?;
        // One that was to be off and was not: the machine with the engine, say.
        for host in all.iter().filter(|host| host.status == S::Maintenance) {
            write::set_status(db, host, S::Unassigned, "")?;
        }
        Ok::<_, EngineError>(all)
    };
    let all = engine.db.write(activate).await?;
    for host in all.iter().filter(|host| host.status == S::Maintenance) {
        engine.hosts.hang_up(host.id);
    }
    connect_all(engine).await?;
    let all: Vec<_> = all.iter().filter(|host| host.status.is_called()).collect();
    let up = all.iter().filter(|host| host.status == S::Up).count();
    let patient = engine.clock.now() - args.since < OTHERS;
    Ok(if up == all.len() || (up > 0 && !patient) { Next::Done } else { Next::Again(engine.timing.look) })
}

/// The most important first, a few at a time.
async fn start_again(engine: &Arc<Engine>, args: &mut Args) -> Result<Next, EngineError> {
    let (cluster, mut under_way) = (args.cluster, 0);
    for vm in args.started.clone() {
        let boots = match state::read(engine, vm).await {
            Ok(run) => matches!(run.status, VmStatus::WaitForLaunch | VmStatus::PoweringUp),
            Err(EngineError::NotFound { .. }) => false,
            Err(error) => return Err(error),
        };
        if boots {
            under_way += 1;
        } else {
            args.started.retain(|other| *other != vm);
        }
    }
    let begin = move |db: &mut Db| {
        store::end(db, cluster)?;
        Ok::<_, EngineError>(store::remembered(db, cluster)?)
    };
    let left = engine.db.write(begin).await?;
    for vm in left.iter().take(AT_ONCE.saturating_sub(under_way)) {
        start_one(engine, args, *vm).await?;
    }
    Ok(if left.is_empty() && args.started.is_empty() { Next::Done } else { Next::Again(engine.timing.look) })
}

async fn start_one(engine: &Arc<Engine>, args: &mut Args, vm: VmId) -> Result<(), EngineError> {
    let inner = engine.clone();
    let begun = engine.db.write(move |db| {
        store::forget(db, vm)?;
        let run = state::load(db, vm)?;
        if run.status != VmStatus::Down || run::is_locked(db, vm)? {
            // Somebody was faster.
            return Ok(None);
        }
        let reserved = start::reserve(Asker { engine: &inner, by: None }, db, &run)?;
        let new = NewJob::own(&inner, &run.name);
        jobs::insert::<StartVm>(db, &new, &reserved, &[vm.object()]).map(Some)
    });
    match begun.await {
        Ok(Some(job)) => {
            args.started.push(vm);
            jobs::kick(engine, job);
            Ok(())
        }
        Ok(None) => Ok(()),
        Err(error @ (EngineError::Refused { .. } | EngineError::Conflict(_) | EngineError::Invalid(_))) => {
            args.failed.push(error.to_string());
            engine.db.write(move |db| Ok::<_, EngineError>(store::forget(db, vm)?)).await
        }
        Err(error) => Err(error),
    }
}

impl Kind for StartCluster {
    const KIND: JobKind = JobKind::StartCluster;
    type Args = Args;
    type Step = Step;

    async fn run(engine: &Arc<Engine>, _: &JobContext, args: &mut Args, step: Step) -> Result<Next, EngineError> {
        go_on(engine, args.cluster).await?;
        match step {
            Step::On => power_on(engine, args).await.map(|()| Next::Done),
            Step::Wait => wait(engine, args).await,
            Step::Vms => start_again(engine, args).await,
        }
    }

    /// What is on stays on.
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
            Outcome::Finished => cx.tell(engine, db, EventCode::ClusterIsUp, about, &args.failed.join("; ")),
            Outcome::Failed(why) => {
                // Who called it off starts by hand what he wants; else it can be tried again.
                if store::get(db, args.cluster)? == Some(true) {
                    store::forget_all(db, args.cluster)?;
                    store::end(db, args.cluster)?;
                }
                cx.tell(engine, db, EventCode::ClusterStartFailed, about, why)
            }
        }
    }
}
