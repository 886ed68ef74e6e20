//! Removing a pool with its VMs.

use crate::auth;
use crate::db::Db;
use crate::engine::jobs::{self, JobContext, Kind, NewJob, Next, Outcome, steps};
use crate::engine::storage;
use crate::engine::vms::remove::{Doomed, doomed, forget};
use crate::engine::vms::state;
use crate::engine::{Cx, Engine, EngineError};
use crate::model::conflict::Conflict;
use crate::model::event::{About, EventCode};
use crate::model::ids::{JobId, ObjectId, PoolId, VmId};
use crate::model::job::JobKind;
use crate::model::role::Action;
use crate::model::vm::VmStatus;
use crate::model::vm_state::Intent;
use crate::store::disks::write as disks;
use crate::store::pools::{self, write as rows};
use crate::store::vms;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// What the job knows.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(in crate::engine) struct Args {
    pool: PoolId,
    name: String,
    vms: Vec<(VmId, Vec<Doomed>)>,
}

steps! { Step { ForgetDomain = "forget_domain", RemoveImages = "remove_images", } }

/// The job.
pub(in crate::engine) struct RemovePool;

/// Removes a pool with its VMs; none may be taken or run.
///
/// # Errors
/// Names the VMs that are in use.
pub async fn remove(cx: &Cx, id: PoolId) -> Result<JobId, EngineError> {
    let inner = cx.clone();
    let job = cx.engine.db.write(move |db| begin(&inner, db, id)).await?;
    jobs::kick(&cx.engine, job);
    Ok(job)
}

fn begin(cx: &Cx, db: &mut Db, id: PoolId) -> Result<JobId, EngineError> {
    auth::check(db, &cx.actor, Action::DeleteVmPool, id.object())?;
    let missing = || EngineError::NotFound { kind: "pool", id: id.to_string() };
    let pool = pools::get(db, id, cx.actor.user)?.ok_or_else(missing)?;
    let members = rows::members(db, id)?;
    let busy: Vec<&str> = members
        .iter()
        .filter(|m| m.taken_by.is_some() || m.status != VmStatus::Down)
        .map(|m| m.name.as_str())
        .take(10)
        .collect();
    if !busy.is_empty() {
        return Err(Conflict::PoolBusy { pool: pool.name, vms: busy.join(", ") }.into());
    }
    let mut locks: Vec<ObjectId> = vec![id.object()];
    let mut vms = Vec::new();
    for member in &members {
        let disks = doomed(db, member.vm)?;
        locks.push(member.vm.object());
        locks.extend(disks.iter().map(|d| d.disk.object()));
        vms.push((member.vm, disks));
    }
    let args = Args { pool: id, name: pool.name.clone(), vms };
    let job = jobs::insert::<RemovePool>(db, &NewJob::asked(cx, &pool.name), &args, &locks)?;
    set_intent(&cx.engine, db, &args, Intent::Images)?;
    Ok(job)
}

fn set_intent(engine: &Arc<Engine>, db: &mut Db, args: &Args, intent: Intent) -> Result<(), EngineError> {
    for (vm, _) in &args.vms {
        state::change(engine, db, *vm, |run| {
            run.intent = intent;
            Ok(())
        })?;
    }
    Ok(())
}

impl Kind for RemovePool {
    const KIND: JobKind = JobKind::RemovePool;
    type Args = Args;
    type Step = Step;

    async fn run(engine: &Arc<Engine>, _: &JobContext, args: &mut Args, step: Step) -> Result<Next, EngineError> {
        for (vm, disks) in &args.vms {
            match step {
                Step::ForgetDomain => forget(engine, *vm).await?,
                Step::RemoveImages => {
                    for doomed in disks {
                        storage::remove_disk(engine, doomed.host, doomed.domain.clone(), doomed.disk).await?;
                    }
                }
            }
        }
        Ok(Next::Done)
    }

    /// What is removed stays removed; the pool can be removed again.
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
        engine.changed(super::topic(), Some(args.pool.0));
        if outcome != Outcome::Finished {
            return set_intent(engine, db, args, Intent::Off);
        }
        for (vm, doomed) in &args.vms {
            for one in doomed {
                disks::remove(db, one.disk)?;
            }
            vms::insert::remove(db, *vm)?;
        }
        rows::remove(db, args.pool)?;
        let about = About { pool: Some((args.pool, args.name.clone())), ..About::default() };
        cx.tell(engine, db, EventCode::UserRemovePool, about, "")
    }
}
