//! Disks and ISO images.

pub mod layers;

use crate::engine::{Created, Cx, EngineError};
use crate::model::disk::{DiskContent, DiskFormat, DiskView, NewDisk};
use crate::model::ids::{DiskId, JobId, StorageDomainId, VmId};
use crate::model::page::{ListQuery, Page};
use bytes::Bytes;
use futures_util::stream::BoxStream;

/// An image that comes from outside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewUpload {
    pub alias: String,
    pub description: String,
    pub content: DiskContent,
    pub format: DiskFormat,
    /// The file's size.
    pub bytes: u64,
    pub storage_domain: Option<StorageDomainId>,
}

/// The disks the actor may see.
///
/// # Errors
/// Refused, invalid, hidden, or the database failed.
pub async fn list(_cx: &Cx, _query: &ListQuery) -> Result<Page<DiskView>, EngineError> {
    Err(EngineError::Internal(String::new()))
}

/// One disk.
///
/// # Errors
/// Refused, invalid, hidden, or the database failed.
pub async fn get(_cx: &Cx, _id: DiskId) -> Result<DiskView, EngineError> {
    Err(EngineError::Internal(String::new()))
}

/// Makes an empty disk, attached to `vm` if one is given.
///
/// # Errors
/// Refused, invalid, hidden, or the database failed.
pub async fn add(_cx: &Cx, _new: NewDisk, _vm: Option<VmId>) -> Result<Created<DiskId>, EngineError> {
    Err(EngineError::Internal(String::new()))
}

/// Removes a disk; it must not belong to a running VM or a template.
///
/// # Errors
/// Refused, invalid, hidden, or the database failed.
pub async fn remove(_cx: &Cx, _id: DiskId) -> Result<JobId, EngineError> {
    Err(EngineError::Internal(String::new()))
}

/// Takes an image's bytes in; the disk is there when all bytes are.
///
/// # Errors
/// Refused, invalid, hidden, or the database failed.
pub async fn upload(
    _cx: &Cx,
    _new: NewUpload,
    _body: BoxStream<'static, Result<Bytes, std::io::Error>>,
) -> Result<DiskId, EngineError> {
    Err(EngineError::Internal(String::new()))
}
