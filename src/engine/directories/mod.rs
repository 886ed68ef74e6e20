//! The directories of the domains: one client for each, by the domain's name.

use crate::directories::ldap::Directory;
use crate::model::domain::{DirectoryConfig, DirectoryTrouble};
use std::collections::HashMap;
use std::sync::{PoisonError, RwLock};

/// The directories that are known now.
#[derive(Debug, Default)]
pub struct Directories(RwLock<HashMap<String, Directory>>);

impl Directories {
    /// Reaches the domain's directory as this says from now on.
    ///
    /// # Errors
    /// [`DirectoryTrouble::BadCa`]
    pub fn set(&self, config: DirectoryConfig) -> Result<(), DirectoryTrouble> {
        let name = config.name.clone();
        let directory = Directory::new(config)?;
        self.0.write().unwrap_or_else(PoisonError::into_inner).insert(name, directory);
        Ok(())
    }

    /// There is no such domain any more.
    pub fn forget(&self, name: &str) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).remove(name);
    }

    /// The directory of the domain.
    pub fn get(&self, name: &str) -> Option<Directory> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).get(name).cloned()
    }

    /// The domains' names, in order.
    pub fn names(&self) -> Vec<String> {
        let mut names: Vec<String> = self.0.read().unwrap_or_else(PoisonError::into_inner).keys().cloned().collect();
        names.sort();
        names
    }
}
