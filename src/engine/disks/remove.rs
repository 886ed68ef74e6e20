//! Removing a disk.

use crate::auth;
use crate::db::Db;
use crate::engine::jobs::{self, JobContext, Kind, NewJob, Next, Outcome, steps};
use crate::engine::storage;
use crate::engine::vms::admit::{ready, refuse};
use crate::engine::vms::remove::Doomed;
use crate::engine::{Cx, Engine, EngineError};
use crate::model::conflict::Conflict;
use crate::model::disk::AttachedTo;
use crate::model::event::{About, EventCode};
use crate::model::ids::{DiskId, JobId};
use crate::model::job::JobKind;
use crate::model::role::Action;
use crate::model::vm::{Refusal, VmAction};
use crate::store::{catalog, disks, scope};
use crate::wire::DomainPath;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// What the job knows.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(in crate::engine) struct Args {
    doomed: Doomed,
    alias: String,
}

steps! { Step { RemoveImages = "remove_images", } }

/// The job.
pub(in crate::engine) struct RemoveDisk;

/// Removes a disk; it must not belong to a running VM or a template, nor be in a drive.
///
/// # Errors
/// Says what still uses it.
pub async fn remove(cx: &Cx, id: DiskId) -> Result<JobId, EngineError> {
    let inner = cx.clone();
    let job = cx.engine.db.write(move |db| begin(&inner, db, id)).await?;
    jobs::kick(&cx.engine, job);
    Ok(job)
}

fn begin(cx: &Cx, db: &mut Db, id: DiskId) -> Result<JobId, EngineError> {
    auth::check(db, &cx.actor, Action::DeleteDisk, id.object())?;
    let missing = || EngineError::NotFound { kind: "disk", id: id.to_string() };
    let view = disks::by_ids(db, &[id])?.remove(&id).ok_or_else(missing)?;
    for user in &view.attached {
        match user {
            AttachedTo::Template(_, name) => {
                let (disk, template) = (view.alias.clone(), name.clone());
                return Err(Conflict::DiskOfTemplate { disk, template }.into());
            }
            AttachedTo::Vm(vm, name) => {
                let run = ready(db, *vm, VmAction::Edit)?;
                if run.status.is_running() {
                    return Err(refuse(VmAction::Edit, name, Refusal::Status(run.status)));
                }
            }
        }
    }
    if disks::write::has_children(db, id)? {
        return Err(Conflict::DiskHasLayers { disk: view.alias }.into());
    }
    let drives = disks::write::in_drives(db, id)?;
    if !drives.is_empty() {
        return Err(Conflict::DiskInDrive { disk: view.alias, vms: drives.join(", ") }.into());
    }
    let image = disks::write::active_images(db, &[id])?.pop().ok_or_else(missing)?;
    let domains = catalog::storage_domains(db, &scope::Scope::All)?;
    let center = domains.iter().find(|d| d.id == image.domain).and_then(|d| d.data_center);
    let host = storage::worker(db, image.host, center)?;
    let doomed = Doomed { disk: id, domain: DomainPath { id: image.domain, path: image.path }, host };
    let args = Args { doomed, alias: view.alias.clone() };
    cx.engine.changed(super::topic(), Some(id.0));
    jobs::insert::<RemoveDisk>(db, &NewJob::asked(cx, &view.alias), &args, &[id.object()])
}

impl Kind for RemoveDisk {
    const KIND: JobKind = JobKind::RemoveDisk;
    type Args = Args;
    type Step = Step;

    async fn run(engine: &Arc<Engine>, _: &JobContext, args: &mut Args, step: Step) -> Result<Next, EngineError> {
        match step {
            Step::RemoveImages => {
                let Doomed { disk, domain, host } = &args.doomed;
                storage::remove_disk(engine, *host, domain.clone(), *disk).await?;
            }
        }
        Ok(Next::Done)
    }

    /// What is removed stays removed; the disk can be removed again.
    async fn undo(_: &Arc<Engine>, _: &JobContext, _: &mut Args, _: Step) -> Result<(), EngineError> {
        Ok(())
    }

    fn ended(
        engine: &Arc<Engine>,
        cx: &JobContext,
        db: &mut Db,
        args: &Args,
        outcome: Outcome<'_>,
    ) -> Result<(), EngineError> {
        engine.changed(super::topic(), Some(args.doomed.disk.0));
        if outcome == Outcome::Finished {
            disks::write::remove(db, args.doomed.disk)?;
            cx.tell(engine, db, EventCode::DiskRemoved, About::default(), &args.alias)?;
        }
        Ok(())
    }
}
