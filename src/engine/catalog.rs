//! Lists and details of what changes seldom: hosts, clusters, data centers, domains, networks, templates, instance types.

use crate::engine::{Cx, EngineError};
use crate::model::cluster::ClusterView;
use crate::model::data_center::DataCenterView;
use crate::model::host::HostView;
use crate::model::ids::{ClusterId, DataCenterId, HostId, NetworkId, StorageDomainId, TemplateId};
use crate::model::instance_type::InstanceTypeView;
use crate::model::mac_pool::MacPoolView;
use crate::model::network::{NetworkView, VnicProfileView};
use crate::model::page::{ListQuery, Page};
use crate::model::storage_domain::StorageDomainView;
use crate::model::template::TemplateView;

/// The hosts the actor may see.
///
/// # Errors
/// Refused, invalid, hidden, or the database failed.
pub async fn hosts(_cx: &Cx, _query: &ListQuery) -> Result<Page<HostView>, EngineError> {
    Err(EngineError::Internal(String::new()))
}

/// One of them.
///
/// # Errors
/// Refused, invalid, hidden, or the database failed.
pub async fn host(_cx: &Cx, _id: HostId) -> Result<HostView, EngineError> {
    Err(EngineError::Internal(String::new()))
}

/// The clusters the actor may see.
///
/// # Errors
/// Refused, invalid, hidden, or the database failed.
pub async fn clusters(_cx: &Cx, _query: &ListQuery) -> Result<Page<ClusterView>, EngineError> {
    Err(EngineError::Internal(String::new()))
}

/// One of them.
///
/// # Errors
/// Refused, invalid, hidden, or the database failed.
pub async fn cluster(_cx: &Cx, _id: ClusterId) -> Result<ClusterView, EngineError> {
    Err(EngineError::Internal(String::new()))
}

/// The data centers the actor may see.
///
/// # Errors
/// Refused, invalid, hidden, or the database failed.
pub async fn data_centers(_cx: &Cx, _query: &ListQuery) -> Result<Page<DataCenterView>, EngineError> {
    Err(EngineError::Internal(String::new()))
}

/// One of them.
///
/// # Errors
/// Refused, invalid, hidden, or the database failed.
pub async fn data_center(_cx: &Cx, _id: DataCenterId) -> Result<DataCenterView, EngineError> {
    Err(EngineError::Internal(String::new()))
}

/// The storage domains the actor may see.
///
/// # Errors
/// Refused, invalid, hidden, or the database failed.
pub async fn storage_domains(_cx: &Cx, _query: &ListQuery) -> Result<Page<StorageDomainView>, EngineError> {
    Err(EngineError::Internal(String::new()))
}

/// One of them.
///
/// # Errors
/// Refused, invalid, hidden, or the database failed.
pub async fn storage_domain(_cx: &Cx, _id: StorageDomainId) -> Result<StorageDomainView, EngineError> {
    Err(EngineError::Internal(String::new()))
}

/// The networks the actor may see.
///
/// # Errors
/// Refused, invalid, hidden, or the database failed.
pub async fn networks(_cx: &Cx, _query: &ListQuery) -> Result<Page<NetworkView>, EngineError> {
    Err(EngineError::Internal(String::new()))
}

/// One of them.
///
/// # Errors
/// Refused, invalid, hidden, or the database failed.
pub async fn network(_cx: &Cx, _id: NetworkId) -> Result<NetworkView, EngineError> {
    Err(EngineError::Internal(String::new()))
}

/// The templates the actor may see.
///
/// # Errors
/// Refused, invalid, hidden, or the database failed.
pub async fn templates(_cx: &Cx, _query: &ListQuery) -> Result<Page<TemplateView>, EngineError> {
    Err(EngineError::Internal(String::new()))
}

/// One of them.
///
/// # Errors
/// Refused, invalid, hidden, or the database failed.
pub async fn template(_cx: &Cx, _id: TemplateId) -> Result<TemplateView, EngineError> {
    Err(EngineError::Internal(String::new()))
}

/// vNIC profiles the actor may see.
///
/// # Errors
/// Refused, invalid, hidden, or the database failed.
pub async fn vnic_profiles(_cx: &Cx) -> Result<Vec<VnicProfileView>, EngineError> {
    Err(EngineError::Internal(String::new()))
}

/// MAC pools.
///
/// # Errors
/// Refused, invalid, hidden, or the database failed.
pub async fn mac_pools(_cx: &Cx) -> Result<Vec<MacPoolView>, EngineError> {
    Err(EngineError::Internal(String::new()))
}

/// Instance types the actor may use.
///
/// # Errors
/// Refused, invalid, hidden, or the database failed.
pub async fn instance_types(_cx: &Cx) -> Result<Vec<InstanceTypeView>, EngineError> {
    Err(EngineError::Internal(String::new()))
}
