//! Every pool that is to start at once has a memory of its VMs' make; those that are not used any more go.

use super::{find, model, save};
use crate::db::Db;
use crate::engine::{Engine, EngineError, jobs, storage};
use crate::model::ids::{ImageId, JobId};
use crate::model::pool::{MemoryState, PoolMemory};
use crate::store::pools::memory as store;
use crate::store::scheduling::places;
use crate::store::storage_domains;
use crate::wire::{DomainPath, ImagePath, RemoveImage};
use std::sync::Arc;

/// Saves what is missing, removes what nobody needs.
///
/// # Errors
/// The database failed.
pub(in crate::engine) async fn keep(engine: &Arc<Engine>) -> Result<(), EngineError> {
    let idle = engine.db.read(|db| Ok::<_, EngineError>(store::wanted(db)?.is_empty() && store::all(db)?.is_empty()));
    if idle.await? {
        return Ok(());
    }
    let inner = engine.clone();
    for job in engine.db.write(move |db| save_missing(&inner, db)).await? {
        jobs::kick(engine, job);
    }
    let gone = engine.db.read(|db| {
        let mut gone = Vec::new();
        for memory in store::all(db)?.into_iter().filter(|m| m.state == MemoryState::Retired) {
            let held = crate::store::jobs::holder(db, &[memory.id.object()])?.is_some();
            if !held && !store::is_used(db, memory.id)? {
                gone.push(memory);
            }
        }
        Ok::<_, EngineError>(gone)
    });
    for memory in gone.await? {
        if let Err(error) = remove(engine, &memory).await {
            tracing::warn!(memory = %memory.id, %error, "a saved memory that nobody needs is not removed yet");
        }
    }
    Ok(())
}

fn save_missing(engine: &Arc<Engine>, db: &mut Db) -> Result<Vec<JobId>, EngineError> {
    let wanted = store::wanted(db)?;
    let current: Vec<PoolMemory> = store::all(db)?.into_iter().filter(|m| m.state != MemoryState::Retired).collect();
    for memory in current.iter().filter(|m| m.state != MemoryState::Making) {
        if !wanted.iter().any(|(pool, _)| *pool == memory.pool) {
            store::retire(db, memory.id)?;
        }
    }
    let mut begun = Vec::new();
    for (pool, name) in wanted {
        let memory = current.iter().find(|m| m.pool == pool);
        let due = match memory {
            None => true,
            Some(m) => match m.state {
                MemoryState::Failed => m.next_try.is_none_or(|at| at <= engine.clock.now()),
                MemoryState::Ready => !fits(db, m)?,
                MemoryState::Making | MemoryState::Retired => false,
            },
        };
        if !due {
            continue;
        }
        match save::begin(engine, db, pool, &name) {
            Ok(job) => begun.extend(job),
            // No host has room just now.
            Err(error @ (EngineError::Refused { .. } | EngineError::Invalid(_) | EngineError::Unavailable(_))) => {
                tracing::info!(%pool, %error, "no memory is saved for it just now");
            }
            Err(error) => return Err(error),
        }
    }
    Ok(begun)
}

/// On some host of its cluster its VMs can still go on from it.
fn fits(db: &mut Db, memory: &PoolMemory) -> Result<bool, EngineError> {
    let Some(vm) = model(db, memory.pool)? else { return Ok(true) };
    for (host, _) in places::facts(db, vm.cluster)? {
        if find(db, host, &vm)?.is_some() {
            return Ok(true);
        }
    }
    Ok(false)
}

async fn remove(engine: &Arc<Engine>, memory: &PoolMemory) -> Result<(), EngineError> {
    let (id, domain) = (memory.id, memory.domain);
    let (place, layers) = engine
        .db
        .read(move |db| {
            let place = match storage_domains::places(db)?.into_iter().find(|p| p.id == domain) {
                Some(p) => Some((storage::worker(db, p.host, p.data_center)?, DomainPath { id: p.id, path: p.path })),
                None => None,
            };
            Ok::<_, EngineError>((place, store::layers(db, id)?))
        })
        .await?;
    if let Some((host, domain)) = place {
        let own = ImagePath { domain: domain.clone(), disk: memory.disk, image: ImageId(id.0) };
        let written =
            layers.iter().map(|layer| ImagePath { domain: domain.clone(), disk: layer.disk, image: layer.image });
        for image in std::iter::once(own).chain(written) {
            engine.call(host, &RemoveImage { image }).await?;
        }
    }
    engine.db.write(move |db| Ok::<_, EngineError>(store::remove(db, id)?)).await
}
