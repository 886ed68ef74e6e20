//! Detaching a VM from its pool: it is an ordinary VM from then on.

use crate::auth;
use crate::db::Db;
use crate::engine::disks::layers;
use crate::engine::jobs::{self, JobContext, Kind, NewJob, Next, Outcome, steps};
use crate::engine::vms::admit::PATIENCE;
use crate::engine::vms::state;
use crate::engine::{Cx, Engine, EngineError};
use crate::model::conflict::{Attempt, Conflict, Holder};
use crate::model::event::{About, EventCode};
use crate::model::ids::{JobId, PermissionId, PoolId, VmId};
use crate::model::job::JobKind;
use crate::model::role::Action;
use crate::model::vm::{Refusal, VmStatus};
use crate::model::vm_state::Intent;
use crate::store::jobs::holder;
use crate::store::permissions;
use crate::store::pools::write as rows;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// What the job knows.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(in crate::engine) struct Args {
    vm: VmId,
    name: String,
    pool: (PoolId, String),
    /// Of who had it.
    permission: Option<PermissionId>,
}

steps! { Step { DropLayers = "drop_layers", } }

/// The job.
pub(in crate::engine) struct DetachFromPool;

/// Makes an ordinary VM of a pool's VM that is down. Who had it has it no more and gets another one of the pool.
///
/// # Errors
/// It belongs to no pool, runs, or another task holds it; or he may not edit the pool.
pub async fn detach(cx: &Cx, vm: VmId) -> Result<JobId, EngineError> {
    let attempt = || {
        let inner = cx.clone();
        cx.engine.db.write(move |db| begin(&inner, db, vm))
    };
    let job = match attempt().await {
        Err(EngineError::Refused { because: Refusal::Locked { job }, .. }) if goes_back(&job) => {
            returned(cx, vm).await?;
            attempt().await?
        }
        other => other?,
    };
    jobs::kick(&cx.engine, job);
    Ok(job)
}

/// It is on its way back to its pool, which takes a moment.
const fn goes_back(job: &Holder) -> bool {
    matches!(job, Holder::Job { kind: JobKind::ReturnToPool, .. })
}

/// Waits for that moment; whether it came the next attempt tells.
async fn returned(cx: &Cx, vm: VmId) -> Result<(), EngineError> {
    let holder = cx.engine.db.read(move |db| Ok::<_, EngineError>(holder(db, &[vm.object()])?)).await?;
    if let Some((job, ..)) = holder {
        let _ = tokio::time::timeout(PATIENCE, jobs::wait(&cx.engine, job)).await;
    }
    Ok(())
}

fn begin(cx: &Cx, db: &mut Db, vm: VmId) -> Result<JobId, EngineError> {
    auth::see(db, &cx.actor, vm.object())?;
    let run = state::load(db, vm)?;
    let Some(member) = rows::membership(db, vm)? else {
        return Err(Conflict::NotInPool { vm: run.name }.into());
    };
    auth::check(db, &cx.actor, Action::EditVmPoolConfiguration, member.pool.object())?;
    // Who takes a VM at this moment comes before or after, not between.
    rows::queue_up(db, member.pool)?;
    let args =
        Args { vm, name: run.name.clone(), pool: (member.pool, member.pool_name), permission: member.permission };
    let job = jobs::insert::<DetachFromPool>(db, &NewJob::asked(cx, &run.name), &args, &[vm.object()])?;
    if run.status != VmStatus::Down || run.host.is_some() {
        let what = Attempt::Job(JobKind::DetachFromPool, run.name);
        let because = match run.status {
            VmStatus::Down => Refusal::HostNotUp { host: run.host_name },
            status => Refusal::Status(status),
        };
        return Err(EngineError::Refused { what, because });
    }
    state::change(&cx.engine, db, vm, |run| {
        run.intent = Intent::Images;
        Ok(())
    })?;
    Ok(job)
}

impl Kind for DetachFromPool {
    const KIND: JobKind = JobKind::DetachFromPool;
    type Args = Args;
    type Step = Step;

    async fn run(engine: &Arc<Engine>, _: &JobContext, args: &mut Args, step: Step) -> Result<Next, EngineError> {
        match step {
            Step::DropLayers => layers::drop_stateless(engine, args.vm).await?,
        }
        Ok(Next::Done)
    }

    /// A layer that is gone stays gone; what is left goes before the next start.
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
        let (pool, pool_name) = args.pool.clone();
        let about = About { vm: Some((args.vm, args.name.clone())), pool: Some((pool, pool_name)), ..About::default() };
        engine.changed(super::topic(), Some(pool.0));
        if outcome == Outcome::Finished {
            if let Some(permission) = args.permission {
                permissions::revoke(db, permission)?;
            }
            rows::detach(db, args.vm)?;
        }
        state::change(engine, db, args.vm, |run| {
            run.intent = Intent::Off;
            Ok(())
        })?;
        match outcome {
            Outcome::Finished => {
                // As in oVirt: a pool without VMs is none.
                if rows::recount(db, pool)? == 0 {
                    rows::remove(db, pool)?;
                } else {
                    super::touch(engine, pool);
                }
                cx.tell(engine, db, EventCode::DetachFromPool, about, "")
            }
            Outcome::Failed(why) => cx.tell(engine, db, EventCode::DetachFromPoolFailed, about, why),
        }
    }
}
