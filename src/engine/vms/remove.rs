//! Removing a VM, with or without its disks.

use crate::db::Db;
use crate::engine::jobs::{self, JobContext, Kind, NewJob, Next, Outcome, steps};
use crate::engine::storage;
use crate::engine::vms::admit::admit;
use crate::engine::vms::state;
use crate::engine::{Cx, Engine, EngineError};
use crate::model::conflict::Conflict;
use crate::model::event::{About, EventCode};
use crate::model::ids::{DiskId, HostId, JobId, ObjectId, VmId};
use crate::model::job::JobKind;
use crate::model::permission::ObjectKind;
use crate::model::vm::VmAction;
use crate::model::vm_state::Intent;
use crate::store::disks::write as disks;
use crate::store::{catalog, hosts, scope, snapshots, vms};
use crate::wire::{DomainPath, ForgetVm};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// A disk that goes with the VM.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(in crate::engine) struct Doomed {
    pub disk: DiskId,
    pub domain: DomainPath,
    pub host: HostId,
}

/// What the job knows.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(in crate::engine) struct Args {
    vm: VmId,
    name: String,
    disks: Vec<Doomed>,
    kept: Vec<DiskId>,
}

steps! { Step { ForgetDomain = "forget_domain", RemoveImages = "remove_images", } }

/// The job.
pub(in crate::engine) struct RemoveVm;

/// Removes a VM with its disks; `keep_disks` leaves them unattached.
///
/// # Errors
/// It runs, is protected, belongs to a pool, or another task holds it.
pub async fn remove(cx: &Cx, id: VmId, keep_disks: bool) -> Result<JobId, EngineError> {
    let inner = cx.clone();
    let job = cx
        .engine
        .db
        .write(move |db| {
            let run = admit(&inner, db, id, VmAction::Remove)?;
            if keep_disks && !snapshots::of_vm(db, id)?.is_empty() {
                return Err(Conflict::DisksOfSnapshots { vm: run.name }.into());
            }
            begin(&inner.engine, db, id, keep_disks, &NewJob::asked(&inner, &run.name))
        })
        .await?;
    jobs::kick(&cx.engine, job);
    Ok(job)
}

/// Marks the VM as going and keeps the job, in the caller's transaction.
fn begin(engine: &Arc<Engine>, db: &mut Db, id: VmId, keep: bool, new: &NewJob) -> Result<JobId, EngineError> {
    let doomed = doomed(db, id)?;
    let mut locks: Vec<ObjectId> = vec![id.object()];
    locks.extend(doomed.iter().map(|d| d.disk.object()));
    locks.extend(snapshots::of_vm(db, id)?.iter().map(|s| s.id.object()));
    let kept = if keep { doomed.iter().map(|d| d.disk).collect() } else { Vec::new() };
    let args = Args { vm: id, name: new.subject.clone(), disks: if keep { Vec::new() } else { doomed }, kept };
    let job = jobs::insert::<RemoveVm>(db, new, &args, &locks)?;
    state::change(engine, db, id, |run| {
        run.intent = Intent::Images;
        Ok(())
    })?;
    Ok(job)
}

/// The VM's disks and who removes them.
pub(in crate::engine) fn doomed(db: &mut Db, id: VmId) -> Result<Vec<Doomed>, EngineError> {
    let Some(view) = vms::get::get(db, id)? else { return Ok(Vec::new()) };
    let ids: Vec<DiskId> = view.disks.iter().map(|d| d.disk.id).collect();
    let centers = catalog::storage_domains(db, &scope::Scope::All)?;
    disks::active_images(db, &ids)?
        .into_iter()
        .map(|image| {
            let center = centers.iter().find(|d| d.id == image.domain).and_then(|d| d.data_center);
            let host = storage::worker(db, image.host, center)?;
            Ok(Doomed { disk: image.disk, domain: DomainPath { id: image.domain, path: image.path }, host })
        })
        .collect()
}

/// Every host forgets the domain: it may have run on any.
pub(in crate::engine) async fn forget(engine: &Arc<Engine>, vm: VmId) -> Result<(), EngineError> {
    let all = engine.db.read(|db| Ok::<_, EngineError>(hosts::write::all(db)?)).await?;
    for host in all {
        match engine.call(host.id, &ForgetVm { vm }).await {
            // A host that is away keeps a dead definition; it reports it when it is back, and nothing of ours starts it.
            Err(EngineError::Unavailable(_)) if host.status != crate::model::host::HostStatus::Up => {}
            other => other?,
        }
    }
    Ok(())
}

impl Kind for RemoveVm {
    const KIND: JobKind = JobKind::RemoveVm;
    type Args = Args;
    type Step = Step;

    async fn run(engine: &Arc<Engine>, _: &JobContext, args: &mut Args, step: Step) -> Result<Next, EngineError> {
        match step {
            Step::ForgetDomain => forget(engine, args.vm).await?,
            Step::RemoveImages => {
                for doomed in &args.disks {
                    storage::remove_disk(engine, doomed.host, doomed.domain.clone(), doomed.disk).await?;
                }
            }
        }
        Ok(Next::Done)
    }

    /// What is removed stays removed: a failed removal leaves the VM there, to be removed again.
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
        let about = About { vm: Some((args.vm, args.name.clone())), ..About::default() };
        match outcome {
            Outcome::Finished => {
                for doomed in &args.disks {
                    disks::remove(db, doomed.disk)?;
                }
                for kept in &args.kept {
                    disks::detach(db, *kept)?;
                }
                vms::insert::remove(db, args.vm)?;
                engine.changed(crate::engine::changes::Topic::Object(ObjectKind::Vm), Some(args.vm.0));
                cx.tell(engine, db, EventCode::UserRemoveVm, about, "")
            }
            Outcome::Failed(why) => {
                state::change(engine, db, args.vm, |run| {
                    run.intent = Intent::Off;
                    Ok(())
                })?;
                cx.tell(engine, db, EventCode::RemoveVmFailed, about, why)
            }
        }
    }
}
