//! A guest that its host cannot start is started on another (oVirt's rerun).

use super::start::{Args, How, prepare, this_time, tie};
use super::state;
use crate::engine::jobs::Next;
use crate::engine::{Engine, EngineError, scheduler};
use crate::model::event::EventCode;
use crate::model::vm_state::Intent;
use crate::wire::StopVm;
use std::sync::Arc;
use std::time::Duration;

/// So many hosts are tried (oVirt's `MaxRerunVmOnVdsCount`).
const HOSTS: usize = 3;

/// Which host it is meant to start on is kept with the VM: an engine that was killed between that and its job's own note goes on there,
/// with all that the host has to have.
///
/// # Errors
/// The host refuses, or the database failed.
pub(super) async fn follow(engine: &Arc<Engine>, args: &mut Args) -> Result<(), EngineError> {
    let meant = state::read(engine, args.vm).await?.host;
    if args.how != How::Launch || meant.is_none_or(|host| host == args.host) {
        return Ok(());
    }
    // Only a host that has been prepared is gone on with: one that is away just now is prepared when it is back.
    let mut next = args.clone();
    next.tried.push(args.host);
    next.host = meant.unwrap_or(args.host);
    prepare(engine, &mut next).await?;
    *args = next;
    Ok(())
}

/// Chooses another host after one that could not start it.
///
/// # Errors
/// `why`, where there is no other host for it.
pub(super) async fn elsewhere(engine: &Arc<Engine>, args: &Args, why: EngineError) -> Result<Next, EngineError> {
    // A host that is away may have started it after all; and what is saved on a host goes on there only.
    let there = matches!(why, EngineError::Unavailable(_) | EngineError::Db(_) | EngineError::Query(_));
    if there || args.how != How::Launch || args.tried.len() + 1 >= HOSTS {
        return Err(why);
    }
    let (vm, failed) = (args.vm, args.host);
    match engine.call(failed, &StopVm { vm }).await {
        Ok(()) | Err(EngineError::NotFoundOnHost(_)) => {}
        Err(_) => return Err(why),
    }
    let tried: Vec<_> = args.tried.iter().copied().chain([failed]).collect();
    let (inner, because) = (engine.clone(), why.to_string());
    let found = engine.db.write(move |db| {
        let (config, once) = this_time(db, vm)?;
        // Who chose the host wants it there.
        if once.host.is_some() {
            return Ok(false);
        }
        let host = match scheduler::settle_elsewhere(&inner, db, &config, tried) {
            Ok(host) => host,
            Err(error @ (EngineError::Db(_) | EngineError::Query(_))) => return Err(error),
            // None has room for it.
            Err(_) => return Ok(false),
        };
        let about = state::about(&state::load(db, vm)?);
        inner.tell(db, EventCode::RunVmOnHostFailed, about, &because)?;
        state::change(&inner, db, vm, |run| {
            run.intent = Intent::Run;
            tie(&inner, run, host);
            Ok(())
        })?;
        Ok::<_, EngineError>(true)
    });
    if found.await? { Ok(Next::Again(Duration::ZERO)) } else { Err(why) }
}
