//! Clusters.

use crate::model::cluster_settings::ClusterSettings;
use crate::model::ids::{ClusterId, DataCenterId, MacPoolId};

/// A cluster as lists and details show it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClusterView {
    pub id: ClusterId,
    pub name: String,
    pub description: String,
    pub comment: String,
    pub data_center: DataCenterId,
    pub data_center_name: String,
    pub mac_pool: MacPoolId,
    pub compatibility: String,
    pub hosts: u32,
    pub vms: u32,
    pub settings: ClusterSettings,
}
