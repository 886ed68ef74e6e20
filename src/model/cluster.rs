//! Clusters.

use crate::model::cluster_settings::ClusterSettings;
use crate::model::data_center::LEVELS;
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

pub const MAX_CLUSTER_NAME: usize = 40;

/// A cluster as somebody wants it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClusterConfig {
    pub name: String,
    pub description: String,
    pub comment: String,
    /// None: the default one.
    pub mac_pool: Option<MacPoolId>,
    pub compatibility: String,
    pub settings: ClusterSettings,
}

impl Default for ClusterConfig {
    fn default() -> Self {
        Self {
            name: String::new(),
            description: String::new(),
            comment: String::new(),
            mac_pool: None,
            compatibility: LEVELS.last().copied().unwrap_or_default().to_owned(),
            settings: ClusterSettings::default(),
        }
    }
}

impl ClusterView {
    pub fn config(&self) -> ClusterConfig {
        ClusterConfig {
            name: self.name.clone(),
            description: self.description.clone(),
            comment: self.comment.clone(),
            mac_pool: Some(self.mac_pool),
            compatibility: self.compatibility.clone(),
            settings: self.settings.clone(),
        }
    }
}
