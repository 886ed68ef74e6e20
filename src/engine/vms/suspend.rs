//! Saving a guest's memory to disk and stopping it.

use crate::db::Db;
use crate::engine::jobs::{self, JobContext, Kind, NewJob, Next, Outcome, steps};
use crate::engine::vms::admit::{admit, command, refuse};
use crate::engine::vms::state;
use crate::engine::{Cx, Engine, EngineError};
use crate::model::conflict::Conflict;
use crate::model::event::EventCode;
use crate::model::ids::{HostId, JobId, VmId};
use crate::model::job::JobKind;
use crate::model::vm::{Refusal, VmAction};
use crate::model::vm_state::{Intent, Observed};
use crate::wire::{ResumeVm, SuspendVm as SuspendVerb};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::time::Duration;

/// What the job knows.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(in crate::engine) struct Args {
    vm: VmId,
    host: HostId,
    tries: u32,
}

steps! { Step { Save = "save", } }

/// Saving much memory takes longer than a verb may; it is asked for again this often, two seconds apart.
const TRIES: u32 = 300;

/// The job.
pub(in crate::engine) struct SuspendVm;

/// Saves its memory to disk and stops it.
///
/// # Errors
/// Refused, invalid, hidden, or the database failed.
pub async fn suspend(cx: &Cx, id: VmId) -> Result<JobId, EngineError> {
    let job = command(cx, id, VmAction::Suspend, move |cx, db| ask(cx, db, id)).await?;
    jobs::kick(&cx.engine, job);
    Ok(job)
}

fn ask(cx: &Cx, db: &mut Db, id: VmId) -> Result<JobId, EngineError> {
    let run = admit(cx, db, id, VmAction::Suspend)?;
    let host = run.host.ok_or_else(|| refuse(VmAction::Suspend, &run.name, Refusal::Status(run.status)))?;
    let args = Args { vm: id, host, tries: 0 };
    let job = jobs::insert::<SuspendVm>(db, &NewJob::asked(cx, &run.name), &args, &[id.object()])?;
    state::change(&cx.engine, db, id, |run| {
        run.intent = Intent::Suspend;
        Ok(())
    })?;
    cx.tell(db, EventCode::UserSuspendVm, state::about(&run), "")?;
    Ok(job)
}

async fn save(engine: &Arc<Engine>, args: &mut Args) -> Result<Next, EngineError> {
    let run = state::read(engine, args.vm).await?;
    match (run.intent, run.observed) {
        (Intent::Suspend, Observed::Saved) => return Ok(Next::Done),
        (Intent::Suspend, _) => {}
        (intent, _) => {
            return Err(Conflict::EndedBeforeSaved { intent }.into());
        }
    }
    match engine.call(args.host, &SuspendVerb { vm: args.vm }).await {
        Ok(()) => {
            state::write(engine, args.vm, |run| {
                if run.intent == Intent::Suspend {
                    run.observed = Observed::Saved;
                    run.agent = false;
                }
                Ok(())
            })
            .await?;
            Ok(Next::Done)
        }
        Err(EngineError::Unavailable(_)) if args.tries < TRIES => {
            args.tries += 1;
            Ok(Next::Again(Duration::from_secs(2)))
        }
        Err(error) => Err(error),
    }
}

impl Kind for SuspendVm {
    const KIND: JobKind = JobKind::SuspendVm;
    type Args = Args;
    type Step = Step;

    async fn run(engine: &Arc<Engine>, _: &JobContext, args: &mut Args, step: Step) -> Result<Next, EngineError> {
        let Step::Save = step;
        save(engine, args).await
    }

    async fn undo(engine: &Arc<Engine>, _: &JobContext, args: &mut Args, step: Step) -> Result<(), EngineError> {
        let Step::Save = step;
        let run = state::read(engine, args.vm).await?;
        if run.observed == Observed::Paused {
            engine.call(args.host, &ResumeVm { vm: args.vm }).await?;
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
        let run = state::change(engine, db, args.vm, |run| {
            match (run.intent, outcome) {
                (Intent::Suspend, Outcome::Finished) => run.intent = Intent::Suspended,
                // Whatever failed then, its memory is on disk.
                (Intent::Suspend, Outcome::Failed(_)) if run.observed == Observed::Saved => {
                    run.intent = Intent::Suspended
                }
                (Intent::Suspend, Outcome::Failed(_)) => run.intent = Intent::Run,
                _ => {}
            }
            Ok(())
        })?;
        match outcome {
            Outcome::Finished => cx.tell(engine, db, EventCode::VmSuspended, state::about(&run), ""),
            Outcome::Failed(why) => cx.tell(engine, db, EventCode::SuspendVmFailed, state::about(&run), why),
        }
    }
}
