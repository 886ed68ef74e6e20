//! A VM that follows its template: before it starts, its thin disks are made anew from the newest version.
//!
//! What such a VM writes is thrown away anyway, so its disks can be. Each part of it can be done again: the layers are marked as having
//! no file, the files go, the rows lie on the newer version, and the files are made as those of any new VM are.

use crate::db::Db;
use crate::engine::changes::Topic;
use crate::engine::disks::layers;
use crate::engine::vms::plan;
use crate::engine::{Engine, EngineError, storage};
use crate::model::disk::{DiskContent, DiskFormat};
use crate::model::event::{About, EventCode};
use crate::model::ids::{DiskId, HostId, ImageId, TemplateId, VmId};
use crate::model::permission::ObjectKind;
use crate::store::disks::write::{self as disk_rows, DiskConfig};
use crate::store::templates::versions::{self, ThinDisk};
use crate::store::{disks, templates, vms};
use crate::wire::DomainPath;
use std::sync::Arc;

/// Where a VM goes.
struct Due {
    from: TemplateId,
    to: TemplateId,
    thin: Vec<ThinDisk>,
    /// The folders of those disks.
    folders: Vec<(HostId, DomainPath, DiskId)>,
}

/// Takes the VM to the newest version of its template, if it follows that and is of another one. The caller's job holds the VM, and it
/// is down.
///
/// # Errors
/// The host is away.
pub(in crate::engine) async fn follow(engine: &Arc<Engine>, vm: VmId) -> Result<(), EngineError> {
    // Most follow nothing: that is one small question.
    if engine.db.read(move |db| due(db, vm)).await?.is_none() {
        return Ok(());
    }
    layers::drop_stateless(engine, vm).await?;
    let found = engine.db.write(move |db| {
        let found = due(db, vm)?;
        if let Some(due) = &found {
            versions::set_unmade(db, &due.thin)?;
        }
        Ok::<_, EngineError>(found)
    });
    let Some(due) = found.await? else { return Ok(()) };
    for (host, domain, disk) in &due.folders {
        storage::remove_disk(engine, *host, domain.clone(), *disk).await?;
    }
    let inner = engine.clone();
    engine.db.write(move |db| lay(&inner, db, vm, &due)).await
}

fn due(db: &mut Db, vm: VmId) -> Result<Option<Due>, EngineError> {
    let Some(from) = versions::followed(db, vm)? else { return Ok(None) };
    let to = versions::newest(db, from)?;
    // Who has a VM of a manual pool finds his changes again until he gives it back.
    if to == from || layers::keeps_layers(db, vm)? {
        return Ok(None);
    }
    let thin = versions::thin_disks(db, vm, from)?;
    if thin.is_empty() {
        return Ok(None);
    }
    let ids: Vec<DiskId> = thin.iter().map(|one| one.disk).collect();
    let tree = disks::tree::of_vm(db, vm)?;
    // With snapshots there is something to lose.
    let kept =
        tree.iter().any(|layer| layer.parent.is_some_and(|p| thin.iter().any(|t| t.image == p)) && !layer.active);
    if kept {
        return Ok(None);
    }
    let mut folders = Vec::new();
    for layer in tree.iter().filter(|layer| ids.contains(&layer.disk) && thin.iter().any(|t| t.image == layer.image)) {
        let host = storage::worker(db, layer.host, layer.data_center)?;
        folders.push((host, DomainPath { id: layer.domain, path: layer.path.clone() }, layer.disk));
    }
    Ok(Some(Due { from, to, thin, folders }))
}

/// The rows of the disks lie on the newer version's. It may have more disks than the older one, or fewer.
fn lay(engine: &Arc<Engine>, db: &mut Db, vm: VmId, due: &Due) -> Result<(), EngineError> {
    // Its removal may have begun meanwhile: then this start stays with what it has.
    if !versions::hold(db, due.to)? || versions::newest(db, due.from)? != due.to {
        return Ok(());
    }
    let Some(template) = templates::get(db, due.to)? else { return Ok(()) };
    let on = plan::template_disks(db, &template)?;
    let now = engine.clock.now();
    for (thin, disk) in due.thin.iter().zip(&on) {
        versions::lay_on(db, vm, thin, &disk.active)?;
    }
    for gone in due.thin.iter().skip(on.len()) {
        disk_rows::remove(db, gone.disk)?;
    }
    let name = vms::run::get(db, vm)?.map(|run| run.name).unwrap_or_default();
    for (number, disk) in on.iter().enumerate().skip(due.thin.len()) {
        let (id, image, active) = (DiskId::random(), ImageId::random(), &disk.active);
        let new = DiskConfig {
            id,
            image,
            domain: active.domain,
            alias: format!("{name}_Disk{}", number + 1),
            description: String::new(),
            content: DiskContent::Data,
            format: DiskFormat::Cow,
            sparse: true,
            virtual_bytes: active.virtual_bytes,
            parent: Some(active.image),
        };
        disk_rows::insert(db, &new, now)?;
        disk_rows::attach(db, id, vm, disk.interface, disk.bootable)?;
        versions::set_unmade(db, &[ThinDisk { disk: id, image }])?;
    }
    versions::set_template(db, vm, due.to)?;
    let about = About { vm: Some((vm, name)), template: Some((due.to, template.name)), ..About::default() };
    engine.tell(db, EventCode::VmFollowed, about, "")?;
    for kind in [ObjectKind::Vm, ObjectKind::Pool, ObjectKind::Template] {
        engine.changed(Topic::Object(kind), None);
    }
    Ok(())
}
