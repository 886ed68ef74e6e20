//! LDAP directories: IPA, Active Directory, OpenLDAP, RHDS.
//!
//! A [`Directory`] puts `questions` on the connections of its `pool`, from one of the `servers` to the next. A `line` is TCP and TLS as
//! configured, then the `guard`, which lets only answers of the right `shape` and size through to ldap3. What a `dialect` calls people
//! and groups becomes [`Person`]s; `account` says who may sign in, `groups` climbs from group to group.

mod account;
mod connection;
mod dialect;
mod entry;
mod groups;
mod guard;
mod line;
mod pool;
mod questions;
mod servers;
mod shape;
mod sign_in;
mod steps;
mod tls;

use crate::model::clock::{Clock, SystemClock};
use crate::model::directory::{DirectoryGroup, Person};
use crate::model::domain::{DirectoryConfig, DirectoryTrouble, SignInRefusal, StepReport};
use std::sync::Arc;
use std::time::Duration;
use time::OffsetDateTime;

/// A domain's directory: how it is reached, and the connections that searches are made on. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Directory(Arc<pool::Pool>);

/// How long to wait for a directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// For one server to take a connection, TLS included.
    pub connect: Duration,
    /// For one answer.
    pub answer: Duration,
    /// For all that one question takes, other servers included.
    pub whole: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self { connect: Duration::from_secs(5), answer: Duration::from_secs(15), whole: Duration::from_secs(40) }
    }
}

/// What a search found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listing<T> {
    pub rows: Vec<T>,
    /// There are more than were asked for, or than the server tells.
    pub more: bool,
}

/// Somebody who is in the directory, and whether his account may be used there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    pub person: Person,
    /// Disabled or expired accounts may not. (Not told of: locks after wrong passwords, which anybody can bring about, and expired
    /// passwords, which are asked for at the next sign-in.)
    pub usable: Result<(), SignInRefusal>,
}

impl Directory {
    /// Opens no connection.
    ///
    /// # Errors
    /// [`DirectoryTrouble::BadCa`] if the certificate authority cannot be read.
    pub fn new(config: DirectoryConfig) -> Result<Self, DirectoryTrouble> {
        Self::with_patience(config, Patience::default(), Arc::new(SystemClock))
    }

    /// As [`Directory::new`], with other times to wait, and the clock that accounts expire by.
    ///
    /// # Errors
    /// [`DirectoryTrouble::BadCa`] if the certificate authority cannot be read.
    pub fn with_patience(
        config: DirectoryConfig,
        patience: Patience,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, DirectoryTrouble> {
        Ok(Self(Arc::new(pool::Pool::new(config, patience, clock)?)))
    }

    /// How it is reached.
    pub fn config(&self) -> &DirectoryConfig {
        &self.0.config
    }

    /// Who this is, if the password is his and the directory lets him in.
    ///
    /// # Errors
    /// [`DirectoryTrouble::SignIn`] may be told to him; [`DirectoryTrouble::Unproven`] and everything else to administrators only.
    pub async fn sign_in(&self, user_name: &str, password: &str) -> Result<Person, DirectoryTrouble> {
        sign_in::sign_in(&self.0, user_name, password).await
    }

    /// Who this is, where something else (Kerberos) has shown that it is he; refused like a sign-in if his account may not be used.
    ///
    /// # Errors
    /// [`DirectoryTrouble`].
    pub async fn person(&self, user_name: &str) -> Result<Person, DirectoryTrouble> {
        sign_in::person(&self.0, user_name).await
    }

    /// People whose user name, name or mail address begins with each of the words; no words: anybody. Without their groups.
    ///
    /// # Errors
    /// [`DirectoryTrouble`].
    pub async fn find_people(&self, words: &str, limit: usize) -> Result<Listing<Person>, DirectoryTrouble> {
        self.0.ask(&questions::People { words, limit }).await
    }

    /// Groups whose name begins with each of the words; no words: any.
    ///
    /// # Errors
    /// [`DirectoryTrouble`].
    pub async fn find_groups(&self, words: &str, limit: usize) -> Result<Listing<DirectoryGroup>, DirectoryTrouble> {
        self.0.ask(&questions::Groups { words, limit }).await
    }

    /// Those of these people who are still there, with their groups. Who is not among them has vanished.
    ///
    /// # Errors
    /// [`DirectoryTrouble`], also if the answer was not whole.
    pub async fn by_ids(&self, external_ids: &[String]) -> Result<Vec<Standing>, DirectoryTrouble> {
        let (provider, now) = (self.0.config.provider, self.0.clock.now());
        self.0.ask(&questions::ByIds { provider, ids: external_ids, now }).await
    }

    /// Those of these groups that are still there.
    ///
    /// # Errors
    /// [`DirectoryTrouble`], also if the answer was not whole.
    pub async fn groups_by_ids(&self, external_ids: &[String]) -> Result<Vec<DirectoryGroup>, DirectoryTrouble> {
        self.0.ask(&questions::GroupsByIds(external_ids)).await
    }

    /// What time the directory has, if it tells.
    ///
    /// # Errors
    /// [`DirectoryTrouble`].
    pub async fn clock(&self) -> Result<Option<OffsetDateTime>, DirectoryTrouble> {
        self.0.ask(&questions::ClockTime(self.0.config.provider)).await
    }

    /// Every step of reaching it, up to the first that fails. Without a user name anybody is looked for; without a password nobody is
    /// signed in.
    pub async fn check(&self, user_name: Option<&str>, password: Option<&str>) -> Vec<StepReport> {
        steps::walk(&self.0, user_name, password).await
    }
}
