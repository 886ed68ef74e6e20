//! Keeps the wanted number of untaken VMs running, and gives back what a crash left taken.

use crate::db::Db;
use crate::engine::jobs::{self, NewJob};
use crate::engine::vms::{start, state};
use crate::engine::{Engine, EngineError};
use crate::model::ids::{JobId, PoolId, UserId, VmId};
use crate::model::vm::VmStatus;
use crate::store::pools::{self, write as rows};
use crate::store::scope::Scope;
use std::sync::Arc;

/// Runs every few seconds and after each take.
///
/// # Errors
/// The database failed.
pub(in crate::engine) async fn prestart(engine: &Arc<Engine>) -> Result<(), EngineError> {
    let nobody = UserId::fixed(0);
    let all = engine.db.read(move |db| Ok::<_, EngineError>(pools::list(db, &Scope::All, nobody)?)).await?;
    for pool in all {
        let id = pool.id;
        let members = engine.db.read(move |db| Ok::<_, EngineError>(rows::members(db, id)?)).await?;
        let idle = members.iter().filter(|m| !m.locked && m.status == VmStatus::Down);
        for member in idle {
            // Nothing to give back: nothing happens.
            if let Err(error) = super::give_back::give_back(engine, member.vm).await {
                tracing::debug!(vm = %member.vm, %error, "not given back yet");
            }
        }
        let running = members.iter().filter(|m| m.taken_by.is_none() && m.status.is_running()).count();
        let missing = (pool.prestarted as usize).saturating_sub(running);
        let fresh = members.iter().filter(|m| m.taken_by.is_none() && !m.locked && m.status == VmStatus::Down);
        for member in fresh.take(missing) {
            start_one(engine, id, member.vm).await;
        }
    }
    Ok(())
}

async fn start_one(engine: &Arc<Engine>, pool: PoolId, vm: VmId) {
    let inner = engine.clone();
    match engine.db.write(move |db| begin(&inner, db, vm)).await {
        Ok(job) => jobs::kick(engine, job),
        Err(error) => tracing::warn!(%pool, %vm, %error, "it cannot be started ahead"),
    }
}

fn begin(engine: &Arc<Engine>, db: &mut Db, vm: VmId) -> Result<JobId, EngineError> {
    let run = state::load(db, vm)?;
    start::begin(engine, db, &run, &NewJob::own(engine, &run.name))
}
