//! Pulling the plug.

use crate::db::Db;
use crate::engine::hosts::report;
use crate::engine::jobs::{self, JobContext, Kind, NewJob, Next, Outcome, steps};
use crate::engine::vms::admit::{admit, command};
use crate::engine::vms::state;
use crate::engine::{Cx, Engine, EngineError};
use crate::model::event::EventCode;
use crate::model::ids::{HostId, JobId, VmId};
use crate::model::job::JobKind;
use crate::model::vm::VmAction;
use crate::model::vm_state::Intent;
use crate::store::vms::run::{self, VmRun, Which};
use crate::wire::event::{DomainState, StopReason};
use crate::wire::{DomainReport, StopVm as StopVerb};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// What the job knows.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(in crate::engine) struct Args {
    vm: VmId,
    host: Option<HostId>,
    host_name: String,
    /// What was intended before, if the host cannot be had.
    before: Intent,
}

steps! { Step { Stop = "stop", } }

/// The job.
pub(in crate::engine) struct StopVm;

/// Pulls the plug.
///
/// # Errors
/// Refused, invalid, hidden, or the database failed.
pub async fn stop(cx: &Cx, id: VmId) -> Result<JobId, EngineError> {
    let job = command(cx, id, VmAction::PowerOff, move |cx, db| {
        let run = admit(cx, db, id, VmAction::PowerOff)?;
        begin(&cx.engine, db, &run, &NewJob::asked(cx, &run.name))
    })
    .await?;
    jobs::kick(&cx.engine, job);
    Ok(job)
}

/// Marks the VM as to be off and keeps the job, in the caller's transaction; kick the job after it.
///
/// # Errors
/// Another job holds it, or the database failed.
pub(in crate::engine) fn begin(
    engine: &Arc<Engine>,
    db: &mut Db,
    run: &VmRun,
    new: &NewJob,
) -> Result<JobId, EngineError> {
    let args = Args { vm: run.vm, host: run.host, host_name: run.host_name.clone(), before: run.intent };
    let job = jobs::insert::<StopVm>(db, new, &args, &[run.vm.object()])?;
    state::change(engine, db, run.vm, |run| {
        run.intent = Intent::Off;
        Ok(())
    })?;
    Ok(job)
}

/// Powers off what runs though it must not, or perhaps does: its start was given up while its host was away, say, and the host is
/// back.
///
/// # Errors
/// The database failed.
pub(in crate::engine) async fn stop_unwanted(engine: &Arc<Engine>) -> Result<(), EngineError> {
    for vm in engine.db.read(unwanted).await?.into_iter().map(|run| run.vm) {
        let inner = engine.clone();
        let begun = engine.db.write(move |db| {
            let Some(run) = unwanted(db)?.into_iter().find(|run| run.vm == vm) else { return Ok(None) };
            begin(&inner, db, &run, &NewJob::own(&inner, &run.name)).map(Some)
        });
        if let Some(job) = begun.await? {
            tracing::warn!(%vm, "is to be off and may run; it is powered off");
            jobs::kick(engine, job);
        }
    }
    Ok(())
}

/// A task that holds a VM brings it to its end itself.
fn unwanted(db: &mut Db) -> Result<Vec<VmRun>, EngineError> {
    let mut found = Vec::new();
    for run in run::find(db, Which::Unwanted)? {
        if !run::is_locked(db, run.vm)? {
            found.push(run);
        }
    }
    Ok(found)
}

/// Has the host end the guest; when it says yes, it is down.
pub(in crate::engine) async fn pull(engine: &Arc<Engine>, vm: VmId, host: HostId) -> Result<(), EngineError> {
    match engine.call(host, &StopVerb { vm }).await {
        Ok(()) | Err(EngineError::NotFoundOnHost(_)) => {}
        Err(error) => return Err(error),
    }
    let stop_reason = Some(StopReason::Destroyed);
    report::domain(engine, host, DomainReport { vm, state: DomainState::Shutoff, stop_reason, agent_connected: false })
        .await
}

impl Kind for StopVm {
    const KIND: JobKind = JobKind::StopVm;
    type Args = Args;
    type Step = Step;

    async fn run(engine: &Arc<Engine>, _: &JobContext, args: &mut Args, step: Step) -> Result<Next, EngineError> {
        match (step, args.host) {
            (Step::Stop, Some(host)) => pull(engine, args.vm, host).await?,
            (Step::Stop, None) => {}
        }
        Ok(Next::Done)
    }

    async fn undo(engine: &Arc<Engine>, _: &JobContext, args: &mut Args, step: Step) -> Result<(), EngineError> {
        let Step::Stop = step;
        let before = args.before;
        state::write(engine, args.vm, move |run| {
            if run.intent == Intent::Off && (run.observed.is_living() || before == Intent::Suspended) {
                run.intent = before;
            }
            Ok(())
        })
        .await
        .map(drop)
    }

    fn ended(
        engine: &Arc<Engine>,
        cx: &JobContext,
        db: &mut Db,
        args: &Args,
        outcome: Outcome<'_>,
    ) -> Result<(), EngineError> {
        let mut about = state::about(&state::load(db, args.vm)?);
        about.host = args.host.map(|id| (id, args.host_name.clone()));
        match outcome {
            Outcome::Finished => cx.tell(engine, db, EventCode::UserStopVm, about, ""),
            Outcome::Failed(why) => cx.tell(engine, db, EventCode::StopVmFailed, about, why),
        }
    }
}
