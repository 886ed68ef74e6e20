//! Hosts: who can be called, and what they report.

use crate::engine::{Engine, EngineError};
use crate::hosts::{HostClient, HostError};
use crate::model::ids::HostId;
use crate::wire::{ErrorCode, Verb};
use rustls::ClientConfig;
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The agents this engine knows.
#[derive(Debug)]
pub struct Hosts {
    tls: ClientConfig,
    links: Mutex<HashMap<HostId, Link>>,
}

/// One host's connection.
#[derive(Debug, Clone)]
struct Link {
    name: String,
    address: (String, u16),
    client: HostClient,
}

impl Hosts {
    pub fn new(tls: ClientConfig) -> Self {
        Self { tls, links: Mutex::default() }
    }

    fn links(&self) -> MutexGuard<'_, HashMap<HostId, Link>> {
        self.links.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes the host callable; the same address again changes nothing.
    ///
    /// # Errors
    /// TLS cannot be set up.
    pub fn add(&self, id: HostId, name: &str, address: &str, port: u16) -> Result<HostClient, EngineError> {
        let mut links = self.links();
        let wanted = (address.to_owned(), port);
        if let Some(link) = links.get(&id).filter(|link| link.address == wanted) {
            return Ok(link.client.clone());
        }
        let client = HostClient::new(address, port, &self.tls)?;
        links.insert(id, Link { name: name.to_owned(), address: wanted, client: client.clone() });
        Ok(client)
    }

    /// The client of a host.
    ///
    /// # Errors
    /// The engine has no connection to such a host (yet).
    pub fn client(&self, id: HostId) -> Result<HostClient, EngineError> {
        let found = self.links().get(&id).map(|link| link.client.clone());
        found.ok_or_else(|| EngineError::Unavailable(format!("host {id} is not connected yet")))
    }

    /// What people call it.
    pub fn name(&self, id: HostId) -> String {
        self.links().get(&id).map_or_else(|| id.to_string(), |link| link.name.clone())
    }
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
            error if error.is_passing() => Self::Unavailable(text),
            HostError::Refused(refusal) => match refusal.code {
                ErrorCode::NotFound => Self::NotFoundOnHost(text),
                ErrorCode::Exists | ErrorCode::NoSpace | ErrorCode::WrongState => Self::Conflict(text),
                _ => Self::Internal(text),
            },
            _ => Self::Internal(text),
        }
    }
}
