//! What happens: commands, jobs, reconcilers.
//!
//! A command takes a [`Cx`] (who asks, under which correlation id), checks permission, validates, locks, does, and tells (events).
//! Portals, REST API and CLI call the same commands.

pub mod catalog;
pub mod changes;
pub mod dashboard;
pub mod disks;
pub mod error;
pub mod events;
pub mod hosts;
pub mod jobs;
pub mod permissions;
pub mod pools;
pub mod users;
pub mod vms;

pub use error::EngineError;

use crate::auth::Actor;
use crate::db::{Database, Db};
use crate::model::clock::Clock;
use crate::model::event::{About, EventCode};
use crate::model::ids::JobId;
use std::sync::Arc;
use std::time::Duration;

/// The running engine: what every command needs.
#[derive(Debug)]
pub struct Engine {
    /// This engine's own, the same after every start: owns its jobs.
    pub id: String,
    pub db: Database,
    pub clock: Arc<dyn Clock>,
    pub changes: changes::Changes,
    pub jobs: jobs::Jobs,
    pub hosts: hosts::Hosts,
    pub timing: Timing,
}

/// How long things may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timing {
    /// A step of a job waits this long for a host that is away.
    pub patience: Duration,
    /// A guest that was asked to shut down and still runs after this ignored it.
    pub shutdown: Duration,
    /// A guest without agent counts as up this long after its start.
    pub powering_up: Duration,
    /// A host that is silent for this long does not respond.
    pub host_silence: Duration,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            patience: Duration::from_secs(20),
            shutdown: Duration::from_secs(60),
            powering_up: Duration::from_secs(60),
            host_silence: Duration::from_secs(20),
        }
    }
}

/// Who asks for a command.
#[derive(Debug, Clone)]
pub struct Cx {
    pub engine: Arc<Engine>,
    pub actor: Actor,
    /// Goes from the request to job, events, logs and agent verbs.
    pub correlation_id: String,
}

/// Something is being made; `job` tells how far it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Created<Id> {
    pub id: Id,
    pub job: JobId,
}

impl Cx {
    /// Tells an event of this request; `about.user` is filled in. Inside a write transaction.
    ///
    /// # Errors
    /// The database failed.
    pub fn tell(&self, db: &mut Db, code: EventCode, mut about: About, detail: &str) -> Result<(), EngineError> {
        if about.user.is_none() {
            about.user = Some((self.actor.user, self.actor.name.clone()));
        }
        self.engine.record(db, code, about, detail, None, &self.correlation_id)
    }
}
