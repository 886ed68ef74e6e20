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
pub mod jobs;
pub mod permissions;
pub mod pools;
pub mod users;
pub mod vms;

pub use error::EngineError;

use crate::auth::Actor;
use crate::db::Database;
use crate::model::clock::Clock;
use crate::model::ids::JobId;
use std::sync::Arc;

/// The running engine: what every command needs.
#[derive(Debug)]
pub struct Engine {
    pub db: Database,
    pub clock: Arc<dyn Clock>,
    pub changes: changes::Changes,
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
