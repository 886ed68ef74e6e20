//! Where disks go: choosing a domain, the host that works on it, and the making and removing of image files.

use crate::db::Db;
use crate::engine::{Engine, EngineError};
use crate::model::conflict::{Away, Conflict, Unfit};
use crate::model::disk::DiskFormat;
use crate::model::ids::{ClusterId, DataCenterId, DiskId, HostId, ImageId, StorageDomainId};
use crate::model::storage_domain::{CRITICAL_SPACE_BYTES, StorageDomainKind, StorageDomainStatus};
use crate::model::valid::{Invalid, Problem};
use crate::store::disks::write::ActiveImage;
use crate::store::storage_domains::{self, Place};
use crate::wire::{CopyImage, CreateImage, DomainPath, ImageInfo, ImagePath, RemoveDisk};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// An image file that a job makes.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(in crate::engine) struct PlannedImage {
    pub host: HostId,
    pub image: ImagePath,
    pub format: DiskFormat,
    pub virtual_bytes: u64,
    pub sparse: bool,
    pub source: Source,
}

/// What a new image starts from.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(in crate::engine) enum Source {
    Empty,
    /// A thin layer on it.
    Layer(ImagePath),
    /// A whole copy of it.
    Copy(ImagePath),
}

/// Makes the file, or finds it made already.
///
/// # Errors
/// The host is away or has no space.
pub(in crate::engine) async fn make(engine: &Arc<Engine>, plan: &PlannedImage) -> Result<ImageInfo, EngineError> {
    let create = |backing| CreateImage {
        image: plan.image.clone(),
        format: plan.format,
        virtual_bytes: plan.virtual_bytes,
        sparse: plan.sparse,
        backing,
    };
    match &plan.source {
        Source::Empty => engine.call(plan.host, &create(None)).await,
        Source::Layer(below) => engine.call(plan.host, &create(Some(below.clone()))).await,
        Source::Copy(source) => {
            let copy = CopyImage {
                source: source.clone(),
                target: plan.image.clone(),
                format: plan.format,
                sparse: plan.sparse,
            };
            engine.call(plan.host, &copy).await
        }
    }
}

/// Removes the disk's files. Gone already: fine.
///
/// # Errors
/// The host is away.
pub(in crate::engine) async fn unmake(engine: &Arc<Engine>, plan: &PlannedImage) -> Result<(), EngineError> {
    remove_disk(engine, plan.host, plan.image.domain.clone(), plan.image.disk).await
}

/// Removes a disk's files. Gone already: fine.
///
/// # Errors
/// The host is away.
pub(in crate::engine) async fn remove_disk(
    engine: &Arc<Engine>,
    host: HostId,
    domain: DomainPath,
    disk: DiskId,
) -> Result<(), EngineError> {
    engine.call(host, &RemoveDisk { domain, disk }).await
}

/// The active layer as the host finds it.
pub(in crate::engine) fn path(active: &ActiveImage) -> ImagePath {
    ImagePath {
        domain: DomainPath { id: active.domain, path: active.path.clone() },
        disk: active.disk,
        image: active.image,
    }
}

/// The file of a new image in this domain.
pub(in crate::engine) fn new_path(place: &Place, disk: DiskId, image: ImageId) -> ImagePath {
    ImagePath { domain: DomainPath { id: place.id, path: place.path.clone() }, disk, image }
}

/// A data domain of the cluster's data center that takes `bytes` more: the one asked for, else the one with most space.
///
/// # Errors
/// Names the domain that was asked for and what is wrong with it, or says that there is none.
pub(in crate::engine) fn choose(
    db: &mut Db,
    cluster: ClusterId,
    wanted: Option<StorageDomainId>,
    bytes: u64,
) -> Result<Place, EngineError> {
    let center = storage_domains::data_center_of(db, cluster)?;
    let places = storage_domains::places(db)?;
    if let Some(id) = wanted {
        let found = places.into_iter().find(|p| p.id == id && p.data_center == center);
        let place = found.ok_or_else(|| Invalid::new("storage_domain", Problem::NoSuch { value: id.to_string() }))?;
        return match unfit(&place, bytes) {
            Some(because) => Err(Invalid::new("storage_domain", Problem::Unfit(because)).into()),
            None => Ok(place),
        };
    }
    let mut why = Unfit::NoDomain;
    for place in places.into_iter().filter(|p| p.data_center == center && p.kind == StorageDomainKind::Data) {
        match unfit(&place, bytes) {
            None => return Ok(place),
            Some(because) => why = because,
        }
    }
    Err(Conflict::NoPlace { why }.into())
}

fn unfit(place: &Place, bytes: u64) -> Option<Unfit> {
    let domain = || place.name.clone();
    let free = place.available_bytes;
    if place.kind != StorageDomainKind::Data {
        Some(Unfit::NotData { domain: domain() })
    } else if place.status != StorageDomainStatus::Active {
        Some(Unfit::Status { domain: domain(), status: place.status })
    } else if free < bytes.saturating_add(CRITICAL_SPACE_BYTES) {
        let needed = bytes.saturating_add(CRITICAL_SPACE_BYTES) >> 20;
        Some(Unfit::Space { domain: domain(), free: free >> 20, needed })
    } else {
        None
    }
}

/// The host that works on the domain's files.
///
/// # Errors
/// None is up.
pub(in crate::engine) fn worker(
    db: &mut Db,
    only: Option<HostId>,
    center: Option<DataCenterId>,
) -> Result<HostId, EngineError> {
    if let Some(host) = only {
        return Ok(host);
    }
    let host = match center {
        Some(center) => storage_domains::host_for(db, center)?,
        None => None,
    };
    host.ok_or_else(|| Away::NoHostUp.into())
}
