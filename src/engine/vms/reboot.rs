//! Asking the guest to reboot.

use crate::db::Db;
use crate::engine::jobs::{self, JobContext, Kind, NewJob, Next, Outcome, steps};
use crate::engine::vms::admit::{admit, command, ready, refuse};
use crate::engine::vms::state;
use crate::engine::{Cx, Engine, EngineError};
use crate::model::clock::Timestamp;
use crate::model::conflict::Conflict;
use crate::model::event::EventCode;
use crate::model::ids::{HostId, JobId, VmId};
use crate::model::job::JobKind;
use crate::model::vm::{Refusal, VmAction};
use crate::model::vm_state::Intent;
use crate::store::vms::run::VmRun;
use crate::wire::{RebootVm as RebootVerb, ResetVm as ResetVerb};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::time::Duration;

/// What the job knows.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(in crate::engine) struct Args {
    vm: VmId,
    host: HostId,
    asked: Timestamp,
    /// The guest is not asked.
    #[serde(default)]
    hard: bool,
}

steps! { Step { Ask = "ask", Wait = "wait", } }

/// The job. Like a shutdown it holds no lock.
pub(in crate::engine) struct RebootVm;

/// Asks the guest to reboot.
///
/// # Errors
/// Refused, invalid, hidden, or the database failed.
pub async fn reboot(cx: &Cx, id: VmId) -> Result<JobId, EngineError> {
    let job = command(cx, id, VmAction::Reboot, move |cx, db| ask(cx, db, id)).await?;
    jobs::kick(&cx.engine, job);
    Ok(job)
}

/// Resets the guest as its button would, without asking it. For who was permitted by something else than the VM.
///
/// # Errors
/// Refused by its state, or the database failed.
pub(in crate::engine) async fn reset(cx: &Cx, id: VmId) -> Result<JobId, EngineError> {
    let job = command(cx, id, VmAction::Reboot, move |cx, db| {
        let run = ready(db, id, VmAction::Reboot)?;
        begin(cx, db, run, true)
    });
    let job = job.await?;
    jobs::kick(&cx.engine, job);
    Ok(job)
}

fn ask(cx: &Cx, db: &mut Db, id: VmId) -> Result<JobId, EngineError> {
    let run = admit(cx, db, id, VmAction::Reboot)?;
    begin(cx, db, run, false)
}

fn begin(cx: &Cx, db: &mut Db, run: VmRun, hard: bool) -> Result<JobId, EngineError> {
    let id = run.vm;
    let host = run.host.ok_or_else(|| refuse(VmAction::Reboot, &run.name, Refusal::Status(run.status)))?;
    state::change(&cx.engine, db, id, |run| {
        run.intent = Intent::Reboot;
        Ok(())
    })?;
    let args = Args { vm: id, host, asked: cx.engine.clock.now(), hard };
    jobs::insert::<RebootVm>(db, &NewJob::asked(cx, &run.name), &args, &[])
}

impl Kind for RebootVm {
    const KIND: JobKind = JobKind::RebootVm;
    type Args = Args;
    type Step = Step;

    async fn run(engine: &Arc<Engine>, _: &JobContext, args: &mut Args, step: Step) -> Result<Next, EngineError> {
        // The guest's reset, or its end, takes the intent away.
        if state::read(engine, args.vm).await?.intent != Intent::Reboot {
            return Ok(Next::Done);
        }
        match step {
            Step::Ask => {
                if args.hard {
                    engine.call(args.host, &ResetVerb { vm: args.vm }).await?;
                } else {
                    engine.call(args.host, &RebootVerb { vm: args.vm }).await?;
                }
                Ok(Next::Done)
            }
            Step::Wait if engine.clock.now() - args.asked < engine.timing.shutdown => {
                Ok(Next::Again(Duration::from_millis(500)))
            }
            Step::Wait => {
                let seconds = engine.timing.shutdown.as_secs();
                Err(Conflict::NoReboot { seconds }.into())
            }
        }
    }

    async fn undo(engine: &Arc<Engine>, _: &JobContext, args: &mut Args, step: Step) -> Result<(), EngineError> {
        if step == Step::Ask {
            state::write(engine, args.vm, |run| {
                run.intent = if run.intent == Intent::Reboot { Intent::Run } else { run.intent };
                Ok(())
            })
            .await?;
        }
        Ok(())
    }

    fn ended(
        engine: &Arc<Engine>,
        cx: &JobContext,
        db: &mut Db,
        args: &Args,
        outcome: Outcome<'_>,
    ) -> Result<(), EngineError> {
        let about = state::about(&state::load(db, args.vm)?);
        match outcome {
            Outcome::Finished if args.hard => cx.tell(engine, db, EventCode::VmReset, about, ""),
            Outcome::Finished => cx.tell(engine, db, EventCode::UserRebootVm, about, ""),
            Outcome::Failed(why) => cx.tell(engine, db, EventCode::RebootVmFailed, about, why),
        }
    }
}
