//! Copies: a VM of its own made from a VM that is down, or from one of its snapshots.

use crate::auth;
use crate::db::Db;
use crate::engine::jobs;
use crate::engine::vms::admit::{admit, command};
use crate::engine::vms::create::{self, Planned};
use crate::engine::vms::plan;
use crate::engine::{Created, Cx, EngineError, disks, snapshots};
use crate::model::conflict::Conflict;
use crate::model::ids::*;
use crate::model::role::Action;
use crate::model::snapshot::SavedConfig;
use crate::model::vm::{VmAction, VmView};
use crate::store::disks::tree::{self, TreeImage};
use crate::store::disks::write::ActiveImage;
use crate::store::icons;
use crate::store::vms::insert::VmConfig;
use crate::store::{quotas, snapshots as kept, vms as store};

/// What is copied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Origin {
    pub vm: VmId,
    /// None: the VM as it is now; it must be down.
    pub snapshot: Option<SnapshotId>,
}

/// All that a copy is made from.
pub(in crate::engine) struct Copied {
    pub view: VmView,
    pub config: SavedConfig,
    pub disks: Vec<plan::TemplateDisk>,
    /// What must stay as it is until the copy is whole.
    pub locks: Vec<ObjectId>,
}

/// Reads what is copied, if the actor may copy it.
///
/// # Errors
/// Refused, hidden, it runs, its removal was begun, or the database failed.
pub(in crate::engine) fn read(cx: &Cx, db: &mut Db, origin: Origin) -> Result<Copied, EngineError> {
    let vm = origin.vm;
    let gone = |kind, id: String| move || EngineError::NotFound { kind, id };
    if origin.snapshot.is_none() {
        admit(cx, db, vm, VmAction::Clone)?;
    } else {
        auth::check(db, &cx.actor, VmAction::Clone.permit(), vm.object())?;
    }
    let view = store::get::get(db, vm)?.ok_or_else(gone("VM", vm.to_string()))?;
    let layers = tree::of_vm(db, vm)?;
    let (config, images, locks) = match origin.snapshot {
        None => {
            let active = layers.iter().filter(|layer| layer.active).map(|layer| layer.image).collect();
            (snapshots::saved_config(db, vm)?, active, vec![vm.object()])
        }
        Some(id) => {
            let found = kept::get(db, id)?.filter(|s| s.vm == vm);
            let found = found.ok_or_else(gone("snapshot", id.to_string()))?;
            if found.broken {
                return Err(Conflict::SnapshotBroken { snapshot: found.description }.into());
            }
            let images: Vec<ImageId> = kept::keeps(db, id)?.into_iter().map(|(_, image)| image).collect();
            (found.config, images, vec![id.object()])
        }
    };
    let disks = sources(&view, &layers, &images);
    Ok(Copied { view, config, disks, locks })
}

fn sources(view: &VmView, layers: &[TreeImage], images: &[ImageId]) -> Vec<plan::TemplateDisk> {
    let source = |layer: &TreeImage| ActiveImage {
        disk: layer.disk,
        image: layer.image,
        format: layer.format,
        virtual_bytes: layer.virtual_bytes,
        domain: layer.domain,
        path: layer.path.clone(),
        host: layer.host,
    };
    let one = |d: &crate::model::disk::DiskAttachment| {
        let layer = layers.iter().find(|layer| layer.disk == d.disk.id && images.contains(&layer.image))?;
        Some(plan::TemplateDisk { active: source(layer), interface: d.interface, bootable: d.bootable })
    };
    view.disks.iter().filter_map(one).collect()
}

/// Makes a VM of its own with whole copies of the disks and network cards of its own.
///
/// # Errors
/// Refused, invalid, hidden, or the database failed.
pub async fn clone(cx: &Cx, origin: Origin, name: String) -> Result<Created<VmId>, EngineError> {
    let created = command(cx, origin.vm, VmAction::Clone, move |cx, db| begin(cx, db, origin, &name)).await?;
    jobs::kick(&cx.engine, created.job);
    Ok(created)
}

fn begin(cx: &Cx, db: &mut Db, origin: Origin, name: &str) -> Result<Created<VmId>, EngineError> {
    let copied = read(cx, db, origin)?;
    let row = &copied.view.row;
    auth::check(db, &cx.actor, Action::CreateVm, row.cluster.object())?;
    for disk in &copied.disks {
        disks::may_create(cx, db, disk.active.domain)?;
    }
    let mut wrong = Vec::new();
    let name = plan::name(db, name, None, &mut wrong)?;
    if !wrong.is_empty() {
        return Err(EngineError::Invalid(wrong));
    }
    let config = VmConfig {
        id: VmId::random(),
        name,
        description: row.description.clone(),
        comment: row.comment.clone(),
        cluster: row.cluster,
        template: BLANK_TEMPLATE,
        instance_type: copied.view.instance_type.filter(|_| copied.view.hardware == copied.config.hardware),
        pool: None,
        os: copied.config.os.clone(),
        kind: copied.config.kind,
        hardware: copied.config.hardware.clone(),
        stateless: false,
        delete_protected: false,
        allow_override: copied.view.allow_override,
        use_latest: false,
        cd: None,
    };
    let counted = row.pool.map_or(origin.vm.object(), |pool| pool.object());
    let quota = quotas::chosen(db, &[counted])?.remove(&counted).map(|chosen| chosen.quota);
    let nics = copied.view.nics.iter().map(|nic| nic.profile).collect();
    let template = row.template;
    let planned = Planned { config, template_disks: copied.disks, clone: true, new_disks: Vec::new(), nics, quota };
    let created = create::begin(cx, db, planned, Some(origin.vm), &copied.locks)?;
    // It shows what the other shows, though it is of no template.
    for object in [template.object(), origin.vm.object()] {
        icons::inherit(db, object, created.id.object())?;
    }
    Ok(created)
}
