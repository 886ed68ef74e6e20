//! What guests' screens show, for pages that many look at: one picture of a screen every few seconds, however many ask for it.

use crate::engine::vms::admit::admit;
use crate::engine::{Cx, Engine, EngineError, class};
use crate::model::conflict::Conflict;
use crate::model::ids::VmId;
use crate::model::vm::VmAction;
use crate::store::vms::run::VmRun;
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
    /// PNG of the whole, JPEG of the small one.
    pub image: Bytes,
    /// The same for the same picture.
    pub tag: u64,
    taken: Instant,
}

/// How large a picture is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Size {
    /// As the guest has it.
    Whole,
    /// One of many on a page.
    Small,
}

/// Pixels from left to right.
const SMALL: u32 = 400;

type Slot = Arc<tokio::sync::Mutex<Option<Screen>>>;

/// The pictures of screens that somebody looks at.
#[derive(Debug, Default)]
pub struct Screens(Mutex<HashMap<(VmId, Size), (Instant, Slot)>>);

impl Screens {
    fn slots(&self) -> MutexGuard<'_, HashMap<(VmId, Size), (Instant, Slot)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn slot(&self, vm: VmId, size: Size) -> Slot {
        let (now, mut slots) = (Instant::now(), self.slots());
        slots.retain(|key, (asked, _)| *key == (vm, size) || now.duration_since(*asked) < KEPT);
        let slot = slots.entry((vm, size)).or_insert_with(|| (now, Slot::default()));
        slot.0 = now;
        slot.1.clone()
    }
}

/// What its screen shows now, or showed a moment ago.
///
/// # Errors
/// Refused, hidden, locked by a teacher, it runs nowhere, or its host is away.
pub async fn screenshot(cx: &Cx, id: VmId) -> Result<Screen, EngineError> {
    let inner = cx.clone();
    let run = cx
        .engine
        .db
        .read(move |db| {
            let run = admit(&inner, db, id, VmAction::Console)?;
            class::not_locked(&inner, db, id, &run.name)?;
            Ok::<_, EngineError>(run)
        })
        .await?;
    picture_of(&cx.engine, &run, Size::Whole).await
}

/// The same for who may see it.
pub(in crate::engine) async fn picture_of(engine: &Engine, run: &VmRun, size: Size) -> Result<Screen, EngineError> {
    let host = run.host.ok_or_else(|| Conflict::NotRunning { vm: run.name.clone() })?;
    let slot = engine.screens.slot(run.vm, size);
    // Who comes while it is being taken waits for the same one.
    let mut slot = slot.lock().await;
    if let Some(screen) = slot.as_ref().filter(|screen| screen.taken.elapsed() < FRESH) {
        return Ok(screen.clone());
    }
    let client = engine.hosts.client(host)?;
    let image = match size {
        Size::Whole => client.screenshot(run.vm).await?,
        Size::Small => client.thumbnail(run.vm, SMALL).await?,
    };
    let mut hasher = DefaultHasher::new();
    image.hash(&mut hasher);
    let screen = Screen { image, tag: hasher.finish(), taken: Instant::now() };
    *slot = Some(screen.clone());
    Ok(screen)
}
