//! Making a VM from a template (or Blank): rows and locks at once, image files by a job.

use crate::auth;
use crate::db::Db;
use crate::engine::disks::layers;
use crate::engine::jobs::{self, JobContext, Kind, NewJob, Next, Outcome, steps};
use crate::engine::storage::{self, PlannedImage, Source};
use crate::engine::vms::{plan, state};
use crate::engine::{Created, Cx, Engine, EngineError, quotas};
use crate::model::conflict::Conflict;
use crate::model::disk::{DiskContent, DiskFormat, NewDisk};
use crate::model::event::{About, EventCode};
use crate::model::ids::{ClusterId, DiskId, ImageId, ObjectId, QuotaId, VmId};
use crate::model::job::JobKind;
use crate::model::permission::ObjectKind;
use crate::model::predefined_roles::USER_VM_MANAGER;
use crate::model::role::Action;
use crate::model::valid::{Invalid, Problem};
use crate::model::vm::{NewVm, VmStatus};
use crate::model::vm_state::Intent;
use crate::store::disks::write::{self as disks, DiskConfig};
use crate::store::vms::insert::{self as vms, VmConfig};
use crate::store::vms::run;
use crate::store::{first_run, nics, permissions, storage_domains};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// What the job knows.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(in crate::engine) struct Args {
    pub vm: VmId,
    pub name: String,
    pub images: Vec<PlannedImage>,
    /// The VM that is copied: one that never ran may have no files yet.
    #[serde(default)]
    pub copied: Option<VmId>,
}

steps! { Step { CreateImages = "create_images", } }

/// The job.
pub(in crate::engine) struct AddVm;

/// Makes a VM from a template (or Blank).
///
/// # Errors
/// Every field that is wrong, or refused, hidden, or the database failed.
pub async fn create(cx: &Cx, new: NewVm) -> Result<Created<VmId>, EngineError> {
    let inner = cx.clone();
    let created = cx
        .engine
        .db
        .write(move |db| {
            let planned = plan::plan(&inner, db, &new)?;
            begin(&inner, db, planned, None, &[])
        })
        .await?;
    jobs::kick(&cx.engine, created.job);
    Ok(created)
}

/// Keeps a planned VM, the actor's own, and the job that makes it, which holds `more` besides.
///
/// # Errors
/// He may not make its new disks, there is no place for it, or the database failed.
pub(in crate::engine) fn begin(
    cx: &Cx,
    db: &mut Db,
    planned: Planned,
    copied: Option<VmId>,
    more: &[ObjectId],
) -> Result<Created<VmId>, EngineError> {
    let id = planned.config.id;
    let (cluster, quota) = (planned.config.cluster, planned.quota);
    let quotas_of_disks: Vec<Option<QuotaId>> = planned.new_disks.iter().map(|disk| disk.quota).collect();
    let args = Args { copied, ..insert(&cx.engine, db, planned)? };
    for image in args.images.iter().filter(|image| matches!(image.source, Source::Empty)) {
        crate::engine::disks::may_create(cx, db, image.image.domain.id)?;
    }
    let now = cx.engine.clock.now();
    permissions::grant(db, USER_VM_MANAGER, cx.actor.user.into(), ObjectKind::Vm, id.object(), now)?;
    let center = storage_domains::data_center_of(db, cluster)?;
    quotas::choose(cx, db, id.object(), center, quota)?;
    // The new ones stand behind the template's.
    for (image, quota) in args.images.iter().rev().zip(quotas_of_disks.into_iter().rev()) {
        if quota.is_some() {
            quotas::choose(cx, db, image.image.disk.object(), center, quota)?;
        }
    }
    quotas::Asker::of(cx).stores(db, quotas::Disks::Vm(id), 0)?;
    let new_job = NewJob::asked(cx, &args.name);
    let about = About {
        vm: Some((id, args.name.clone())),
        user: Some((cx.actor.user, cx.actor.name.clone())),
        ..About::default()
    };
    cx.engine.tell(db, EventCode::AddVmStarted, about, "")?;
    let held: Vec<ObjectId> = locks(&args).into_iter().chain(more.iter().copied()).collect();
    let job = jobs::insert::<AddVm>(db, &new_job, &args, &held)?;
    Ok(Created { id, job })
}

/// Everything a VM is made from, checked.
#[derive(Debug)]
pub(in crate::engine) struct Planned {
    pub config: VmConfig,
    /// The template's disks with their active images.
    pub template_disks: Vec<plan::TemplateDisk>,
    pub clone: bool,
    pub new_disks: Vec<NewDisk>,
    pub nics: Vec<Option<crate::model::ids::VnicProfileId>>,
    pub quota: Option<QuotaId>,
}

/// What the job locks: the VM and its disks.
pub(in crate::engine) fn locks(args: &Args) -> Vec<ObjectId> {
    let mut all = vec![args.vm.object()];
    all.extend(args.images.iter().map(|i| i.image.disk.object()));
    all
}

/// Keeps the rows of a planned VM and says which image files it needs.
pub(in crate::engine) fn insert(engine: &Arc<Engine>, db: &mut Db, planned: Planned) -> Result<Args, EngineError> {
    let config = &planned.config;
    let now = engine.clock.now();
    vms::insert(db, config, now)?;
    run::insert(db, config.id, Intent::Images, VmStatus::ImageLocked)?;
    if config.pool.is_none() {
        first_run::inherit(db, config.template, config.id.object())?;
    }
    let macs = nics::free_macs(db, config.cluster, planned.nics.len())?;
    if macs.len() < planned.nics.len() {
        return Err(Conflict::NoMac.into());
    }
    for (position, (profile, mac)) in planned.nics.iter().zip(macs).enumerate() {
        nics::insert(db, config.id, i32::try_from(position).unwrap_or(0), mac, *profile)?;
    }
    let mut images = Vec::new();
    for disk in &planned.template_disks {
        let number = images.len() + 1;
        images.push(from_template(db, config, disk, planned.clone, number, now)?);
    }
    for disk in &planned.new_disks {
        let number = images.len() + 1;
        images.push(empty(db, config.cluster, Some(config), disk, number, now)?.1);
    }
    engine.changed(crate::engine::changes::Topic::Object(ObjectKind::Vm), Some(config.id.0));
    Ok(Args { vm: config.id, name: config.name.clone(), images, copied: None })
}

fn from_template(
    db: &mut Db,
    config: &VmConfig,
    template: &plan::TemplateDisk,
    clone: bool,
    number: usize,
    now: crate::model::clock::Timestamp,
) -> Result<PlannedImage, EngineError> {
    let active = &template.active;
    let needs = if clone { active.virtual_bytes } else { 0 };
    let place = storage::choose(db, config.cluster, Some(active.domain), needs)?;
    let (disk, image) = (DiskId::random(), ImageId::random());
    let new = DiskConfig {
        id: disk,
        image,
        domain: place.id,
        alias: format!("{}_Disk{number}", config.name),
        description: String::new(),
        content: DiskContent::Data,
        format: DiskFormat::Cow,
        sparse: true,
        virtual_bytes: active.virtual_bytes,
        parent: (!clone).then_some(active.image),
    };
    disks::insert(db, &new, now)?;
    disks::attach(db, disk, config.id, template.interface, template.bootable)?;
    let below = storage::path(active);
    Ok(PlannedImage {
        host: storage::worker(db, place.host, place.data_center)?,
        image: storage::new_path(&place, disk, image),
        format: DiskFormat::Cow,
        virtual_bytes: active.virtual_bytes,
        sparse: true,
        source: if clone { Source::Copy(below) } else { Source::Layer(below) },
    })
}

/// Keeps an empty disk, attached to `vm` if there is one.
pub(in crate::engine) fn empty(
    db: &mut Db,
    cluster: ClusterId,
    vm: Option<&VmConfig>,
    new: &NewDisk,
    number: usize,
    now: crate::model::clock::Timestamp,
) -> Result<(DiskId, PlannedImage), EngineError> {
    let place = storage::choose(db, cluster, new.storage_domain, if new.sparse { 0 } else { new.virtual_bytes })?;
    let (disk, image) = (DiskId::random(), ImageId::random());
    let alias = match (new.alias.as_str(), vm) {
        ("", Some(vm)) => format!("{}_Disk{number}", vm.name),
        ("", None) => return Err(Invalid::new("alias", Problem::Missing).into()),
        (alias, _) => alias.to_owned(),
    };
    let format = if new.sparse { DiskFormat::Cow } else { DiskFormat::Raw };
    let config = DiskConfig {
        id: disk,
        image,
        domain: place.id,
        alias,
        description: new.description.clone(),
        content: DiskContent::Data,
        format,
        sparse: new.sparse,
        virtual_bytes: new.virtual_bytes,
        parent: None,
    };
    disks::insert(db, &config, now)?;
    if let Some(vm) = vm {
        disks::attach(db, disk, vm.id, new.interface, new.bootable)?;
    }
    let plan = PlannedImage {
        host: storage::worker(db, place.host, place.data_center)?,
        image: storage::new_path(&place, disk, image),
        format,
        virtual_bytes: new.virtual_bytes,
        sparse: new.sparse,
        source: Source::Empty,
    };
    Ok((disk, plan))
}

/// Makes all the VM's image files.
pub(in crate::engine) async fn make_images(engine: &Arc<Engine>, images: &[PlannedImage]) -> Result<(), EngineError> {
    for plan in images {
        let info = storage::make(engine, plan).await?;
        let disk = plan.image.disk;
        engine
            .db
            .write(move |db| Ok::<_, EngineError>(disks::set_sizes(db, disk, info.virtual_bytes, info.actual_bytes)?))
            .await?;
    }
    Ok(())
}

/// The VM is whole: it is down.
pub(in crate::engine) fn made(engine: &Arc<Engine>, db: &mut Db, vm: VmId) -> Result<(), EngineError> {
    state::change(engine, db, vm, |run| {
        run.intent = Intent::Off;
        Ok(())
    })
    .map(drop)
}

/// Nothing of the VM is left in the database.
pub(in crate::engine) fn unmade(engine: &Arc<Engine>, db: &mut Db, args: &Args) -> Result<(), EngineError> {
    for plan in &args.images {
        disks::remove(db, plan.image.disk)?;
    }
    vms::remove(db, args.vm)?;
    engine.changed(crate::engine::changes::Topic::Object(ObjectKind::Vm), Some(args.vm.0));
    Ok(())
}

impl Kind for AddVm {
    const KIND: JobKind = JobKind::AddVm;
    type Args = Args;
    type Step = Step;

    async fn run(engine: &Arc<Engine>, _: &JobContext, args: &mut Args, step: Step) -> Result<Next, EngineError> {
        match step {
            Step::CreateImages => {
                if let Some(copied) = args.copied {
                    layers::make_missing(engine, copied).await?;
                }
                make_images(engine, &args.images).await?;
            }
        }
        Ok(Next::Done)
    }

    async fn undo(engine: &Arc<Engine>, _: &JobContext, args: &mut Args, step: Step) -> Result<(), EngineError> {
        match step {
            Step::CreateImages => {
                for plan in &args.images {
                    storage::unmake(engine, plan).await?;
                }
            }
        }
        Ok(())
    }

    fn ended(
        engine: &Arc<Engine>,
        cx: &JobContext,
        db: &mut Db,
        args: &Args,
        outcome: Outcome<'_>,
    ) -> Result<(), EngineError> {
        let about = About { vm: Some((args.vm, args.name.clone())), ..About::default() };
        match outcome {
            Outcome::Finished => {
                made(engine, db, args.vm)?;
                cx.tell(engine, db, EventCode::UserAddVm, about, "")
            }
            Outcome::Failed(why) => {
                unmade(engine, db, args)?;
                cx.tell(engine, db, EventCode::AddVmFailed, about, why)
            }
        }
    }
}

/// May the actor make VMs there, from that?
pub(in crate::engine) fn check_permissions(
    cx: &Cx,
    db: &mut Db,
    cluster: ClusterId,
    template: crate::model::ids::TemplateId,
) -> Result<(), EngineError> {
    auth::check(db, &cx.actor, Action::CreateVm, cluster.object())?;
    Ok(auth::check(db, &cx.actor, Action::CreateVm, template.object())?)
}
