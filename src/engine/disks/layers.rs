//! Layers: thin ones whose file is made at the VM's first start, and throw-away ones that are written instead of the disk and go when
//! the VM stops.

use crate::db::Db;
use crate::engine::pools::memory::Instant;
use crate::engine::{Engine, EngineError, storage};
use crate::model::disk::DiskFormat;
use crate::model::ids::{HostId, ImageId, VmId};
use crate::model::pool::PoolKind;
use crate::store::disks::layers::{self, Layer};
use crate::store::disks::write as disks;
use crate::store::{catalog, pools, scope};
use crate::wire::{CreateImage, DomainPath, ImagePath, RemoveImage};
use std::sync::Arc;

/// Makes the files of the VM's thin layers that have none yet. Made already: fine.
///
/// # Errors
/// The host is away, or what they lie on is gone.
pub(in crate::engine) async fn make_missing(engine: &Arc<Engine>, vm: VmId) -> Result<(), EngineError> {
    let missing = engine.db.read(move |db| missing_files(db, vm)).await?;
    for (host, image, request) in missing {
        let disk = request.image.disk;
        let info = engine.call(host, &request).await?;
        engine
            .db
            .write(move |db| {
                disks::set_sizes(db, disk, info.virtual_bytes, info.actual_bytes)?;
                Ok::<_, EngineError>(layers::set_made(db, image)?)
            })
            .await?;
    }
    Ok(())
}

fn missing_files(db: &mut Db, vm: VmId) -> Result<Vec<(HostId, ImageId, CreateImage)>, EngineError> {
    layers::unmade(db, vm)?
        .into_iter()
        .map(|layer| {
            let at = |disk, image| {
                let domain = DomainPath { id: layer.domain, path: layer.path.clone() };
                ImagePath { domain, disk, image }
            };
            let request = CreateImage {
                image: at(layer.disk, layer.image),
                format: layer.format,
                virtual_bytes: u64::try_from(layer.virtual_bytes).unwrap_or_default(),
                sparse: true,
                backing: layer.below_disk.zip(layer.below).map(|(disk, image)| at(disk, image)),
            };
            Ok((storage::worker(db, layer.host, layer.data_center)?, layer.image, request))
        })
        .collect()
}

/// Puts a fresh throw-away layer over each disk of the VM; one that is left from before goes first. `instant`: over what the guest
/// wrote whose memory it goes on from.
///
/// # Errors
/// The host cannot make it.
pub(in crate::engine) async fn create_stateless(
    engine: &Arc<Engine>,
    vm: VmId,
    instant: Option<&Instant>,
) -> Result<(), EngineError> {
    let kept = engine.db.read(move |db| keeps_layers(db, vm)).await?;
    if kept {
        return Ok(());
    }
    drop_stateless(engine, vm).await?;
    let (now, memory) = (engine.clock.now(), instant.map(|instant| instant.id));
    // The rows first: a crash leaves layers that are known, and dropped at the next try.
    let made = engine
        .db
        .write(move |db| {
            layers::add(db, vm, memory, now)?;
            with_workers(db, vm)
        })
        .await?;
    for (layer, host) in made {
        let own = || layer.below.map(|image| path(&layer, image));
        let below = instant.map_or_else(own, |instant| instant.layers.get(&layer.disk).cloned());
        let create = CreateImage {
            image: path(&layer, layer.image),
            format: DiskFormat::Cow,
            virtual_bytes: layer.virtual_bytes,
            sparse: true,
            backing: below,
        };
        engine.call(host, &create).await?;
    }
    Ok(())
}

/// Throws the layers away. None there: fine.
///
/// # Errors
/// The host cannot remove it.
pub(in crate::engine) async fn drop_stateless(engine: &Arc<Engine>, vm: VmId) -> Result<(), EngineError> {
    let there = engine.db.read(move |db| with_workers(db, vm)).await?;
    for (layer, host) in there {
        engine.call(host, &RemoveImage { image: path(&layer, layer.image) }).await?;
        engine.db.write(move |db| Ok::<_, EngineError>(layers::remove(db, &layer)?)).await?;
    }
    Ok(())
}

/// Who has a VM of a manual pool finds his changes again until he gives it back.
pub(in crate::engine) fn keeps_layers(db: &mut Db, vm: VmId) -> Result<bool, EngineError> {
    let member = pools::write::membership(db, vm)?;
    let his = member.is_some_and(|m| m.kind == PoolKind::Manual && m.taken_by.is_some());
    Ok(his && !layers::of_vm(db, vm)?.is_empty())
}

fn with_workers(db: &mut Db, vm: VmId) -> Result<Vec<(Layer, HostId)>, EngineError> {
    let domains = catalog::storage_domains(db, &scope::Scope::All)?;
    layers::of_vm(db, vm)?
        .into_iter()
        .map(|layer| {
            let center = domains.iter().find(|d| d.id == layer.domain).and_then(|d| d.data_center);
            let host = storage::worker(db, layer.host, center)?;
            Ok((layer, host))
        })
        .collect()
}

fn path(layer: &Layer, image: ImageId) -> ImagePath {
    ImagePath { domain: DomainPath { id: layer.domain, path: layer.path.clone() }, disk: layer.disk, image }
}
