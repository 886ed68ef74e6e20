//! Storage domains and images on a host: `<path>/<domain>/images/<disk>/<image>`.

use crate::model::disk::DiskFormat;
use crate::model::ids::{DiskId, ImageId, StorageDomainId};
use serde::{Deserialize, Serialize};

/// Where a file storage domain is on the host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DomainPath {
    pub id: StorageDomainId,
    /// Absolute folder that holds the folder named after the domain's id.
    pub path: String,
}

/// One layer of a disk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImagePath {
    pub domain: DomainPath,
    pub disk: DiskId,
    pub image: ImageId,
}

/// Make a local storage domain's folders and metadata. Done already: answers its space.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct CreateDomain {
    pub domain: DomainPath,
    pub name: String,
}

/// Take a domain away in which nothing is. Gone already: fine.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RemoveDomain {
    pub domain: DomainPath,
}

/// How full the domain is; `NotFound` if its folder or metadata is gone.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct DomainInfo {
    pub domain: DomainPath,
}

/// Space of the file system a domain lies on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct DomainSpace {
    pub total_bytes: u64,
    pub available_bytes: u64,
}

/// Make an image: empty, or a qcow2 layer over `backing` (which then must not change any more). Made already with the same
/// size and backing: answers its info.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct CreateImage {
    pub image: ImagePath,
    pub format: DiskFormat,
    pub virtual_bytes: u64,
    /// False: all blocks are allocated now.
    pub sparse: bool,
    pub backing: Option<ImagePath>,
}

/// Copy `source` with all layers below it into one independent image.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct CopyImage {
    pub source: ImagePath,
    pub target: ImagePath,
    pub format: DiskFormat,
    pub sparse: bool,
}

/// What the image's header says (the format is given, never probed).
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct InspectImage {
    pub image: ImagePath,
    pub format: DiskFormat,
}

/// Sizes of an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImageInfo {
    pub virtual_bytes: u64,
    pub actual_bytes: u64,
}

/// Remove one layer. Gone already: fine.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RemoveImage {
    pub image: ImagePath,
}

/// Remove a disk's folder with all its layers. Gone already: fine.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RemoveDisk {
    pub domain: DomainPath,
    pub disk: DiskId,
}
