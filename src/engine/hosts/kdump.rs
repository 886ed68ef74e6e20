//! A host whose kernel crashed and is being dumped is left alone until that is done: powering it off would lose the dump. Nothing that ran
//! there runs any more, so its VMs are down at once.
//!
//! Such a message is signed by nobody: it is believed only of a host that does not answer and for which somebody has turned this on, and a
//! VM that ran on all the same would still hold its disks' locks.

use super::{enrol, off};
use crate::auth;
use crate::db::Db;
use crate::engine::changes::Topic;
use crate::engine::{Cx, Engine, EngineError};
use crate::hosts::kdump::{KdumpListener, addresses};
use crate::model::event::EventCode;
use crate::model::host::HostStatus;
use crate::model::ids::HostId;
use crate::model::permission::ObjectKind;
use crate::model::role::Action;
use crate::store::hosts::kdump as store;
use crate::store::hosts::write;
use std::net::IpAddr;
use std::sync::Arc;

pub use crate::hosts::kdump::PORT;

/// A crashed kernel's successor needs so long until it sends (oVirt's KdumpStartedTimeout); it is not fenced sooner.
pub(super) const STARTS: time::Duration = time::Duration::seconds(30);
/// Who was silent for so long has dumped (oVirt's FenceKdumpMessageInterval, several times).
const FINISHED: time::Duration = time::Duration::seconds(60);

/// Whether a host is listened for.
///
/// # Errors
/// Hidden, or the database failed.
pub async fn is_on(cx: &Cx, host: HostId) -> Result<bool, EngineError> {
    let inner = cx.clone();
    cx.engine
        .db
        .read(move |db| {
            auth::see(db, &inner.actor, host.object())?;
            Ok(store::is_on(db, host)?)
        })
        .await
}

/// Listens for it, or not any more.
///
/// # Errors
/// Refused, hidden, or the database failed.
pub async fn set(cx: &Cx, host: HostId, on: bool) -> Result<(), EngineError> {
    let inner = cx.clone();
    cx.engine
        .db
        .write(move |db| {
            auth::check(db, &inner.actor, Action::EditHostConfiguration, host.object())?;
            let row = write::row(db, host)?;
            let row = row.ok_or_else(|| EngineError::NotFound { kind: "host", id: host.to_string() })?;
            store::set(db, host, on)?;
            inner.engine.changed(Topic::Object(ObjectKind::Host), Some(host.0));
            inner.tell(db, EventCode::HostEdited, enrol::about(host, &row.name), "")
        })
        .await
}

/// Listens for as long as the engine runs.
///
/// # Errors
/// The port is taken.
pub async fn listen(engine: &Arc<Engine>, port: u16) -> Result<(), EngineError> {
    let listener = KdumpListener::bind(port).await;
    let listener = listener.map_err(|e| EngineError::Internal(format!("UDP port {port} for crashed hosts: {e}")))?;
    let engine = engine.clone();
    tokio::spawn(async move {
        loop {
            match listener.next().await {
                Ok(from) => {
                    if let Err(error) = heard(&engine, from).await {
                        tracing::warn!(%from, %error, "a crashed host's message could not be kept");
                    }
                }
                Err(error) => {
                    tracing::warn!(%error, "crashed hosts cannot be heard just now");
                    tokio::time::sleep(std::time::Duration::from_secs(1)).await;
                }
            }
        }
    });
    Ok(())
}

async fn heard(engine: &Arc<Engine>, from: IpAddr) -> Result<(), EngineError> {
    for (host, address, status, _) in engine.db.read(|db| Ok::<_, EngineError>(store::all(db)?)).await? {
        let silent = matches!(status, HostStatus::NonResponsive | HostStatus::Kdumping);
        if silent && addresses(&address).await.contains(&from) {
            let inner = engine.clone();
            engine.db.write(move |db| dumps(&inner, db, host)).await?;
        }
    }
    Ok(())
}

fn dumps(engine: &Arc<Engine>, db: &mut Db, host: HostId) -> Result<(), EngineError> {
    store::heard(db, host, engine.clock.now())?;
    let Some(row) = write::row(db, host)?.filter(|row| row.status == HostStatus::NonResponsive) else { return Ok(()) };
    // Who powers it on or off just now knows what he does.
    if crate::store::jobs::of_lock(db, host.object())?.is_some() {
        return Ok(());
    }
    engine.tell(db, EventCode::KdumpDetected, enrol::about(host, &row.name), "")?;
    off::runs_nothing(engine, db, &row, HostStatus::Kdumping)
}

/// Hosts that have dumped are down; they boot by themselves, and are up when they answer.
///
/// # Errors
/// The database failed.
pub(in crate::engine) async fn watch(engine: &Arc<Engine>) -> Result<(), EngineError> {
    let inner = engine.clone();
    engine
        .db
        .write(move |db| {
            let long_ago = inner.clock.now().saturating_sub(FINISHED);
            for (host, _, status, heard) in store::all(db)? {
                let done = status == HostStatus::Kdumping && heard.is_none_or(|heard| heard < long_ago);
                let Some(row) = write::row(db, host)?.filter(|_| done) else { continue };
                inner.tell(db, EventCode::KdumpFinished, enrol::about(host, &row.name), "")?;
                off::runs_nothing(&inner, db, &row, HostStatus::Down)?;
            }
            Ok(())
        })
        .await
}
