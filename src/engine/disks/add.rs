//! Making an empty disk.

use crate::auth;
use crate::db::Db;
use crate::engine::jobs::{self, JobContext, Kind, NewJob, Next, Outcome, steps};
use crate::engine::storage::{self, PlannedImage};
use crate::engine::vms::admit::admit;
use crate::engine::vms::create::{empty, make_images};
use crate::engine::vms::plan;
use crate::engine::{Created, Cx, Engine, EngineError};
use crate::model::disk::NewDisk;
use crate::model::event::{About, EventCode};
use crate::model::ids::{DiskId, VmId};
use crate::model::job::JobKind;
use crate::model::permission::ObjectKind;
use crate::model::predefined_roles::DISK_OPERATOR;
use crate::model::role::Action;
use crate::model::vm::VmAction;
use crate::store::disks::write as disks;
use crate::store::permissions;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// What the job knows.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(in crate::engine) struct Args {
    image: PlannedImage,
    alias: String,
}

steps! { Step { CreateImages = "create_images", } }

/// The job.
pub(in crate::engine) struct AddDisk;

/// Makes an empty disk, attached to `vm` if one is given.
///
/// # Errors
/// Refused, invalid, hidden, or the database failed.
pub async fn add(cx: &Cx, new: NewDisk, vm: Option<VmId>) -> Result<Created<DiskId>, EngineError> {
    let inner = cx.clone();
    let created = cx
        .engine
        .db
        .write(move |db| {
            let mut wrong = Vec::new();
            plan::check_disk(&new, &mut wrong);
            if !wrong.is_empty() {
                return Err(EngineError::Invalid(wrong));
            }
            let now = inner.engine.clock.now();
            let (cluster, attached) = match vm {
                Some(id) => {
                    auth::check(db, &inner.actor, Action::ConfigureVmStorage, id.object())?;
                    let run = admit(&inner, db, id, VmAction::Edit)?;
                    let view = crate::store::vms::list::row(db, id)?;
                    let row = view.ok_or_else(|| EngineError::NotFound { kind: "VM", id: id.to_string() })?;
                    let number = disks::count_of_vm(db, id)? + 1;
                    (Some(row.cluster), Some((id, run.name, number)))
                }
                None => (None, None),
            };
            let cluster = plan::cluster(db, cluster)?;
            let mut new = new;
            if let (true, Some((_, name, number))) = (new.alias.is_empty(), &attached) {
                new.alias = format!("{name}_Disk{number}");
            }
            let (disk, image) = empty(db, cluster, None, &new, 1, now)?;
            super::may_create(&inner, db, image.image.domain.id)?;
            if let Some((vm, ..)) = &attached {
                disks::attach(db, disk, *vm, new.interface, new.bootable)?;
            }
            permissions::grant(db, DISK_OPERATOR, inner.actor.user.into(), ObjectKind::Disk, disk.object(), now)?;
            inner.engine.changed(super::topic(), Some(disk.0));
            let args = Args { image, alias: new.alias.clone() };
            let job = jobs::insert::<AddDisk>(db, &NewJob::asked(&inner, &new.alias), &args, &[disk.object()])?;
            Ok::<_, EngineError>(Created { id: disk, job })
        })
        .await?;
    jobs::kick(&cx.engine, created.job);
    Ok(created)
}

impl Kind for AddDisk {
    const KIND: JobKind = JobKind::AddDisk;
    type Args = Args;
    type Step = Step;

    async fn run(engine: &Arc<Engine>, _: &JobContext, args: &mut Args, step: Step) -> Result<Next, EngineError> {
        match step {
            Step::CreateImages => make_images(engine, std::slice::from_ref(&args.image)).await?,
        }
        Ok(Next::Done)
    }

    async fn undo(engine: &Arc<Engine>, _: &JobContext, args: &mut Args, step: Step) -> Result<(), EngineError> {
        match step {
            Step::CreateImages => storage::unmake(engine, &args.image).await,
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
            Outcome::Finished => cx.tell(engine, db, EventCode::DiskAdded, About::default(), &args.alias),
            Outcome::Failed(why) => {
                disks::remove(db, args.image.image.disk)?;
                cx.tell(engine, db, EventCode::AddDiskFailed, About::default(), why)
            }
        }
    }
}
