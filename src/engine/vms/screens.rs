//! What guests' screens show, for pages that many look at: one picture of a screen every few seconds, however many ask for it.

use crate::engine::vms::admit::admit;
use crate::engine::{Cx, EngineError};
use crate::model::conflict::Conflict;
use crate::model::ids::VmId;
use crate::model::vm::VmAction;
use bytes::Bytes;
use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// A picture is shown this long.
const FRESH: Duration = Duration::from_secs(2);
/// One that nobody asked for this long is dropped.
const KEPT: Duration = Duration::from_secs(30);

/// What a screen showed.
#[derive(Debug, Clone)]
pub struct Screen {
    /// PNG
    pub image: Bytes,
    /// The same for the same picture.
    pub tag: u64,
    taken: Instant,
}

type Slot = Arc<tokio::sync::Mutex<Option<Screen>>>;

/// The pictures of screens that somebody looks at.
#[derive(Debug, Default)]
pub struct Screens(Mutex<HashMap<VmId, (Instant, Slot)>>);

impl Screens {
    fn slots(&self) -> MutexGuard<'_, HashMap<VmId, (Instant, Slot)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn slot(&self, vm: VmId) -> Slot {
        let (now, mut slots) = (Instant::now(), self.slots());
        slots.retain(|id, (asked, _)| *id == vm || now.duration_since(*asked) < KEPT);
        let slot = slots.entry(vm).or_insert_with(|| (now, Slot::default()));
        slot.0 = now;
        slot.1.clone()
    }
}

/// What its screen shows now, or showed a moment ago.
///
/// # Errors
/// Refused, hidden, it runs nowhere, or its host is away.
pub async fn screenshot(cx: &Cx, id: VmId) -> Result<Screen, EngineError> {
    let inner = cx.clone();
    let run = cx.engine.db.read(move |db| admit(&inner, db, id, VmAction::Console)).await?;
    let host = run.host.ok_or_else(|| Conflict::NotRunning { vm: run.name.clone() })?;
    let slot = cx.engine.screens.slot(id);
    // Who comes while it is being taken waits for the same one.
    let mut slot = slot.lock().await;
    if let Some(screen) = slot.as_ref().filter(|screen| screen.taken.elapsed() < FRESH) {
        return Ok(screen.clone());
    }
    let image = cx.engine.hosts.client(host)?.screenshot(id).await?;
    let mut hasher = DefaultHasher::new();
    image.hash(&mut hasher);
    let screen = Screen { image, tag: hasher.finish(), taken: Instant::now() };
    *slot = Some(screen.clone());
    Ok(screen)
}
