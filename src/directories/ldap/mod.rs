//! LDAP directories: IPA, Active Directory, OpenLDAP, RHDS.

use crate::model::directory::{DirectoryGroup, Person};
use crate::model::domain::{DirectoryConfig, DirectoryTrouble, SignInRefusal, Step, StepReport};
use std::sync::Arc;
use std::time::Duration;
use time::OffsetDateTime;

/// A domain's directory: how it is reached, and the connections that searches are made on. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Directory(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    config: DirectoryConfig,
    patience: Patience,
}

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
        Self::with_patience(config, Patience::default())
    }

    /// As [`Directory::new`], with other times to wait.
    ///
    /// # Errors
    /// [`DirectoryTrouble::BadCa`] if the certificate authority cannot be read.
    pub fn with_patience(config: DirectoryConfig, patience: Patience) -> Result<Self, DirectoryTrouble> {
        Ok(Self(Arc::new(Inner { config, patience })))
    }

    /// How it is reached.
    pub fn config(&self) -> &DirectoryConfig {
        &self.0.config
    }

    /// Who this is, if the password is his and the directory lets him in.
    ///
    /// # Errors
    /// [`DirectoryTrouble::SignIn`] may be told to him; [`DirectoryTrouble::Unproven`] and everything else to administrators only.
    pub async fn sign_in(&self, _user_name: &str, _password: &str) -> Result<Person, DirectoryTrouble> {
        Err(self.unbuilt())
    }

    /// Who this is, where something else (Kerberos) has shown that it is he; refused like a sign-in if his account may not be used.
    ///
    /// # Errors
    /// [`DirectoryTrouble`].
    pub async fn person(&self, _user_name: &str) -> Result<Person, DirectoryTrouble> {
        Err(self.unbuilt())
    }

    /// People whose user name, name or mail address begins with each of the words; no words: anybody. Without their groups.
    ///
    /// # Errors
    /// [`DirectoryTrouble`].
    pub async fn find_people(&self, _words: &str, _limit: usize) -> Result<Listing<Person>, DirectoryTrouble> {
        Err(self.unbuilt())
    }

    /// Groups whose name begins with each of the words; no words: any.
    ///
    /// # Errors
    /// [`DirectoryTrouble`].
    pub async fn find_groups(&self, _words: &str, _limit: usize) -> Result<Listing<DirectoryGroup>, DirectoryTrouble> {
        Err(self.unbuilt())
    }

    /// Those of these people who are still there, with their groups. Who is not among them has vanished.
    ///
    /// # Errors
    /// [`DirectoryTrouble`], also if the answer was not whole.
    pub async fn by_ids(&self, _external_ids: &[String]) -> Result<Vec<Standing>, DirectoryTrouble> {
        Err(self.unbuilt())
    }

    /// Those of these groups that are still there.
    ///
    /// # Errors
    /// [`DirectoryTrouble`], also if the answer was not whole.
    pub async fn groups_by_ids(&self, _external_ids: &[String]) -> Result<Vec<DirectoryGroup>, DirectoryTrouble> {
        Err(self.unbuilt())
    }

    /// What time the directory has, if it tells.
    ///
    /// # Errors
    /// [`DirectoryTrouble`].
    pub async fn clock(&self) -> Result<Option<OffsetDateTime>, DirectoryTrouble> {
        Err(self.unbuilt())
    }

    /// Every step of reaching it, up to the first that fails. Without a user name anybody is looked for; without a password nobody is
    /// signed in.
    pub async fn check(&self, _user_name: Option<&str>, _password: Option<&str>) -> Vec<StepReport> {
        vec![StepReport { step: Step::FindServers, outcome: Err(self.unbuilt()) }]
    }

    fn unbuilt(&self) -> DirectoryTrouble {
        let _ = self.0.patience;
        DirectoryTrouble::Dns { why: "not built yet".to_owned() }
    }
}
