//! The directories of the domains: one client for each, by the domain's name. People sign in through them, and are looked after.

pub(in crate::engine) mod people;
pub(in crate::engine) mod sign_in;
pub(in crate::engine) mod skew;
#[cfg(test)]
mod tests;

use crate::directories::ldap::Directory;
use crate::model::domain::{DirectoryConfig, DirectoryTrouble};
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError, RwLock};
use time::Duration;

/// The directories that are known now.
#[derive(Debug, Default)]
pub struct Directories {
    all: RwLock<HashMap<String, Directory>>,
    /// By how much each one's clock was ahead of the engine's when it was last asked.
    ahead: Mutex<HashMap<String, Duration>>,
}

impl Directories {
    /// Reaches the domain's directory as this says from now on.
    ///
    /// # Errors
    /// [`DirectoryTrouble::BadCa`]
    pub fn set(&self, config: DirectoryConfig) -> Result<(), DirectoryTrouble> {
        let name = config.name.clone();
        let directory = Directory::new(config)?;
        self.all.write().unwrap_or_else(PoisonError::into_inner).insert(name, directory);
        Ok(())
    }

    /// There is no such domain any more.
    pub fn forget(&self, name: &str) {
        self.all.write().unwrap_or_else(PoisonError::into_inner).remove(name);
        self.ahead.lock().unwrap_or_else(PoisonError::into_inner).remove(name);
    }

    /// The directory of the domain.
    pub fn get(&self, name: &str) -> Option<Directory> {
        self.all.read().unwrap_or_else(PoisonError::into_inner).get(name).cloned()
    }

    /// The domains' names, in order.
    pub fn names(&self) -> Vec<String> {
        let mut names: Vec<String> = self.all.read().unwrap_or_else(PoisonError::into_inner).keys().cloned().collect();
        names.sort();
        names
    }

    /// By how much the directory's clock is ahead of the engine's (negative: behind), where that is too much.
    pub fn skew(&self, name: &str) -> Option<Duration> {
        let ahead = self.ahead.lock().unwrap_or_else(PoisonError::into_inner).get(name).copied();
        ahead.filter(|ahead| skew::too_much(*ahead))
    }

    /// All domains whose clock is another's.
    pub fn skews(&self) -> Vec<(String, Duration)> {
        self.names().into_iter().filter_map(|name| self.skew(&name).map(|ahead| (name, ahead))).collect()
    }

    fn note_skew(&self, name: &str, ahead: Duration) -> Option<Duration> {
        self.ahead.lock().unwrap_or_else(PoisonError::into_inner).insert(name.to_owned(), ahead)
    }
}
