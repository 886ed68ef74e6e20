//! Consoles: tickets, and the byte stream to a guest's display.

use crate::auth::{self, Actor, AuthError, View};
use crate::db::Db;
use crate::engine::vms::admit::admit;
use crate::engine::vms::state;
use crate::engine::{Cx, Engine, EngineError};
use crate::model::conflict::Conflict;
use crate::model::event::{About, EventCode};
use crate::model::ids::{SessionId, UserId, VmId};
use crate::model::vm::VmAction;
use crate::store::vms::launch;
pub use crate::wire::stream::piece;
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::watch;

/// Both directions of a display's socket.
pub trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// An open console. It is counted as long as the value lives; dropping it tells the events.
pub struct Console {
    pub stream: Box<dyn Stream>,
    pub vm_name: String,
    pub user: UserId,
    pub session: SessionId,
    /// Turns to `Some` when the console must close.
    pub closing: watch::Receiver<Option<Closing>>,
    _counted: Counted,
}

/// Why a console is closed from our side.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Closing {
    /// Close code 4401.
    SessionEnded,
    /// Close code 4403.
    PermissionWithdrawn,
    /// Close code 4404.
    VmStopped,
}

/// The consoles that are open through this engine.
#[derive(Debug, Default)]
pub struct Consoles {
    next: AtomicU64,
    open: Mutex<HashMap<u64, Open>>,
}

#[derive(Debug)]
struct Open {
    vm: VmId,
    session: SessionId,
    actor: Actor,
    closing: watch::Sender<Option<Closing>>,
}

impl Consoles {
    fn lock(&self) -> MutexGuard<'_, HashMap<u64, Open>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many are open.
    pub fn count(&self) -> usize {
        self.lock().len()
    }

    /// The session of each that is open.
    pub(in crate::engine) fn sessions(&self) -> Vec<SessionId> {
        self.lock().values().map(|open| open.session).collect()
    }

    /// Closes the consoles of a VM that does not run any more.
    pub(in crate::engine) fn vm_stopped(&self, vm: VmId) {
        self.close(Closing::VmStopped, |open| open.vm == vm);
    }

    /// Closes the consoles of a session that ended.
    pub(in crate::engine) fn session_ended(&self, session: SessionId) {
        self.close(Closing::SessionEnded, |open| open.session == session);
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
        let all: Vec<(VmId, SessionId, Actor)> =
            self.lock().values().map(|open| (open.vm, open.session, open.actor.clone())).collect();
        if all.is_empty() {
            return Ok(());
        }
        let alive = auth::session::alive(&engine.db, all.iter().map(|(_, session, _)| *session).collect()).await?;
        let withdrawn = engine
            .db
            .read(move |db| {
                let mut withdrawn = Vec::new();
                for (vm, session, actor) in all {
                    if !allowed(db, &actor, vm)? {
                        withdrawn.push((vm, session));
                    }
                }
                Ok::<_, EngineError>(withdrawn)
            })
            .await?;
        self.close(Closing::SessionEnded, |open| !alive.contains(&open.session));
        self.close(Closing::PermissionWithdrawn, |open| withdrawn.contains(&(open.vm, open.session)));
        Ok(())
    }
}

fn allowed(db: &mut Db, actor: &Actor, vm: VmId) -> Result<bool, EngineError> {
    match auth::check(db, actor, VmAction::Console.permit(), vm.object()) {
        Ok(()) => Ok(true),
        Err(AuthError::Hidden { .. } | AuthError::Forbidden { .. }) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// Counts a console while it lives.
struct Counted {
    engine: Arc<Engine>,
    number: u64,
    about: About,
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.engine.consoles.lock().remove(&self.number);
        let (engine, about) = (self.engine.clone(), std::mem::take(&mut self.about));
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move {
                let inner = engine.clone();
                let told = engine.db.write(move |db| inner.tell(db, EventCode::ConsoleDisconnected, about, "")).await;
                if let Err(error) = told {
                    tracing::warn!(%error, "the end of a console could not be told");
                }
            });
        }
    }
}

/// A one-time ticket for the VM's console, valid 120 seconds.
///
/// # Errors
/// The actor may not connect to it, or it does not run.
pub async fn ticket(cx: &Cx, id: VmId) -> Result<String, EngineError> {
    let inner = cx.clone();
    cx.engine
        .db
        .write(move |db| {
            admit(&inner, db, id, VmAction::Console)?;
            Ok(auth::ticket::issue(db, inner.engine.clock.now(), &inner.actor, id)?)
        })
        .await
}

/// Redeems a ticket and connects to the display.
///
/// # Errors
/// The ticket is not good, or the host cannot open the display.
pub async fn open(engine: &Arc<Engine>, id: VmId, ticket: &str) -> Result<Console, EngineError> {
    // A ticket is used up even if what follows fails: its own transaction.
    let (now, ticket) = (engine.clock.now(), ticket.to_owned());
    let session = engine.db.write(move |db| Ok::<_, EngineError>(auth::ticket::redeem(db, now, &ticket, id)?)).await?;
    let inner = engine.clone();
    let (actor, run, display) = engine
        .db
        .read(move |db| {
            let actor = auth::session::of(db, now, session, View::User)?;
            let cx = Cx { engine: inner, actor, correlation_id: String::new() };
            let run = admit(&cx, db, id, VmAction::Console)?;
            let config = launch::get(db, id)?;
            let config = config.ok_or_else(|| EngineError::NotFound { kind: "VM", id: id.to_string() })?;
            Ok::<_, EngineError>((cx.actor, run, config.display))
        })
        .await?;
    let host = run.host.ok_or_else(|| Conflict::NotRunning { vm: run.name.clone() })?;
    let stream = engine.hosts.client(host)?.console(id, display).await?;
    let mut about = state::about(&run);
    about.user = Some((actor.user, actor.name.clone()));
    let (sender, closing) = watch::channel(None);
    let number = engine.consoles.next.fetch_add(1, Ordering::Relaxed);
    let user = actor.user;
    engine.consoles.lock().insert(number, Open { vm: id, session, actor, closing: sender });
    let counted = Counted { engine: engine.clone(), number, about: about.clone() };
    let inner = engine.clone();
    engine.db.write(move |db| inner.tell(db, EventCode::ConsoleConnected, about, "")).await?;
    // What was withdrawn while the display was being opened.
    engine.consoles.recheck(engine).await?;
    if !state::read(engine, id).await?.status.is_running() {
        engine.consoles.vm_stopped(id);
    }
    Ok(Console { stream: Box::new(stream), vm_name: run.name, user, session, closing, _counted: counted })
}
