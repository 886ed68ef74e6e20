//! Consoles in a native viewer: a port on the VM's host for one viewer with a one-time password, where the administrator allows it.

use super::open::Open;
use super::{admitted, begin};
use crate::auth::AuthError;
use crate::engine::vms::state;
use crate::engine::{Cx, EngineError};
use crate::hosts::Viewer;
use crate::model::conflict::Conflict;
use crate::model::console::{ConsoleKind, ConsoleOf, Entry, Manner};
use crate::model::event::{About, EventCode};
use crate::model::ids::{ConsoleId, VmId};
use crate::model::vm::Protocol;
use crate::store::settings;
use crate::wire::viewer::{OpenViewer, ViewerNews};
use rand::Rng as _;
use rand::distr::Alphanumeric;
use tokio::sync::watch;

/// What a viewer needs to come in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ViewerAccess {
    pub vm: String,
    pub kind: ConsoleKind,
    /// As the engine calls the host.
    pub host: String,
    pub port: u16,
    pub password: String,
    /// Whom the host's certificate names.
    pub subject: String,
}

/// Whether the administrator lets native viewers in.
///
/// # Errors
/// The database failed.
pub async fn viewers_allowed(cx: &Cx) -> Result<bool, EngineError> {
    cx.engine.db.read(|db| Ok(settings::engine(db)?.viewer_ports.is_some())).await
}

/// Opens a port for a viewer of the VM's display. Others who look on stay where the display allows it, and lose it where not.
///
/// # Errors
/// Not allowed, refused, hidden, the VM does not run, or its host has no port for it.
pub async fn viewer(cx: &Cx, id: VmId, wanted: Option<Protocol>) -> Result<ViewerAccess, EngineError> {
    let inner = cx.clone();
    let (run, kind, ports) = cx
        .engine
        .db
        .read(move |db| {
            let (run, kind) = admitted(&inner, db, id, (ConsoleOf::Screen, wanted), Manner::TakeOver, Entry::Own)?;
            Ok::<_, EngineError>((run, kind, settings::engine(db)?.viewer_ports))
        })
        .await?;
    let (first_port, last_port) = ports.ok_or(Conflict::NoViewers)?;
    let session = cx.actor.session.ok_or(AuthError::BadTicket)?;
    let host = run.host.ok_or_else(|| Conflict::NotRunning { vm: run.name.clone() })?;
    // VNC's passwords have eight letters.
    let letters = if kind == ConsoleKind::Vnc { 8 } else { 16 };
    let password: String = rand::rng().sample_iter(Alphanumeric).take(letters).map(char::from).collect();
    let seconds = u32::try_from(cx.engine.timing.viewer.as_secs()).unwrap_or(u32::MAX);
    let asked = OpenViewer { password: password.clone(), seconds, first_port, last_port };
    let (port, number, subject) = cx.engine.hosts.client(host)?.viewer(id, kind, &asked).await?;
    let mut about = state::about(&run);
    about.user = Some((cx.actor.user, cx.actor.name.clone()));
    let (inner, told) = (cx.clone(), about.clone());
    cx.engine.db.write(move |db| inner.tell(db, EventCode::ViewerAllowed, told, "")).await?;
    let (closing, closed) = watch::channel(None);
    let (console, actor, since) = (ConsoleId::random(), cx.actor.clone(), cx.engine.clock.now());
    let open = Open { console, vm: id, kind, entry: Entry::Own, session, actor, since, closing };
    tokio::spawn(hold(cx.clone(), port, open, about, closed));
    let host = cx.engine.hosts.address(host).unwrap_or_default();
    Ok(ViewerAccess { vm: run.name, kind, host, port: number, password, subject })
}

/// Keeps the port open until nobody came, the viewer went, or its console must close.
async fn hold(cx: Cx, mut port: Viewer, open: Open, about: About, mut closed: watch::Receiver<Option<super::Closing>>) {
    let Some(ViewerNews::Connected { from }) = port.news().await else { return };
    tracing::info!(%from, vm = %open.vm, "a viewer came in");
    let engine = &cx.engine;
    let lost = if open.kind.is_shared() {
        Vec::new()
    } else {
        engine.consoles.take_over(open.vm, open.kind.of(), open.console)
    };
    let counted = begin(engine, open, about, lost).await;
    if let Err(error) = &counted {
        tracing::warn!(%error, "a viewer's console could not be told of, and is closed");
        return;
    }
    tokio::select! {
        _ = port.news() => {}
        _ = closed.wait_for(Option::is_some) => {}
    }
}
