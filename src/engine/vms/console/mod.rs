//! Consoles: tickets, and the byte stream to a guest's display or serial line.

mod open;
#[cfg(test)]
mod tests;
mod viewer;

pub use crate::auth::ticket::Issued;
use crate::auth::{self, AuthError, View};
use crate::db::Db;
use crate::engine::vms::admit::{admit, refuse};
use crate::engine::vms::state;
use crate::engine::{Cx, Engine, EngineError};
use crate::model::conflict::Conflict;
use crate::model::console::{ConsoleKind, ConsoleOf, Manner};
use crate::model::event::{About, EventCode};
use crate::model::ids::{SessionId, UserId, VmId};
use crate::model::role::Action;
use crate::model::vm::Refusal;
use crate::store::vms::run::VmRun;
use crate::store::vms::{self, launch};
pub use crate::wire::stream::piece;
pub use open::{Closing, Consoles};
use open::{Counted, Open, begun};
use std::sync::Arc;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::watch;
pub use viewer::{ViewerAccess, viewer, viewers_allowed};

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
    pub closing: watch::Receiver<Option<Closing>>,
    _counted: Counted,
}

/// One-time tickets for a VM's console, valid 120 seconds.
///
/// # Errors
/// The actor may not connect to it, it does not run, or somebody else has it open and `manner` does not say what becomes of him.
pub async fn ticket(cx: &Cx, id: VmId, of: ConsoleOf, manner: Manner) -> Result<Issued, EngineError> {
    let inner = cx.clone();
    cx.engine
        .db
        .write(move |db| {
            let (_, kind) = admitted(&inner, db, id, of, manner)?;
            let now = inner.engine.clock.now();
            Ok(auth::ticket::issue(db, now, &inner.actor, id, kind, manner == Manner::TakeOver)?)
        })
        .await
}

/// The VM's running side and what its console speaks, if the actor may come in in this manner.
fn admitted(
    cx: &Cx,
    db: &mut Db,
    id: VmId,
    of: ConsoleOf,
    manner: Manner,
) -> Result<(VmRun, ConsoleKind), EngineError> {
    let run = admit(cx, db, id, of.action())?;
    let kind = kind(db, id, of)?;
    let others = others(cx, id, of);
    if !others.is_empty() {
        if !may_take_over(cx, db, id)? {
            return Err(refuse(of.action(), &run.name, Refusal::ConsoleInUse { by: others.join(", ") }));
        }
        if manner == Manner::Ask || (manner == Manner::Together && !kind.is_shared()) {
            return Err(Conflict::ConsoleInUse { vm: run.name, by: others.join(", ") }.into());
        }
    }
    Ok((run, kind))
}

/// What a console of this sort speaks.
fn kind(db: &mut Db, id: VmId, of: ConsoleOf) -> Result<ConsoleKind, EngineError> {
    let config = launch::get(db, id)?.ok_or_else(|| EngineError::NotFound { kind: "VM", id: id.to_string() })?;
    Ok(of.kind(config.hardware.display))
}

/// Who else has it open. One's own windows ask nobody.
fn others(cx: &Cx, id: VmId, of: ConsoleOf) -> Vec<String> {
    let all = cx.engine.consoles.watchers(id).into_iter();
    let mut names: Vec<String> = all.filter(|w| w.kind.of() == of && w.user != cx.actor.user).map(|w| w.name).collect();
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
            let run = admit(&cx, db, id, ticket.kind.of().action())?;
            Ok::<_, EngineError>((cx.actor, run))
        })
        .await?;
    let host = run.host.ok_or_else(|| Conflict::NotRunning { vm: run.name.clone() })?;
    let mut about = state::about(&run);
    about.user = Some((actor.user, actor.name.clone()));
    let (closing, closed) = watch::channel(None);
    let (user, session, console, kind) = (actor.user, ticket.session, ticket.console, ticket.kind);
    let alone = ticket.take_over || !kind.is_shared();
    let lost = if alone { engine.consoles.take_over(id, kind.of(), console) } else { Vec::new() };
    let stream = engine.hosts.client(host)?.console(id, kind).await?;
    let open = Open { console, vm: id, kind, session, actor, since: now, closing };
    let counted = begin(engine, open, about, lost).await?;
    Ok(Console { stream: Box::new(stream), vm_name: run.name, user, session, closing: closed, _counted: counted })
}

/// Counts a connection and tells of its console, if it is the first.
async fn begin(engine: &Arc<Engine>, open: Open, about: About, lost: Vec<String>) -> Result<Counted, EngineError> {
    let (id, kind) = (open.vm, open.kind);
    let (counted, first) = Counted::new(engine, open, about.clone());
    if first {
        let inner = engine.clone();
        let told = engine.db.write(move |db| {
            if !lost.is_empty() {
                inner.tell(db, EventCode::ConsoleTakenOver, about.clone(), &lost.join(", "))?;
            }
            inner.tell(db, begun(kind), about, "")
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
