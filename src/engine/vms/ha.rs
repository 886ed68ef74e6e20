//! High availability: a VM that went down without being told to is started again where it can be. (oVirt's AutoStartVmsRunner.)
//!
//! What is to be started again stands in the database, in the transaction that found the VM down: no crash of the engine loses it. A VM
//! whose host is silent is not down: it is when that host is known to be off, or its lease has run out ([`super::lease`]).

use crate::db::Db;
use crate::engine::jobs::{self, NewJob};
use crate::engine::quotas::Asker;
use crate::engine::vms::start::{self, StartVm};
use crate::engine::vms::state;
use crate::engine::{Engine, EngineError};
use crate::model::event::EventCode;
use crate::model::ids::JobId;
use crate::model::vm::VmStatus;
use crate::model::vm_state::Intent;
use crate::store::vms::ha::{self as store, Waiting};
use crate::store::vms::run::{self, VmRun};
use std::sync::Arc;
use time::Duration;

/// After a try that failed the next comes so much later (oVirt's RetryToRunAutoStartVmIntervalInSeconds).
const RETRY: Duration = Duration::seconds(30);
/// oVirt's MaxNumOfTriesToRunFailedAutoStartVm.
const TRIES: u32 = 10;

/// It went down without being told to, in the caller's transaction.
///
/// # Errors
/// The database failed.
pub(in crate::engine) fn went_down(engine: &Arc<Engine>, db: &mut Db, run: &VmRun) -> Result<(), EngineError> {
    // A pool looks after its own.
    if run.pool.is_some() || !store::is_marked(db, run.vm)? {
        return Ok(());
    }
    store::want(db, run.vm, engine.clock.now())?;
    let engine = engine.clone();
    crate::db::after_commit(move || engine.reconcilers.wake("high availability"));
    Ok(())
}

/// Starts what is to be started again, the most important first.
///
/// # Errors
/// The database failed.
pub(in crate::engine) async fn restart(engine: &Arc<Engine>) -> Result<(), EngineError> {
    let now = engine.clock.now();
    for waiting in engine.db.read(move |db| Ok::<_, EngineError>(store::due(db, now)?)).await? {
        let inner = engine.clone();
        if let Some(job) = engine.db.write(move |db| try_one(&inner, db, waiting)).await? {
            jobs::kick(engine, job);
        }
    }
    Ok(())
}

fn try_one(engine: &Arc<Engine>, db: &mut Db, waiting: Waiting) -> Result<Option<JobId>, EngineError> {
    let run = state::load(db, waiting.vm)?;
    // It is only being ended.
    if run.intent == Intent::Off && run.observed.is_living() {
        return Ok(None);
    }
    if run.status.is_running() || run.status == VmStatus::Suspended {
        // Somebody was faster.
        store::forget(db, waiting.vm)?;
        return Ok(None);
    }
    if run.status != VmStatus::Down || run::is_locked(db, waiting.vm)? {
        return Ok(None);
    }
    let tries = waiting.tries + 1;
    store::tried(db, waiting.vm, tries, engine.clock.now() + RETRY)?;
    match start::reserve(Asker { engine, by: None }, db, &run) {
        Ok(args) => {
            let new = NewJob::own(engine, &run.name);
            let job = jobs::insert::<StartVm>(db, &new, &args, &[run.vm.object()])?;
            // It is forgotten when it is seen to run.
            let about = state::about(&state::load(db, waiting.vm)?);
            engine.tell(db, EventCode::HaRestart, about, "")?;
            Ok(Some(job))
        }
        Err(error @ (EngineError::Refused { .. } | EngineError::Conflict(_) | EngineError::Invalid(_))) => {
            if tries >= TRIES {
                store::forget(db, waiting.vm)?;
                engine.tell(db, EventCode::HaGivenUp, state::about(&run), &error.to_string())?;
            } else if tries == 1 {
                engine.tell(db, EventCode::HaWaits, state::about(&run), &error.to_string())?;
            }
            Ok(None)
        }
        Err(error) => Err(error),
    }
}
