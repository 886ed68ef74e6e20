//! VMs that stand still because a read or write failed (the disk was full, or gone for a while): they go on when the storage is back, stay
//! as they are, or are ended, as each VM says.

use crate::engine::vms::{ha, state};
use crate::engine::{Engine, EngineError};
use crate::model::event::EventCode;
use crate::model::host::HostStatus;
use crate::model::vm_settings::ResumeBehaviour;
use crate::model::vm_state::{Intent, Observed};
use crate::store::vms::io_pause::{self as store, Halted};
use crate::store::vms::{launch, run};
use crate::wire::DomainPath;
use crate::wire::guest::ResumeIo;
use std::sync::Arc;

const GIVEN_UP: &str = "Its storage failed for too long.";

/// Looks after all of them.
///
/// # Errors
/// The database failed.
pub(in crate::engine) async fn watch(engine: &Arc<Engine>) -> Result<(), EngineError> {
    for halted in engine.db.read(|db| Ok::<_, EngineError>(store::all(db)?)).await? {
        match halted.behaviour {
            ResumeBehaviour::LeavePaused => {}
            ResumeBehaviour::AutoResume => go_on(engine, halted).await?,
            ResumeBehaviour::Kill => {
                let patience = time::Duration::try_from(engine.timing.io_pause).unwrap_or_default();
                if halted.since.saturating_add(patience) <= engine.clock.now() {
                    end(engine, halted).await?;
                } else {
                    go_on(engine, halted).await?;
                }
            }
        }
    }
    Ok(())
}

/// Has it go on, if its host can write to all its storage again.
async fn go_on(engine: &Arc<Engine>, halted: Halted) -> Result<(), EngineError> {
    let vm = halted.vm;
    let Some(config) = engine.db.read(move |db| Ok::<_, EngineError>(launch::get(db, vm)?)).await? else {
        return Ok(());
    };
    let mut domains: Vec<DomainPath> = Vec::new();
    for disk in config.disks.iter().filter(|disk| disk.active && !disk.read_only) {
        if domains.iter().all(|known| known.id != disk.domain) {
            domains.push(DomainPath { id: disk.domain, path: disk.domain_path.clone() });
        }
    }
    // That it runs is told by its host.
    if let Err(error) = engine.call(halted.host, &ResumeIo { vm, domains }).await {
        tracing::debug!(%vm, %error, "its storage is not back yet");
    }
    Ok(())
}

/// It is to be off, and started again if it is highly available: both are kept together, so that no crash of the engine parts them.
async fn end(engine: &Arc<Engine>, halted: Halted) -> Result<(), EngineError> {
    let inner = engine.clone();
    engine
        .db
        .write(move |db| {
            let before = state::load(db, halted.vm)?;
            let answers = before.host == Some(halted.host) && before.host_status == Some(HostStatus::Up);
            let as_seen = before.observed == Observed::PausedIo && before.intent != Intent::Off;
            if !answers || !as_seen || run::is_locked(db, halted.vm)? {
                return Ok(());
            }
            state::change(&inner, db, halted.vm, |run| {
                run.intent = Intent::Off;
                Ok(())
            })?;
            inner.tell(db, EventCode::VmDownError, state::about(&before), GIVEN_UP)?;
            ha::went_down(&inner, db, &before)?;
            let engine = inner.clone();
            crate::db::after_commit(move || engine.reconcilers.wake("unwanted guests"));
            Ok(())
        })
        .await
}
