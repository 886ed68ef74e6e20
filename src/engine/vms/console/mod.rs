//! Consoles: tickets, and the byte stream to a guest's display or serial line.

mod open;
#[cfg(test)]
mod tests;
mod viewer;
mod watch;

pub use crate::auth::ticket::Issued;
use crate::auth::{self, AuthError, View};
use crate::db::Db;
use crate::engine::class;
use crate::engine::vms::admit::{admit, ready, refuse};
use crate::engine::vms::state;
use crate::engine::{Cx, Engine, EngineError};
use crate::model::conflict::Conflict;
use crate::model::console::{ConsoleKind, ConsoleOf, Entry, Manner};
use crate::model::event::{About, EventCode};
use crate::model::ids::{SessionId, UserId, VmId};
use crate::model::role::Action;
use crate::model::vm::{Display, Protocol, Refusal};
use crate::model::vm_settings::Screens;
use crate::store::vms::run::VmRun;
use crate::store::{preferences, vms};
pub use crate::wire::stream::piece;
pub use open::{Closing, Consoles};
use open::{Counted, Open, begun};
use std::sync::Arc;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::watch as watch_channel;
pub use viewer::{ViewerAccess, viewer, viewers_allowed};
pub use watch::{NotVnc, WatchOnly};

/// Both directions of a display's socket.
pub trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// A connection of an open console. It is counted as long as the value lives; dropping it tells the events.
pub struct Console {
    pub stream: Box<dyn Stream>,
    pub vm_name: String,
    pub user: UserId,
    pub session: SessionId,
    /// Turns to `Some` when the console must close.
    pub closing: watch_channel::Receiver<Option<Closing>>,
    /// What may be typed is dropped, where its opener only watches.
    pub watch_only: Option<WatchOnly>,
    _counted: Counted,
}

/// One-time tickets for a VM's console, valid 120 seconds. `entry` is the right by which the actor comes; `wanted` is how a screen is to be
/// sent that can be sent in two ways: as the actor prefers it, if he does not say.
///
/// # Errors
/// The actor may not connect to it, it does not run, its screen is locked, or somebody else has it open and `manner` does not say what
/// becomes of him.
pub async fn ticket(
    cx: &Cx,
    id: VmId,
    of: ConsoleOf,
    wanted: Option<Protocol>,
    manner: Manner,
    entry: Entry,
) -> Result<Issued, EngineError> {
    let inner = cx.clone();
    cx.engine
        .db
        .write(move |db| {
            let (_, kind) = admitted(&inner, db, id, (of, wanted), manner, entry)?;
            let now = inner.engine.clock.now();
            Ok(auth::ticket::issue(db, now, &inner.actor, id, (kind, entry), manner == Manner::TakeOver)?)
        })
        .await
}

/// The VM's running side, if the actor may open its console by this right.
fn may_enter(cx: &Cx, db: &mut Db, id: VmId, of: ConsoleOf, entry: Entry) -> Result<VmRun, EngineError> {
    if entry == Entry::Own {
        let run = admit(cx, db, id, of.action())?;
        class::not_locked(cx, db, id, &run.name)?;
        return Ok(run);
    }
    class::admit(cx, db, id, class::permit(entry))?;
    ready(db, id, of.action())
}

/// The VM's running side and what its console speaks, if the actor may come in in this manner.
fn admitted(
    cx: &Cx,
    db: &mut Db,
    id: VmId,
    (of, wanted): (ConsoleOf, Option<Protocol>),
    manner: Manner,
    entry: Entry,
) -> Result<(VmRun, ConsoleKind), EngineError> {
    let run = may_enter(cx, db, id, of, entry)?;
    let wanted = match (entry, wanted) {
        (Entry::Own, Some(wanted)) => wanted,
        (Entry::Own, None) => preferences::get(db, cx.actor.user)?.protocol,
        // A teacher comes beside his student.
        (Entry::Watch | Entry::Help, _) => Protocol::Vnc,
    };
    let kind = of.kind(display(db, &run)?, wanted);
    if entry == Entry::Watch && kind != ConsoleKind::Vnc {
        return Err(Conflict::WatchPictures { vm: run.name }.into());
    }
    // A teacher comes beside his student, and his student beside him, where the display lets two look on.
    let beside = entry != Entry::Own && kind.is_shared();
    let others = if beside { Vec::new() } else { others(cx, id, of) };
    if !others.is_empty() {
        if entry == Entry::Own && !may_take_over(cx, db, id)? {
            return Err(refuse(of.action(), &run.name, Refusal::ConsoleInUse { by: others.join(", ") }));
        }
        if manner == Manner::Ask || (manner == Manner::Together && !kind.is_shared()) {
            return Err(Conflict::ConsoleInUse { vm: run.name, by: others.join(", ") }.into());
        }
    }
    Ok((run, kind))
}

/// How its screen is sent now.
fn display(db: &mut Db, run: &VmRun) -> Result<Display, EngineError> {
    if let Some(screens) = Screens::of(&run.launched) {
        return Ok(screens.display());
    }
    let none = || EngineError::NotFound { kind: "VM", id: run.vm.to_string() };
    Ok(vms::write::config(db, run.vm)?.ok_or_else(none)?.display)
}

/// Who else has it open. One's own windows ask nobody, and a teacher's keep nobody out.
fn others(cx: &Cx, id: VmId, of: ConsoleOf) -> Vec<String> {
    let all = cx.engine.consoles.watchers(id).into_iter();
    let mut names: Vec<String> =
        all.filter(|w| w.kind.of() == of && w.user != cx.actor.user && w.entry == Entry::Own).map(|w| w.name).collect();
    names.dedup();
    names
}

/// oVirt's strict user check: who comes to another's console must be allowed to reconnect to the VM, unless the VM has the check off.
fn may_take_over(cx: &Cx, db: &mut Db, id: VmId) -> Result<bool, EngineError> {
    if vms::write::config(db, id)?.is_some_and(|config| config.allow_override) {
        return Ok(true);
    }
    match auth::check(db, &cx.actor, Action::ReconnectToVm, id.object()) {
        Ok(()) => Ok(true),
        Err(AuthError::Hidden { .. } | AuthError::Forbidden { .. }) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// Redeems a ticket and connects to the display or serial line. `browser` is the session's secret of the browser that asks, if one does.
///
/// # Errors
/// The ticket is not good, or the host cannot open what it is for.
pub async fn open(
    engine: &Arc<Engine>,
    id: VmId,
    ticket: &str,
    browser: Option<String>,
) -> Result<Console, EngineError> {
    // A ticket is used up even if what follows fails: its own transaction.
    let (now, secret) = (engine.clock.now(), ticket.to_owned());
    let used = engine.db.write(move |db| auth::ticket::redeem(db, now, &secret, id, browser.as_deref())).await?;
    let ticket = used.ok_or(AuthError::BadTicket)?;
    let inner = engine.clone();
    let (actor, run) = engine
        .db
        .read(move |db| {
            let actor = auth::session::of(db, now, ticket.session, View::User)?;
            let cx = Cx { engine: inner, actor, correlation_id: String::new() };
            let run = may_enter(&cx, db, id, ticket.kind.of(), ticket.entry)?;
            Ok::<_, EngineError>((cx.actor, run))
        })
        .await?;
    let host = run.host.ok_or_else(|| Conflict::NotRunning { vm: run.name.clone() })?;
    let mut about = state::about(&run);
    about.user = Some((actor.user, actor.name.clone()));
    let (closing, closed) = watch_channel::channel(None);
    let (user, session, console, kind) = (actor.user, ticket.session, ticket.console, ticket.kind);
    let entry = ticket.entry;
    let alone = (ticket.take_over && entry == Entry::Own) || !kind.is_shared();
    let lost = if alone { engine.consoles.take_over(id, kind.of(), console) } else { Vec::new() };
    let stream = engine.hosts.client(host)?.console(id, kind).await?;
    let open = Open { console, vm: id, kind, entry, session, actor, since: now, closing };
    let counted = begin(engine, open, about, lost).await?;
    let watch_only = (entry == Entry::Watch).then(WatchOnly::default);
    Ok(Console {
        stream: Box::new(stream),
        vm_name: run.name,
        user,
        session,
        closing: closed,
        watch_only,
        _counted: counted,
    })
}

/// Counts a connection and tells of its console, if it is the first.
async fn begin(engine: &Arc<Engine>, open: Open, about: About, lost: Vec<String>) -> Result<Counted, EngineError> {
    let (id, code) = (open.vm, begun(open.kind, open.entry));
    let (counted, first) = Counted::new(engine, open, about.clone());
    if first {
        let inner = engine.clone();
        let told = engine.db.write(move |db| {
            if !lost.is_empty() {
                inner.tell(db, EventCode::ConsoleTakenOver, about.clone(), &lost.join(", "))?;
            }
            inner.tell(db, code, about, "")
        });
        told.await?;
    }
    // What was withdrawn while the display was being opened.
    engine.consoles.recheck(engine).await?;
    if !state::read(engine, id).await?.status.is_running() {
        engine.consoles.vm_stopped(id);
    }
    Ok(counted)
}
