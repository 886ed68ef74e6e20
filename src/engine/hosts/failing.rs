//! A host on which VMs cannot be started that then start elsewhere is left alone for a while (oVirt's state "error").

use super::connect_all;
use crate::engine::changes::Topic;
use crate::engine::{Engine, EngineError};
use crate::model::event::{About, EventCode};
use crate::model::host::HostStatus;
use crate::model::ids::HostId;
use crate::model::permission::ObjectKind;
use crate::store::hosts::write as store;
use std::collections::HashMap;
use std::sync::{Arc, MutexGuard, PoisonError};
use std::time::Instant;

/// So many VMs (oVirt's `NumberOfFailedRunsOnVds`).
const MOST: usize = 3;
const WHY: &str = "several VMs could not be started here, and were started on other hosts";

type Failures = HashMap<HostId, Vec<Instant>>;

fn failures(engine: &Engine) -> MutexGuard<'_, Failures> {
    engine.hosts.failures.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A VM runs that these hosts could not start: it was not the VM's fault.
///
/// # Errors
/// The database failed.
pub(in crate::engine) async fn started_elsewhere(engine: &Arc<Engine>, tried: &[HostId]) -> Result<(), EngineError> {
    for host in tried.iter().copied() {
        let many = {
            let mut all = failures(engine);
            let own = all.entry(host).or_default();
            own.retain(|at| at.elapsed() < engine.timing.host_error);
            own.push(Instant::now());
            own.len() >= MOST
        };
        if many {
            fail(engine, host).await?;
        }
    }
    Ok(())
}

async fn fail(engine: &Arc<Engine>, host: HostId) -> Result<(), EngineError> {
    let inner = engine.clone();
    let fail = engine.db.write(move |db| {
        let Some(row) = store::row(db, host)?.filter(|row| row.status == HostStatus::Up) else { return Ok(()) };
        if store::set_status(db, &row, HostStatus::Error, WHY)? {
            let about = About { host: Some((host, row.name.clone())), ..About::default() };
            inner.tell(db, EventCode::HostFailsVms, about, "")?;
            inner.changed(Topic::Object(ObjectKind::Host), Some(host.0));
        }
        Ok::<_, EngineError>(())
    });
    fail.await
}

/// Those that were left alone for long enough (oVirt's `TimeToReduceFailedRunOnVdsInMinutes`) are greeted as new. What an engine that
/// was started since does not remember counts from its start.
///
/// # Errors
/// The database failed, or TLS cannot be set up.
pub(super) async fn recover(engine: &Arc<Engine>) -> Result<(), EngineError> {
    let rows = engine.db.read(|db| Ok::<_, EngineError>(store::all(db)?)).await?;
    for row in rows.into_iter().filter(|row| row.status == HostStatus::Error) {
        let since = failures(engine).get(&row.id).and_then(|own| own.last().map(Instant::elapsed));
        if since.unwrap_or_else(|| engine.hosts.watched_for()) < engine.timing.host_error {
            continue;
        }
        failures(engine).remove(&row.id);
        let id = row.id;
        let inner = engine.clone();
        let begin = engine.db.write(move |db| {
            let done = store::set_status(db, &row, HostStatus::Unassigned, "")?;
            inner.changed(Topic::Object(ObjectKind::Host), Some(row.id.0));
            Ok::<_, EngineError>(done)
        });
        if begin.await? {
            engine.hosts.hang_up(id);
        }
    }
    connect_all(engine).await
}
