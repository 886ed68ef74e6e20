//! The dashboard's numbers.

use crate::engine::{Cx, EngineError};

/// How many of a kind are in which state.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    pub total: u32,
    /// Up, active, ok.
    pub good: u32,
    /// Down or in maintenance, as somebody wanted.
    pub idle: u32,
    /// Not as it should be.
    pub bad: u32,
}

/// Used of what there is.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Usage {
    pub used: f64,
    pub total: f64,
    /// Promised to VMs (vCPUs, memory, virtual disk sizes).
    pub committed: f64,
}

/// All of it, as the actor may see it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Dashboard {
    pub data_centers: Tally,
    pub clusters: Tally,
    pub hosts: Tally,
    pub storage_domains: Tally,
    pub vms: Tally,
    pub events: Tally,
    /// CPUs.
    pub cpu: Usage,
    /// MiB.
    pub memory: Usage,
    /// Bytes.
    pub storage: Usage,
}

/// The dashboard.
///
/// # Errors
/// The database failed.
pub async fn get(_cx: &Cx) -> Result<Dashboard, EngineError> {
    Err(EngineError::Internal(String::new()))
}
