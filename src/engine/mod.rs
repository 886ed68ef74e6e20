//! What happens: commands, jobs, reconcilers.
//!
//! A command takes a [`Cx`] (who asks, under which correlation id), checks permission, validates, locks, does, and tells (events).
//! Portals, REST API and CLI call the same commands.

pub mod bootstrap;
pub mod catalog;
pub mod changes;
pub mod class;
pub mod cluster_power;
pub mod cluster_upgrade;
pub mod clusters;
pub mod dashboard;
pub mod data_centers;
pub mod directories;
pub mod disks;
pub mod domains;
pub mod error;
pub mod events;
pub mod factors;
pub mod first_run;
pub mod hosts;
pub mod icons;
pub mod instance_types;
pub mod internal;
pub mod jobs;
pub mod kerberos;
pub mod live;
pub mod networks;
pub mod passkeys;
pub mod permissions;
pub mod pools;
pub mod preferences;
pub mod providers;
pub mod quotas;
pub mod reconcile;
pub mod roles;
pub mod scheduler;
pub mod sessions;
pub mod settings;
pub mod sign_in;
#[cfg(test)]
mod sign_in_tests;
pub mod snapshots;
pub(in crate::engine) mod storage;
pub mod storage_domains;
pub mod tags;
pub mod templates;
#[cfg(test)]
pub(in crate::engine) mod testing;
pub mod users;
pub mod vms;

pub use error::EngineError;

use crate::auth::{self, Actor};
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
    /// Certifies hosts.
    pub pki: Arc<crate::hosts::Pki>,
    pub live: live::Live,
    pub consoles: vms::console::Consoles,
    /// Pictures of screens that somebody looks at.
    pub screens: vms::Screens,
    /// What teachers gave to their classes.
    pub files: class::Files,
    /// Where people of other domains are looked for.
    pub directories: directories::Directories,
    pub domains: domains::Domains,
    /// Opens the secrets that the database keeps sealed.
    pub vault: Arc<auth::vault::Vault>,
    /// Who is guessing passwords just now.
    pub guesses: auth::guesses::Guesses,
    /// Keytabs in use.
    pub kerberos: kerberos::Kerberos,
    /// OpenID providers that were talked to.
    pub providers: providers::Providers,
    /// Passkeys that browsers are asked for just now.
    pub passkeys: auth::passkey::Ceremonies,
    /// Which pools are to be looked at.
    pub refill: pools::Refill,
    /// What hosts told of themselves, for decisions.
    pub facts: scheduler::KnownFacts,
    /// Clusters short of room for their highly available VMs.
    pub unreserved: scheduler::what_if::Unreserved,
    pub reconcilers: reconcile::Reconcilers,
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
    /// A native viewer must come within this.
    pub viewer: Duration,
    /// A host is fenced so long after the engine's own start at the earliest, and not again within that.
    pub fence_delay: Duration,
    /// A guest that stands still because its storage failed, and is not to wait for it, is ended after this.
    pub io_pause: Duration,
    /// A guest whose memory is saved for others has this long to come to rest after its agent answered.
    pub settle: Duration,
    /// What goes on slowly (a cluster's hosts going off) is looked at so often.
    pub look: Duration,
    /// A host that could not start VMs is left alone for this long.
    pub host_error: Duration,
    /// Hosts are asked so often what they could be upgraded with (oVirt's HostPackagesUpdateTimeInHours); none: only when somebody wants it.
    pub upgrade_check: Option<Duration>,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            patience: Duration::from_secs(20),
            shutdown: Duration::from_secs(60),
            powering_up: Duration::from_secs(60),
            host_silence: Duration::from_secs(20),
            viewer: Duration::from_secs(120),
            fence_delay: Duration::from_secs(180),
            io_pause: Duration::from_secs(80),
            settle: Duration::from_secs(10),
            look: Duration::from_secs(1),
            host_error: Duration::from_secs(1800),
            upgrade_check: Some(Duration::from_secs(24 * 3600)),
        }
    }
}

impl Timing {
    /// The usual, but for what `VIREO_SHUTDOWN_TIMEOUT`, `VIREO_POWERING_UP`, `VIREO_HOST_SILENCE`, `VIREO_VIEWER_TIME`, `VIREO_FENCE_DELAY`, `VIREO_IO_PAUSE`, `VIREO_SETTLE`, `VIREO_HOST_ERROR`
    /// and `VIREO_PATIENCE` (seconds) and `VIREO_UPGRADE_CHECK` (hours; 0: never) say.
    pub fn from_environment() -> Self {
        let seconds = |name: &str, usual: Duration| {
            let said = std::env::var(name).ok().and_then(|text| text.parse().ok());
            said.map_or(usual, Duration::from_secs)
        };
        let usual = Self::default();
        Self {
            patience: seconds("VIREO_PATIENCE", usual.patience),
            shutdown: seconds("VIREO_SHUTDOWN_TIMEOUT", usual.shutdown),
            powering_up: seconds("VIREO_POWERING_UP", usual.powering_up),
            host_silence: seconds("VIREO_HOST_SILENCE", usual.host_silence),
            viewer: seconds("VIREO_VIEWER_TIME", usual.viewer),
            fence_delay: seconds("VIREO_FENCE_DELAY", usual.fence_delay),
            io_pause: seconds("VIREO_IO_PAUSE", usual.io_pause),
            settle: seconds("VIREO_SETTLE", usual.settle),
            look: usual.look,
            host_error: seconds("VIREO_HOST_ERROR", usual.host_error),
            upgrade_check: match std::env::var("VIREO_UPGRADE_CHECK").ok().and_then(|text| text.parse().ok()) {
                None => usual.upgrade_check,
                Some(0u64) => None,
                Some(hours) => Some(Duration::from_secs(hours.saturating_mul(3600))),
            },
        }
    }
}

/// What an engine is made of.
#[derive(Debug)]
pub struct Config {
    /// This engine's own, the same after every start.
    pub id: String,
    /// Open, up to date, with the objects every engine has.
    pub db: Database,
    pub clock: Arc<dyn Clock>,
    pub vault: auth::vault::Vault,
    pub pki: Arc<crate::hosts::Pki>,
    /// How agents are called.
    pub tls: rustls::ClientConfig,
    pub timing: Timing,
    /// The folder of files that people give to one another.
    pub files: std::path::PathBuf,
    /// The program that hosts are given; none: the engine's own.
    pub host_program: Option<std::path::PathBuf>,
}

impl Engine {
    /// An engine that answers commands but does nothing by itself.
    pub fn new(config: Config) -> Arc<Self> {
        Arc::new(Self {
            id: config.id,
            db: config.db,
            clock: config.clock,
            changes: changes::Changes::default(),
            jobs: jobs::Jobs::default(),
            hosts: hosts::Hosts::new(config.tls, config.host_program),
            pki: config.pki,
            live: live::Live::default(),
            consoles: vms::console::Consoles::default(),
            screens: vms::Screens::default(),
            files: class::Files::new(config.files),
            directories: directories::Directories::default(),
            domains: domains::Domains::default(),
            vault: Arc::new(config.vault),
            guesses: auth::guesses::Guesses::default(),
            kerberos: kerberos::Kerberos::default(),
            providers: providers::Providers::default(),
            passkeys: auth::passkey::Ceremonies::default(),
            refill: pools::Refill::default(),
            facts: scheduler::KnownFacts::default(),
            unreserved: scheduler::what_if::Unreserved::default(),
            reconcilers: reconcile::Reconcilers::default(),
            timing: config.timing,
        })
    }

    /// An engine at work: unfinished jobs go on, hosts are called, reconcilers run.
    ///
    /// # Errors
    /// The database failed.
    pub async fn start(config: Config) -> Result<Arc<Self>, EngineError> {
        let engine = Self::new(config);
        let inner = engine.clone();
        let begun = engine.db.write(move |db| {
            // An engine before this one may have known fewer roles and permits.
            crate::store::roles::predefined(db)?;
            crate::store::quotas::defaults(db, inner.clock.now())?;
            inner.tell(db, EventCode::EngineStarted, About::default(), "")
        });
        begun.await?;
        hosts::connect_all(&engine).await?;
        // What is wrong with a domain keeps nobody else out; the reconciler tells it.
        let _ = domains::load(&engine).await;
        reconcile::start(&engine);
        Ok(engine)
    }

    /// Ends what runs by itself. Jobs stop where they are and go on at the next start; guests run on.
    pub fn stop(&self) {
        self.reconcilers.stop();
        self.jobs.stop();
        self.hosts.close();
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
    /// A command line on the engine's machine.
    pub fn root(engine: Arc<Engine>) -> Self {
        Self { engine, actor: Actor::root(), correlation_id: uuid::Uuid::new_v4().to_string() }
    }

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
