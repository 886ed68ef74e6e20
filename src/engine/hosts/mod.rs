//! Hosts: who can be called, and what they report.

mod connect;
pub(in crate::engine) mod cpu;
pub mod edit;
pub mod enrol;
#[cfg(test)]
mod enrol_tests;
pub(in crate::engine) mod evacuate;
pub(in crate::engine) mod failing;
pub mod fence;
pub mod install;
pub mod inventory;
pub mod kdump;
pub(in crate::engine) mod ksm;
pub mod maintenance;
pub mod off;
mod program;
pub mod remove;
pub(in crate::engine) mod report;
pub mod spm;
pub(in crate::engine) mod storage;
pub mod upgrade;

pub(in crate::engine) use fence::FenceHost;
pub(in crate::engine) use install::InstallHost;
pub(in crate::engine) use maintenance::EmptyHost;
pub(in crate::engine) use remove::RemoveHost;
pub(in crate::engine) use upgrade::UpgradeHost;

use crate::engine::{Engine, EngineError};
use crate::hosts::{HostClient, HostError};
use crate::model::conflict::{Away, Conflict};
use crate::model::host::HostStatus;
use crate::model::ids::{HostId, VmId};
use crate::wire::display::Displays;
use crate::wire::{ErrorCode, Verb};
use rustls::ClientConfig;
use std::collections::{HashMap, HashSet};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};
use tokio::task::AbortHandle;

/// The agents this engine knows.
#[derive(Debug)]
pub struct Hosts {
    tls: ClientConfig,
    /// The host whose agent runs in this process.
    here: OnceLock<(HostId, Displays)>,
    links: Mutex<HashMap<HostId, Link>>,
    /// One at a time reads the hosts and connects: an older reading would bring back an address that has changed since.
    connecting: tokio::sync::Mutex<()>,
    begun: Instant,
    /// How often VMs were sent away from hosts that cannot work on.
    sent: Mutex<HashMap<VmId, u32>>,
    /// When VMs could not be started that then started elsewhere.
    failures: Mutex<HashMap<HostId, Vec<Instant>>>,
    /// What hosts are given to run.
    program: program::HostProgram,
    /// Those that were asked what they could be upgraded with since they were connected to.
    asked: Mutex<HashSet<HostId>>,
}

/// One host's connection.
#[derive(Debug)]
struct Link {
    name: String,
    /// Address, port, and the key it must hold.
    line: (String, u16, String),
    client: HostClient,
    watcher: AbortHandle,
}

impl Drop for Link {
    fn drop(&mut self) {
        self.watcher.abort();
    }
}

impl Hosts {
    pub fn new(tls: ClientConfig, program: Option<PathBuf>) -> Self {
        Self {
            tls,
            here: OnceLock::new(),
            links: Mutex::default(),
            connecting: tokio::sync::Mutex::default(),
            begun: Instant::now(),
            sent: Mutex::default(),
            failures: Mutex::default(),
            program: program::HostProgram::new(program),
            asked: Mutex::default(),
        }
    }

    fn links(&self) -> MutexGuard<'_, HashMap<HostId, Link>> {
        self.links.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// This host's agent runs in this process. The host is to be connected to (anew) after this is said.
    pub fn is_here(&self, host: HostId, displays: Displays) {
        let _ = self.here.set((host, displays));
        self.links().remove(&host);
    }

    /// The client of a host.
    ///
    /// # Errors
    /// The engine has no connection to such a host (yet).
    pub fn client(&self, id: HostId) -> Result<HostClient, EngineError> {
        let found = self.links().get(&id).map(|link| link.client.clone());
        found.ok_or_else(|| Away::NotConnected { host: id.to_string() }.into())
    }

    /// Its agent runs in this process.
    pub(in crate::engine) fn runs_here(&self, id: HostId) -> bool {
        self.here.get().is_some_and(|here| here.0 == id)
    }

    /// Where it is called.
    pub(in crate::engine) fn address(&self, id: HostId) -> Option<String> {
        self.links().get(&id).map(|link| link.line.0.clone())
    }

    /// What people call it.
    pub fn name(&self, id: HostId) -> String {
        self.links().get(&id).map_or_else(|| id.to_string(), |link| link.name.clone())
    }

    /// The hosts there are.
    pub(in crate::engine) fn ids(&self) -> Vec<HostId> {
        self.links().keys().copied().collect()
    }

    /// This engine has watched the hosts for so long.
    fn watched_for(&self) -> Duration {
        self.begun.elapsed()
    }

    /// Ends the connection to one; the next look at the hosts makes another.
    pub(in crate::engine) fn hang_up(&self, id: HostId) {
        self.links().remove(&id);
    }

    /// Ends all connections.
    pub(in crate::engine) fn close(&self) {
        self.links().clear();
    }
}

/// Connects to every host of the database and lets go of those that are gone. Woken as `hosts`, it sees a host that was just added.
///
/// # Errors
/// The database failed, or TLS cannot be set up.
pub async fn connect_all(engine: &Arc<Engine>) -> Result<(), EngineError> {
    let _alone = engine.hosts.connecting.lock().await;
    let mut rows = engine.db.read(|db| Ok::<_, EngineError>(crate::store::hosts::write::all(db)?)).await?;
    rows.retain(|row| row.status.is_called());
    let mut links = engine.hosts.links();
    links.retain(|id, link| {
        rows.iter().any(|row| row.id == *id && (row.address.clone(), row.port, row.fingerprint.clone()) == link.line)
    });
    for row in rows {
        if let Some(link) = links.get_mut(&row.id) {
            link.name = row.name;
            continue;
        }
        let here = engine.hosts.here.get().filter(|here| here.0 == row.id);
        let fingerprint = Some(row.fingerprint.as_str()).filter(|known| !known.is_empty());
        let displays = here.map(|here| here.1.clone());
        let client = HostClient::new((&row.address, row.port), fingerprint, &engine.hosts.tls, displays)?;
        let watcher = tokio::spawn(connect::watch(engine.clone(), row.id, client.clone())).abort_handle();
        let line = (row.address, row.port, row.fingerprint);
        links.insert(row.id, Link { name: row.name, line, client, watcher });
    }
    Ok(())
}

/// Hosts that could not run VMs are greeted again: what was missing is there by now, perhaps.
///
/// # Errors
/// The database failed, or TLS cannot be set up.
pub async fn recover(engine: &Arc<Engine>) -> Result<(), EngineError> {
    failing::recover(engine).await?;
    let rows = engine.db.read(|db| Ok::<_, EngineError>(crate::store::hosts::write::all(db)?)).await?;
    for row in rows.into_iter().filter(|row| row.status == HostStatus::NonOperational) {
        engine.hosts.hang_up(row.id);
    }
    connect_all(engine).await
}

impl Engine {
    /// Has a host do a verb.
    ///
    /// # Errors
    /// [`EngineError::Unavailable`]: the host or its libvirtd is away; otherwise it refused and says why.
    pub async fn call<V: Verb>(&self, host: HostId, verb: &V) -> Result<V::Reply, EngineError> {
        tracing::debug!(%host, verb = V::NAME, "verb");
        Ok(self.hosts.client(host)?.call(verb).await?)
    }
}

impl From<HostError> for EngineError {
    fn from(error: HostError) -> Self {
        let text = error.to_string();
        match error {
            error if error.is_passing() => Away::Told { why: text }.into(),
            HostError::Refused(refusal) => match refusal.code {
                ErrorCode::NotFound => Self::NotFoundOnHost(text),
                ErrorCode::Exists | ErrorCode::NoSpace | ErrorCode::WrongState => Conflict::told(text).into(),
                _ => Self::Internal(text),
            },
            _ => Self::Internal(text),
        }
    }
}
