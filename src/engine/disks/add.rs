//! Making an empty disk.

use crate::auth;
use crate::db::Db;
use crate::engine::jobs::{self, JobContext, Kind, NewJob, Next, Outcome, steps};
use crate::engine::storage::{self, PlannedImage};
use crate::engine::vms::adjust;
use crate::engine::vms::admit::{admit, command};
use crate::engine::vms::create::{empty, make_images};
use crate::engine::vms::plan;
use crate::engine::{Created, Cx, Engine, EngineError, quotas};
use crate::model::disk::NewDisk;
use crate::model::event::{About, EventCode};
use crate::model::ids::{DiskId, VmId};
use crate::model::job::JobKind;
use crate::model::permission::ObjectKind;
use crate::model::predefined_roles::DISK_OPERATOR;
use crate::model::role::Action;
use crate::model::vm::VmAction;
use crate::store::disks::write as disks;
use crate::store::{permissions, storage_domains};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// What the job knows.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(in crate::engine) struct Args {
    image: PlannedImage,
    alias: String,
    /// The running VM that is to see it as soon as it is there.
    #[serde(default)]
    plug: Option<VmId>,
    /// Why the guest did not take it.
    #[serde(default)]
    refused: String,
}

steps! { Step { CreateImages = "create_images", Plug = "plug", } }

/// The job.
pub(in crate::engine) struct AddDisk;

/// Makes an empty disk, attached to `vm` if one is given.
///
/// # Errors
/// Refused, invalid, hidden, or the database failed.
pub async fn add(cx: &Cx, new: NewDisk, vm: Option<VmId>) -> Result<Created<DiskId>, EngineError> {
    let created = match vm {
        Some(vm) => command(cx, vm, VmAction::Edit, move |cx, db| begin(cx, db, new.clone(), Some(vm))).await?,
        None => {
            let inner = cx.clone();
            cx.engine.db.write(move |db| begin(&inner, db, new, None)).await?
        }
    };
    jobs::kick(&cx.engine, created.job);
    Ok(created)
}

fn begin(cx: &Cx, db: &mut Db, mut new: NewDisk, vm: Option<VmId>) -> Result<Created<DiskId>, EngineError> {
    let mut wrong = Vec::new();
    plan::check_disk(&new, &mut wrong);
    if !wrong.is_empty() {
        return Err(EngineError::Invalid(wrong));
    }
    let now = cx.engine.clock.now();
    let (mut cluster, mut plug) = (None, None);
    if let Some(id) = vm {
        auth::check(db, &cx.actor, Action::ConfigureVmStorage, id.object())?;
        let run = admit(cx, db, id, VmAction::Edit)?;
        let row = crate::store::vms::list::row(db, id)?;
        let row = row.ok_or_else(|| EngineError::NotFound { kind: "VM", id: id.to_string() })?;
        if run.status.is_running() {
            super::attach::may_plug(&run, new.interface)?;
            plug = Some(id);
        }
        cluster = Some(row.cluster);
        if new.alias.is_empty() {
            new.alias = format!("{}_Disk{}", run.name, disks::count_of_vm(db, id)? + 1);
        }
    }
    let cluster = plan::cluster(db, cluster)?;
    let (disk, image) = empty(db, cluster, None, &new, 1, now)?;
    super::may_create(cx, db, image.image.domain.id)?;
    if let Some(vm) = vm {
        disks::attach(db, disk, vm, new.interface, new.bootable)?;
        disks::set_active(db, disk, plug.is_none())?;
    }
    permissions::grant(db, DISK_OPERATOR, cx.actor.user.into(), ObjectKind::Disk, disk.object(), now)?;
    if vm.is_none() || new.quota.is_some() {
        let center = storage_domains::data_center_of(db, cluster)?;
        quotas::choose(cx, db, disk.object(), center, new.quota)?;
    }
    quotas::Asker::of(cx).stores(db, quotas::Disks::Disk(disk), 0)?;
    cx.engine.changed(super::topic(), Some(disk.0));
    let args = Args { image, alias: new.alias.clone(), plug, refused: String::new() };
    let mut locks = vec![disk.object()];
    locks.extend(plug.map(VmId::object));
    let job = jobs::insert::<AddDisk>(db, &NewJob::asked(cx, &new.alias), &args, &locks)?;
    Ok(Created { id: disk, job })
}

impl Kind for AddDisk {
    const KIND: JobKind = JobKind::AddDisk;
    type Args = Args;
    type Step = Step;

    async fn run(engine: &Arc<Engine>, _: &JobContext, args: &mut Args, step: Step) -> Result<Next, EngineError> {
        match step {
            Step::CreateImages => make_images(engine, std::slice::from_ref(&args.image)).await?,
            Step::Plug => {
                if let Some(vm) = args.plug {
                    args.refused = adjust::plug(engine, vm, args.image.image.disk).await?;
                }
            }
        }
        Ok(Next::Done)
    }

    async fn undo(engine: &Arc<Engine>, _: &JobContext, args: &mut Args, step: Step) -> Result<(), EngineError> {
        match step {
            Step::CreateImages => storage::unmake(engine, &args.image).await,
            Step::Plug => match args.plug {
                Some(vm) => adjust::unplug(engine, vm, args.image.image.disk).await,
                None => Ok(()),
            },
        }
    }

    fn ended(
        engine: &Arc<Engine>,
        cx: &JobContext,
        db: &mut Db,
        args: &Args,
        outcome: Outcome<'_>,
    ) -> Result<(), EngineError> {
        engine.changed(super::topic(), Some(args.image.image.disk.0));
        match outcome {
            Outcome::Finished => {
                if let Some(vm) = args.plug {
                    engine.changed(crate::engine::changes::Topic::Object(ObjectKind::Vm), Some(vm.0));
                    if !args.refused.is_empty() {
                        let about = crate::engine::vms::state::about(&crate::engine::vms::state::load(db, vm)?);
                        cx.tell(engine, db, EventCode::HotPlugDiskFailed, about, &args.refused)?;
                    }
                }
                cx.tell(engine, db, EventCode::DiskAdded, About::default(), &args.alias)
            }
            Outcome::Failed(why) => {
                disks::remove(db, args.image.image.disk)?;
                cx.tell(engine, db, EventCode::AddDiskFailed, About::default(), why)
            }
        }
    }
}
