//! VMs of a pool that follows its template: those that are down and free are taken to the newest version ahead of their next start, so
//! that an old version falls free and nobody waits for it.

use super::follow::follow;
use crate::db::Db;
use crate::engine::jobs::{self, JobContext, Kind, NewJob, Next, Outcome, steps};
use crate::engine::vms::state;
use crate::engine::{Engine, EngineError};
use crate::model::ids::{JobId, PoolId, TemplateId, VmId};
use crate::model::job::JobKind;
use crate::model::permission::ObjectKind;
use crate::model::vm::VmStatus;
use crate::store::pools::write::membership;
use crate::store::templates::versions;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::sync::Arc;

/// So many of a pool are taken at a time: most of a pool stays to be taken by people.
const AT_ONCE: usize = 8;

/// What the job knows.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(in crate::engine) struct Args {
    vm: VmId,
    pool: PoolId,
}

steps! { Step { LayAnew = "lay_anew", } }

/// The job.
pub(in crate::engine) struct RenewVm;

/// Begins with some VMs of each pool that follows its template; of those in `due`, or of all.
///
/// # Errors
/// The database failed.
pub(in crate::engine) async fn renew_pools(
    engine: &Arc<Engine>,
    due: &BTreeSet<PoolId>,
    all: bool,
) -> Result<(), EngineError> {
    let pools = engine.db.read(|db| Ok::<_, EngineError>(versions::following(db)?)).await?;
    for (pool, template) in pools.into_iter().filter(|one| all || due.contains(&one.0)) {
        let find = move |db: &mut Db| {
            let newest = versions::newest(db, template)?;
            let more = AT_ONCE.saturating_sub(versions::renewing(db, pool)?);
            Ok::<_, EngineError>((newest, versions::behind(db, pool, newest, more)?))
        };
        let (newest, behind) = engine.db.read(find).await?;
        for vm in behind {
            let inner = engine.clone();
            // Another task, or a person, may come first.
            match engine.db.write(move |db| begin(&inner, db, vm, pool, newest)).await {
                Ok(Some(job)) => jobs::kick(engine, job),
                Ok(None) | Err(EngineError::Refused { .. } | EngineError::Conflict(_)) => {}
                Err(error) => tracing::debug!(%vm, %error, "not taken to the newest version yet"),
            }
        }
    }
    Ok(())
}

/// The job; none: the VM is not as it was any more.
fn begin(
    engine: &Arc<Engine>,
    db: &mut Db,
    vm: VmId,
    pool: PoolId,
    newest: TemplateId,
) -> Result<Option<JobId>, EngineError> {
    let run = state::load(db, vm)?;
    let free = membership(db, vm)?.is_some_and(|member| member.pool == pool && member.taken_by.is_none());
    let idle = free && run.status == VmStatus::Down && run.host.is_none() && !versions::held(db, pool)?;
    if !idle || versions::template_of(db, vm)? == newest {
        return Ok(None);
    }
    let job = jobs::insert::<RenewVm>(db, &NewJob::own(engine, &run.name), &Args { vm, pool }, &[vm.object()])?;
    Ok(Some(job))
}

impl Kind for RenewVm {
    const KIND: JobKind = JobKind::RenewVm;
    type Args = Args;
    type Step = Step;

    async fn run(engine: &Arc<Engine>, _: &JobContext, args: &mut Args, step: Step) -> Result<Next, EngineError> {
        let Step::LayAnew = step;
        follow(engine, args.vm).await?;
        Ok(Next::Done)
    }

    /// However far it came, the VM's next start goes on from there.
    async fn undo(_: &Arc<Engine>, _: &JobContext, _: &mut Args, _: Step) -> Result<(), EngineError> {
        Ok(())
    }

    fn ended(
        engine: &Arc<Engine>,
        _: &JobContext,
        _: &mut Db,
        args: &Args,
        outcome: Outcome<'_>,
    ) -> Result<(), EngineError> {
        // The next of them. What failed is tried again with the next look at all pools, or by its start.
        if outcome == Outcome::Finished {
            crate::engine::pools::touch(engine, args.pool);
        }
        engine.changed(crate::engine::changes::Topic::Object(ObjectKind::Pool), Some(args.pool.0));
        Ok(())
    }
}
