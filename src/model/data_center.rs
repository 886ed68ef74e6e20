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
