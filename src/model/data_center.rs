//! Data centers.

use crate::model::ids::DataCenterId;
use crate::model::quota::QuotaMode;

text_enum! {
    DataCenterStatus { Uninitialized = "uninitialized", Up = "up", Maintenance = "maintenance", NotOperational = "not_operational", Problematic = "problematic", Contend = "contend", }
}

/// A data center as lists and details show it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DataCenterView {
    pub id: DataCenterId,
    pub name: String,
    pub description: String,
    pub comment: String,
    /// Its storage is local to one host.
    pub local: bool,
    /// `4.1`
    pub compatibility: String,
    /// Computed: up when a host is up and a data domain active.
    pub status: DataCenterStatus,
    pub quota_mode: QuotaMode,
}

/// The compatibility levels there are.
pub const LEVELS: &[&str] = &["4.1"];
pub const MAX_DATA_CENTER_NAME: usize = 40;

/// A data center as somebody wants it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DataCenterConfig {
    pub name: String,
    pub description: String,
    pub comment: String,
    pub local: bool,
    pub compatibility: String,
    pub quota_mode: QuotaMode,
}

impl Default for DataCenterConfig {
    fn default() -> Self {
        Self {
            name: String::new(),
            description: String::new(),
            comment: String::new(),
            local: false,
            compatibility: LEVELS.last().copied().unwrap_or_default().to_owned(),
            quota_mode: QuotaMode::Disabled,
        }
    }
}

impl DataCenterView {
    pub fn config(&self) -> DataCenterConfig {
        DataCenterConfig {
            name: self.name.clone(),
            description: self.description.clone(),
            comment: self.comment.clone(),
            local: self.local,
            compatibility: self.compatibility.clone(),
            quota_mode: self.quota_mode,
        }
    }
}
