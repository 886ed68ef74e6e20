//! A pool's VM came down: it goes back, as fresh as before.

use crate::db::Db;
use crate::engine::disks::layers;
use crate::engine::jobs::{self, JobContext, Kind, NewJob, Next, Outcome, steps};
use crate::engine::vms::state;
use crate::engine::{Engine, EngineError};
use crate::model::conflict::Conflict;
use crate::model::event::{About, EventCode};
use crate::model::ids::{JobId, VmId};
use crate::model::job::JobKind;
use crate::model::pool::PoolKind;
use crate::model::vm::{Refusal, VmStatus};
use crate::model::vm_state::Intent;
use crate::store::permissions;
use crate::store::pools::write as rows;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::time::Duration;

/// What the job knows.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(in crate::engine) struct Args {
    vm: VmId,
    name: String,
    pool: (crate::model::ids::PoolId, String),
    permission: Option<crate::model::ids::PermissionId>,
    /// Somebody had it.
    taken: bool,
}

steps! { Step { DropLayers = "drop_layers", } }

/// The job.
pub(in crate::engine) struct ReturnToPool;

/// How long the job that brought the VM down may still hold it; after that the pools' reconciler tries again.
const TRIES: u32 = 50;

/// A pool's VM came down: it goes back as fresh as before.
pub(in crate::engine) async fn vm_stopped(engine: &Arc<Engine>, vm: VmId) {
    for _ in 0..TRIES {
        match give_back(engine, vm).await {
            Ok(_) | Err(EngineError::Conflict(Conflict::ChangedMeanwhile)) => return,
            Err(EngineError::Refused { because: Refusal::Locked { .. }, .. }) => {
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
            Err(error) => {
                tracing::warn!(%vm, %error, "it could not be given back to its pool");
                return;
            }
        }
    }
}

/// A permission on a VM was taken away: if it was that of who took the VM from its pool, the VM goes back when it is down.
///
/// # Errors
/// The database failed.
pub(in crate::engine) async fn permission_gone(
    engine: &Arc<Engine>,
    vm: VmId,
    permission: crate::model::ids::PermissionId,
) -> Result<(), EngineError> {
    let found = engine.db.write(move |db| Ok::<_, EngineError>(rows::forget_permission(db, vm, permission)?)).await?;
    if found {
        vm_stopped(engine, vm).await;
    }
    Ok(())
}

/// Starts the job, if there is anything to give back.
///
/// # Errors
/// Another task holds the VM, or the database failed.
pub(super) async fn give_back(engine: &Arc<Engine>, vm: VmId) -> Result<Option<JobId>, EngineError> {
    let inner = engine.clone();
    let job = engine.db.write(move |db| begin(&inner, db, vm)).await?;
    if let Some(job) = job {
        jobs::kick(engine, job);
    }
    Ok(job)
}

fn begin(engine: &Arc<Engine>, db: &mut Db, vm: VmId) -> Result<Option<JobId>, EngineError> {
    let Some(member) = rows::membership(db, vm)? else { return Ok(None) };
    let run = state::load(db, vm)?;
    // In a manual pool it stays his until his permission is taken away.
    let keeps = member.kind == PoolKind::Manual && member.permission.is_some();
    // One that is tied to a host that is away may run there still, on the layers that would go.
    if keeps || run.status != VmStatus::Down || run.host.is_some() {
        return Ok(None);
    }
    let dirty = |db: &mut Db| Ok::<_, EngineError>(!crate::store::disks::layers::of_vm(db, vm)?.is_empty());
    if member.taken_by.is_none() && !dirty(db)? {
        return Ok(None);
    }
    let args = Args {
        vm,
        name: run.name.clone(),
        pool: (member.pool, member.pool_name.clone()),
        permission: member.permission,
        taken: member.taken_by.is_some(),
    };
    let job = jobs::insert::<ReturnToPool>(db, &NewJob::own(engine, &run.name), &args, &[vm.object()])?;
    // Another task may have given it back between the question and the lock.
    let same = rows::membership(db, vm)?.is_some_and(|now| now == member) && state::load(db, vm)?.status == run.status;
    if !same || (member.taken_by.is_none() && !dirty(db)?) {
        return Err(Conflict::ChangedMeanwhile.into());
    }
    state::change(engine, db, vm, |run| {
        run.intent = Intent::Images;
        Ok(())
    })?;
    Ok(Some(job))
}

impl Kind for ReturnToPool {
    const KIND: JobKind = JobKind::ReturnToPool;
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
        _: Outcome<'_>,
    ) -> Result<(), EngineError> {
        if let Some(permission) = args.permission {
            permissions::revoke(db, permission)?;
        }
        rows::release(db, args.vm)?;
        state::change(engine, db, args.vm, |run| {
            run.intent = Intent::Off;
            Ok(())
        })?;
        engine.changed(super::topic(), Some(args.pool.0.0));
        super::touch(engine, args.pool.0);
        if !args.taken {
            return Ok(());
        }
        let about = About { vm: Some((args.vm, args.name.clone())), pool: Some(args.pool.clone()), ..About::default() };
        cx.tell(engine, db, EventCode::ReturnToPool, about, "")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::testing::Bench;
    use crate::engine::testing::kinds::{new_pool, template, wait};
    use crate::engine::{pools, vms};
    use std::time::Duration;

    #[tokio::test(flavor = "multi_thread")]
    async fn who_detaches_a_vm_on_its_way_back_waits_for_it() {
        let bench = Bench::new().await;
        let golden = template(&bench).await;
        let pool = pools::create(&bench.cx, new_pool(golden)).await.unwrap();
        wait(&bench, pool.job).await;
        let vm = pools::vms(&bench.cx, pool.id).await.unwrap().remove(0);
        let (id, name, engine) = (vm.id, vm.name.clone(), bench.engine.clone());
        let args = Args { vm: id, name, pool: (pool.id, "desks".to_owned()), permission: None, taken: false };
        let hold = move |db: &mut Db| {
            let new = NewJob::own(&engine, &args.name);
            jobs::insert::<ReturnToPool>(db, &new, &args, &[id.object()])
        };
        let job = bench.engine.db.write(hold).await.unwrap();
        let (detached, ()) = tokio::join!(pools::detach(&bench.cx, id), async {
            tokio::time::sleep(Duration::from_millis(200)).await;
            jobs::kick(&bench.engine, job);
        });
        wait(&bench, detached.unwrap()).await;
        assert_eq!(vms::get(&bench.cx, id).await.unwrap().row.pool, None);
        bench.assert_no_locks().await;
    }
}
