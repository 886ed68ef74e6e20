//! Files that were given: kept in the engine's data folder as long as they can be had, and put into the guests of those they are for.

use super::{changed, lock};
use crate::engine::{Engine, EngineError};
use crate::model::class::{Delivery, Gift};
use crate::model::ids::{GiftId, HostId};
use crate::store::class::gifts;
use crate::store::class::seats::{self, Seat, Whose};
use futures_util::{StreamExt as _, stream};
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio_util::io::ReaderStream;

/// So many guests at a time.
const AT_ONCE: usize = 8;
/// An agent that refuses is asked again so often.
const TRIES: u32 = 3;
/// A file that belongs to nothing may be an upload on its way, unless nothing was written to it for so long.
const FORGOTTEN: Duration = Duration::from_secs(120);

/// Where files lie.
#[derive(Debug)]
pub struct Files(PathBuf);

impl Files {
    pub const fn new(folder: PathBuf) -> Self {
        Self(folder)
    }
    pub(super) fn path(&self, id: GiftId) -> PathBuf {
        self.0.join(id.to_string())
    }
    /// While it is being written.
    pub(super) fn part(&self, id: GiftId) -> PathBuf {
        self.0.join(format!("{id}.part"))
    }
}

/// What a round of the reconciler does: what is over goes, files come into guests.
pub(in crate::engine) async fn keep(engine: &Arc<Engine>) -> Result<(), EngineError> {
    lock::end_locks(engine).await?;
    let now = engine.clock.now();
    if engine.db.read(move |db| Ok::<_, EngineError>(gifts::to_purge(db, now)?)).await? {
        engine.db.write(move |db| Ok::<_, EngineError>(gifts::purge(db, now)?)).await?;
        engine.changes.tell(crate::engine::changes::Topic::Class, None);
    }
    let files = engine.db.read(move |db| Ok::<_, EngineError>(gifts::files(db, now)?)).await?;
    sweep(engine, &files).await;
    if files.is_empty() {
        return Ok(());
    }
    let due = due(engine, files).await?;
    stream::iter(due).for_each_concurrent(AT_ONCE, |one| deliver(engine, one)).await;
    Ok(())
}

/// Removes files that nobody can have any more.
async fn sweep(engine: &Engine, files: &[Gift]) {
    let Ok(mut entries) = tokio::fs::read_dir(&engine.files.0).await else { return };
    while let Ok(Some(entry)) = entries.next_entry().await {
        let name = entry.file_name().to_string_lossy().into_owned();
        if files.iter().any(|gift| gift.id.to_string() == name) {
            continue;
        }
        let age = entry.metadata().await.and_then(|m| m.modified()).ok().and_then(|at| at.elapsed().ok());
        if age.is_some_and(|age| age > FORGOTTEN) {
            let _ = tokio::fs::remove_file(entry.path()).await;
        }
    }
}

type Due = (Gift, Seat, HostId, u32);

/// Which files are still to be put where.
async fn due(engine: &Arc<Engine>, files: Vec<Gift>) -> Result<Vec<Due>, EngineError> {
    let work = move |db: &mut crate::db::Db| {
        let ids: Vec<GiftId> = files.iter().map(|gift| gift.id).collect();
        let known: HashMap<_, _> = gifts::deliveries(db, &ids)?.into_iter().map(|d| ((d.gift, d.vm), d)).collect();
        let mut due = Vec::new();
        for gift in files {
            for seat in seats::seats(db, Whose::Pool(gift.pool))? {
                let his = !seat.returning && gift.to.is_none_or(|to| to == seat.user);
                let before = known.get(&(gift.id, seat.vm));
                let tried = before.map_or(0, |d| d.tries);
                if !his || before.is_some_and(|d| d.done) || tried >= TRIES {
                    continue;
                }
                if let Some((host, true)) = seats::agent_of(db, seat.vm)? {
                    due.push((gift.clone(), seat, host, tried));
                }
            }
        }
        Ok::<_, EngineError>(due)
    };
    engine.db.read(work).await
}

/// Puts one file into one guest, and notes what became of it.
async fn deliver(engine: &Arc<Engine>, (gift, seat, host, tried): Due) {
    let delivery = match put(engine, &gift, &seat, host).await {
        Ok(path) => Delivery { gift: gift.id, vm: seat.vm, done: true, detail: path, tries: tried + 1 },
        // The host comes back, and so does the round.
        Err(EngineError::Unavailable(_)) => return,
        Err(error) => Delivery { gift: gift.id, vm: seat.vm, done: false, detail: error.to_string(), tries: tried + 1 },
    };
    let (pool, user) = (seat.pool, seat.user);
    let inner = engine.clone();
    let noted = engine.db.write(move |db| {
        if gifts::note(db, &delivery, user)? {
            changed(&inner, pool);
        }
        Ok::<_, EngineError>(())
    });
    if let Err(error) = noted.await {
        tracing::warn!(%error, "what became of a file in a guest could not be noted");
    }
}

async fn put(engine: &Arc<Engine>, gift: &Gift, seat: &Seat, host: HostId) -> Result<String, EngineError> {
    let missing = |e: std::io::Error| EngineError::Internal(format!("the file is gone: {e}"));
    let file = tokio::fs::File::open(engine.files.path(gift.id)).await.map_err(missing)?;
    let body = ReaderStream::new(file).boxed();
    let placed = engine.hosts.client(host)?.put_guest_file(seat.vm, &gift.content, gift.bytes, body).await?;
    Ok(placed.path)
}
