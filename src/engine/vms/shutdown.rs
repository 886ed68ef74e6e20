//! Asking the guest to shut down.

use crate::db::Db;
use crate::engine::jobs::{self, JobContext, Kind, NewJob, Next, Outcome, steps};
use crate::engine::vms::admit::{admit, command};
use crate::engine::vms::{state, stop};
use crate::engine::{Cx, Engine, EngineError};
use crate::model::clock::Timestamp;
use crate::model::conflict::Conflict;
use crate::model::event::EventCode;
use crate::model::ids::{HostId, JobId, VmId};
use crate::model::job::JobKind;
use crate::model::vm::{VmAction, VmStatus};
use crate::model::vm_state::Intent;
use crate::store::vms::run::VmRun;
use crate::wire::ShutdownVm as ShutdownVerb;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::time::Duration;

/// What the job knows.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(in crate::engine) struct Args {
    vm: VmId,
    host: HostId,
    asked: Timestamp,
    last_asked: Timestamp,
    /// The guest had its time.
    ignored: bool,
}

steps! { Step { Ask = "ask", Wait = "wait", } }

/// A guest that was still booting did not hear it: it is asked again this often.
const ASK_AGAIN: Duration = Duration::from_secs(10);

/// The job. It holds no lock: whoever waits for a guest that does not listen may power it off.
pub(in crate::engine) struct ShutdownVm;

/// Asks the guest to shut down.
///
/// # Errors
/// Refused, invalid, hidden, or the database failed.
pub async fn shutdown(cx: &Cx, id: VmId) -> Result<JobId, EngineError> {
    let job = command(cx, id, VmAction::Shutdown, move |cx, db| ask(cx, db, id)).await?;
    jobs::kick(&cx.engine, job);
    Ok(job)
}

fn ask(cx: &Cx, db: &mut Db, id: VmId) -> Result<JobId, EngineError> {
    let run = admit(cx, db, id, VmAction::Shutdown)?;
    let new = NewJob::asked(cx, &run.name);
    let Some(host) = run.host.filter(|_| run.status != VmStatus::Suspended) else {
        // Nobody is there who could be asked: the saved state is thrown away.
        return stop::begin(&cx.engine, db, &run, &new);
    };
    cx.tell(db, EventCode::UserShutdownVm, state::about(&run), "")?;
    keep(&cx.engine, db, id, host, &new)
}

/// The engine itself asks the guest to shut down; who is not asked any more is powered off. In the caller's transaction.
///
/// # Errors
/// Another task holds it, or the database failed.
pub(in crate::engine) fn begin(
    engine: &Arc<Engine>,
    db: &mut Db,
    run: &VmRun,
    new: &NewJob,
) -> Result<JobId, EngineError> {
    match run.host {
        Some(host) => keep(engine, db, run.vm, host, new),
        None => stop::begin(engine, db, run, new),
    }
}

fn keep(engine: &Arc<Engine>, db: &mut Db, vm: VmId, host: HostId, new: &NewJob) -> Result<JobId, EngineError> {
    state::change(engine, db, vm, |run| {
        run.intent = Intent::Shutdown;
        Ok(())
    })?;
    let now = engine.clock.now();
    let args = Args { vm, host, asked: now, last_asked: now, ignored: false };
    jobs::insert::<ShutdownVm>(db, new, &args, &[])
}

impl Kind for ShutdownVm {
    const KIND: JobKind = JobKind::ShutdownVm;
    type Args = Args;
    type Step = Step;

    async fn run(engine: &Arc<Engine>, _: &JobContext, args: &mut Args, step: Step) -> Result<Next, EngineError> {
        let run = state::read(engine, args.vm).await?;
        if run.intent != Intent::Shutdown {
            return Ok(Next::Done);
        }
        match step {
            Step::Ask => {
                engine.call(args.host, &ShutdownVerb { vm: args.vm }).await?;
                Ok(Next::Done)
            }
            Step::Wait if engine.clock.now() - args.asked < engine.timing.shutdown => {
                if engine.clock.now() - args.last_asked >= ASK_AGAIN {
                    args.last_asked = engine.clock.now();
                    engine.call(args.host, &ShutdownVerb { vm: args.vm }).await?;
                }
                Ok(Next::Again(Duration::from_millis(500)))
            }
            Step::Wait => {
                args.ignored = true;
                let seconds = engine.timing.shutdown.as_secs();
                Err(Conflict::StillRuns { seconds }.into())
            }
        }
    }

    async fn undo(engine: &Arc<Engine>, _: &JobContext, args: &mut Args, step: Step) -> Result<(), EngineError> {
        if step == Step::Ask {
            state::write(engine, args.vm, |run| {
                run.intent = if run.intent == Intent::Shutdown { Intent::Run } else { run.intent };
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
        let Outcome::Failed(why) = outcome else { return Ok(()) };
        let about = state::about(&state::load(db, args.vm)?);
        let code = if args.ignored { EventCode::ShutdownIgnored } else { EventCode::StopVmFailed };
        cx.tell(engine, db, code, about, why)
    }
}
