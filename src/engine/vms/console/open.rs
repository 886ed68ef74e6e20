//! The consoles that are open through this engine: who has them, and when they must close.

use crate::auth::{self, Actor, AuthError};
use crate::db::Db;
use crate::engine::changes::Topic;
use crate::engine::{Engine, EngineError, class};
use crate::model::clock::Timestamp;
use crate::model::console::{ConsoleKind, ConsoleOf, Entry, Watcher};
use crate::model::event::{About, EventCode};
use crate::model::ids::{ConsoleId, SessionId, VmId};
use crate::model::permission::ObjectKind;
use crate::store::class::seats::{self, Whose};
use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::watch;

/// Why a console is closed from our side.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Closing {
    /// Close code 4401.
    SessionEnded,
    /// Close code 4403.
    PermissionWithdrawn,
    /// Close code 4404.
    VmStopped,
    /// Close code 4409.
    TakenOver,
    /// Close code 4423.
    Locked,
}

/// One connection of a console; most consoles have one.
#[derive(Debug)]
pub(super) struct Open {
    pub console: ConsoleId,
    pub vm: VmId,
    pub kind: ConsoleKind,
    pub entry: Entry,
    pub session: SessionId,
    pub actor: Actor,
    pub since: Timestamp,
    pub closing: watch::Sender<Option<Closing>>,
}

/// The consoles that are open through this engine.
#[derive(Debug, Default)]
pub struct Consoles {
    next: AtomicU64,
    open: Mutex<HashMap<u64, Open>>,
}

impl Consoles {
    fn lock(&self) -> MutexGuard<'_, HashMap<u64, Open>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many are open.
    pub fn count(&self) -> usize {
        self.sessions().len()
    }

    /// The session of each that is open.
    pub(in crate::engine) fn sessions(&self) -> Vec<SessionId> {
        let consoles: HashMap<ConsoleId, SessionId> =
            self.lock().values().map(|open| (open.console, open.session)).collect();
        consoles.into_values().collect()
    }

    /// Who has a console of the VM open, the first first.
    pub fn watchers(&self, vm: VmId) -> Vec<Watcher> {
        let mut seen = HashSet::new();
        let mut all: Vec<Watcher> = {
            let open = self.lock();
            let own = open.values().filter(|one| one.vm == vm && seen.insert(one.console));
            own.map(|one| Watcher {
                user: one.actor.user,
                name: one.actor.name.clone(),
                kind: one.kind,
                entry: one.entry,
                since: one.since,
            })
            .collect()
        };
        all.sort_by(|a, b| (a.since, &a.name).cmp(&(b.since, &b.name)));
        all
    }

    /// Closes the consoles of a VM that does not run any more.
    pub(in crate::engine) fn vm_stopped(&self, vm: VmId) {
        self.close(Closing::VmStopped, |open| open.vm == vm);
    }

    /// Closes the consoles of a session that ended.
    pub(in crate::engine) fn session_ended(&self, session: SessionId) {
        self.close(Closing::SessionEnded, |open| open.session == session);
    }

    /// Closes the other consoles of this sort. The names of whose they were.
    pub(super) fn take_over(&self, vm: VmId, of: ConsoleOf, by: ConsoleId) -> Vec<String> {
        // A teacher stays where two can look on.
        let stays = |open: &Open| open.entry != Entry::Own && open.kind.is_shared();
        let others = |open: &Open| open.vm == vm && open.kind.of() == of && open.console != by && !stays(open);
        self.close(Closing::TakenOver, others);
        let mut names: Vec<String> =
            self.lock().values().filter(|open| others(open)).map(|open| open.actor.name.clone()).collect();
        names.sort();
        names.dedup();
        names
    }

    fn close(&self, why: Closing, which: impl Fn(&Open) -> bool) {
        for open in self.lock().values().filter(|open| which(open)) {
            open.closing.send_replace(Some(why));
        }
    }

    /// Closes the consoles whose session ended or whose permission was taken away. After every change of either.
    ///
    /// # Errors
    /// The database failed.
    pub async fn recheck(&self, engine: &Arc<Engine>) -> Result<(), EngineError> {
        let all: Vec<(Key, Actor)> = self.lock().values().map(|open| (key(open), open.actor.clone())).collect();
        if all.is_empty() {
            return Ok(());
        }
        let alive =
            auth::session::alive(&engine.db, all.iter().map(|((_, _, _, session), _)| *session).collect()).await?;
        let inner = engine.clone();
        let (withdrawn, locked) = engine
            .db
            .read(move |db| {
                let (mut withdrawn, mut locked) = (HashSet::new(), HashSet::new());
                // Mostly none: each console is asked about only where there is a lock.
                let held = seats::locked(db, inner.clock.now())?;
                for (key, actor) in all {
                    let (vm, kind, entry, _) = key;
                    if !allowed(db, &actor, vm, kind.of(), entry)? {
                        withdrawn.insert(key);
                    } else if entry == Entry::Own && held.contains(&vm) && class::locks(&inner, db, &actor, vm)? {
                        locked.insert(key);
                    }
                }
                Ok::<_, EngineError>((withdrawn, locked))
            })
            .await?;
        self.close(Closing::SessionEnded, |open| !alive.contains(&open.session));
        self.close(Closing::PermissionWithdrawn, |open| withdrawn.contains(&key(open)));
        self.close(Closing::Locked, |open| locked.contains(&key(open)));
        Ok(())
    }
}

/// What decides over a connection, beside who has it.
type Key = (VmId, ConsoleKind, Entry, SessionId);

const fn key(open: &Open) -> Key {
    (open.vm, open.kind, open.entry, open.session)
}

fn allowed(db: &mut Db, actor: &Actor, vm: VmId, of: ConsoleOf, entry: Entry) -> Result<bool, EngineError> {
    let may = if entry == Entry::Own {
        auth::check(db, actor, of.action().permit(), vm.object())
    } else {
        let seat = seats::seats(db, Whose::Vm(vm))?;
        let Some(seat) = seat.first() else { return Ok(false) };
        auth::check(db, actor, class::permit(entry), seat.pool.object())
    };
    match may {
        Ok(()) => Ok(true),
        Err(AuthError::Hidden { .. } | AuthError::Forbidden { .. }) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// Counts a connection while it lives.
pub(super) struct Counted {
    engine: Arc<Engine>,
    number: u64,
    about: About,
}

impl Counted {
    /// Counts it; true: it is the first of its console.
    pub fn new(engine: &Arc<Engine>, open: Open, about: About) -> (Self, bool) {
        let consoles = &engine.consoles;
        let number = consoles.next.fetch_add(1, Ordering::Relaxed);
        let (console, vm, entry) = (open.console, open.vm, open.entry);
        let mut all = consoles.lock();
        let first = all.values().all(|other| other.console != console);
        all.insert(number, open);
        drop(all);
        engine.changed(Topic::Object(ObjectKind::Vm), Some(vm.0));
        if entry != Entry::Own {
            engine.changed(Topic::Class, None);
        }
        (Self { engine: engine.clone(), number, about }, first)
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        let mut all = self.engine.consoles.lock();
        let Some(gone) = all.remove(&self.number) else { return };
        let last = all.values().all(|other| other.console != gone.console);
        drop(all);
        let (engine, about) = (self.engine.clone(), std::mem::take(&mut self.about));
        if let (true, Ok(runtime)) = (last, tokio::runtime::Handle::try_current()) {
            engine.changed(Topic::Object(ObjectKind::Vm), Some(gone.vm.0));
            if gone.entry != Entry::Own {
                engine.changed(Topic::Class, None);
            }
            runtime.spawn(async move {
                let inner = engine.clone();
                let told = engine.db.write(move |db| {
                    if gone.kind.channels() > 0 {
                        auth::ticket::forget(db, gone.console)?;
                    }
                    inner.tell(db, ended(gone.kind), about, "")
                });
                if let Err(error) = told.await {
                    tracing::warn!(%error, "the end of a console could not be told");
                }
            });
        }
    }
}

/// The event of a console that was opened.
pub(super) const fn begun(kind: ConsoleKind, entry: Entry) -> EventCode {
    match (entry, kind.of()) {
        (Entry::Watch, _) => EventCode::ConsoleWatched,
        (Entry::Help, _) => EventCode::ConsoleHelped,
        (Entry::Own, ConsoleOf::Screen) => EventCode::ConsoleConnected,
        (Entry::Own, ConsoleOf::Serial) => EventCode::SerialConnected,
    }
}

const fn ended(kind: ConsoleKind) -> EventCode {
    match kind.of() {
        ConsoleOf::Screen => EventCode::ConsoleDisconnected,
        ConsoleOf::Serial => EventCode::SerialDisconnected,
    }
}
