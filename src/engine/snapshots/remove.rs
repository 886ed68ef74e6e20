//! Removing a snapshot: what was written after it is put into its layers, while the guest runs or not.

use super::{File, check_calm, enter, find, locks, memory_file, path};
use crate::db::Db;
use crate::engine::changes::Topic;
use crate::engine::jobs::{self, JobContext, Kind, NewJob, Next, Outcome, steps};
use crate::engine::storage;
use crate::engine::vms::admit::command;
use crate::engine::vms::state;
use crate::engine::{Cx, Engine, EngineError};
use crate::model::disk::DiskFormat;
use crate::model::event::{About, EventCode};
use crate::model::ids::*;
use crate::model::job::JobKind;
use crate::model::permission::ObjectKind;
use crate::model::vm::VmAction;
use crate::store::disks::tree::{self, TreeImage};
use crate::store::snapshots as store;
use crate::wire::{ImagePath, InspectImage, MergeImage, RemoveImage};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::time::Duration;

/// What the job knows.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(in crate::engine) struct Args {
    vm: VmId,
    name: String,
    snapshot: SnapshotId,
    description: String,
    merges: Vec<Merge>,
    memory: Option<File>,
}

/// One disk's part.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Merge {
    /// Works on the files while the VM is down.
    host: HostId,
    base: ImagePath,
    base_format: DiskFormat,
    top: ImagePath,
    above: Option<ImagePath>,
    begun: bool,
    done: bool,
}

steps! { Step { Merge = "merge_layers", RemoveMemory = "remove_memory", } }

/// The job.
pub(in crate::engine) struct RemoveSnapshot;

/// Removes a snapshot; the VM stays as it is now.
///
/// # Errors
/// Something is looked at just now, refused, hidden, or the database failed.
pub async fn remove(cx: &Cx, vm: VmId, id: SnapshotId) -> Result<JobId, EngineError> {
    let job = command(cx, vm, VmAction::Snapshot, move |cx, db| begin(cx, db, vm, id)).await?;
    jobs::kick(&cx.engine, job);
    Ok(job)
}

fn begin(cx: &Cx, db: &mut Db, vm: VmId, id: SnapshotId) -> Result<JobId, EngineError> {
    let run = enter(cx, db, vm, VmAction::Snapshot)?;
    let all = store::of_vm(db, vm)?;
    check_calm(&run, &all)?;
    let snapshot = find(&all, id)?;
    let layers = tree::of_vm(db, vm)?;
    let used = tree::with_below(&layers, layers.iter().filter(|l| l.active).map(|l| l.image));
    let mut merges = Vec::new();
    for (_, image) in store::keeps(db, id)? {
        let Some(base) = layers.iter().find(|layer| layer.image == image) else { continue };
        let on = |below: &TreeImage| layers.iter().find(|l| l.parent == Some(below.image) && used.contains(&l.image));
        let Some(top) = on(base) else { continue };
        merges.push(Merge {
            host: storage::worker(db, base.host, base.data_center)?,
            base: path(base),
            base_format: base.format,
            top: path(top),
            above: on(top).map(path),
            begun: false,
            done: false,
        });
    }
    let memory = match snapshot.memory_disk {
        Some(disk) => memory_file(db, &layers, disk, id)?,
        None => None,
    };
    let args =
        Args { vm, name: run.name.clone(), snapshot: id, description: snapshot.description.clone(), merges, memory };
    // What it keeps is written from now on: whatever happens, nobody can go back to it.
    store::set_broken(db, id)?;
    cx.engine.changed(Topic::Object(ObjectKind::Vm), Some(vm.0));
    jobs::insert::<RemoveSnapshot>(db, &NewJob::asked(cx, &run.name), &args, &locks(vm, &layers, id))
}

async fn merge(engine: &Arc<Engine>, cx: &JobContext, args: &mut Args) -> Result<Next, EngineError> {
    let count = args.merges.len().max(1);
    let Some(number) = args.merges.iter().position(|merge| !merge.done) else { return Ok(Next::Done) };
    let Some(merge) = args.merges.get_mut(number) else { return Ok(Next::Done) };
    // The guest's own host knows whether it runs; where it runs nowhere, anybody may work on its files.
    let host = state::read(engine, args.vm).await?.host.unwrap_or(merge.host);
    let verb = MergeImage {
        vm: args.vm,
        base: merge.base.clone(),
        base_format: merge.base_format,
        top: merge.top.clone(),
        above: merge.above.clone(),
        begun: merge.begun,
    };
    let now = engine.call(host, &verb).await?;
    let percent = (number * 100 + usize::from(now.percent)) / count;
    cx.progress(engine, u8::try_from(percent).unwrap_or(100)).await?;
    if !now.done {
        merge.begun = true;
        return Ok(Next::Again(Duration::from_millis(500)));
    }
    let inspect = InspectImage { image: merge.base.clone(), format: merge.base_format };
    let size = engine.call(host, &inspect).await?.actual_bytes;
    let (snapshot, disk, base, top) = (args.snapshot, merge.base.disk, merge.base.image, merge.top.image);
    engine
        .db
        .write(move |db| {
            // Its own layer is the next one's now.
            store::forget_disk(db, snapshot, disk)?;
            Ok::<_, EngineError>(store::take_over(db, base, top, size)?)
        })
        .await?;
    merge.done = true;
    Ok(Next::Again(Duration::ZERO))
}

impl Kind for RemoveSnapshot {
    const KIND: JobKind = JobKind::RemoveSnapshot;
    type Args = Args;
    type Step = Step;

    async fn run(engine: &Arc<Engine>, cx: &JobContext, args: &mut Args, step: Step) -> Result<Next, EngineError> {
        match step {
            Step::Merge => merge(engine, cx, args).await,
            Step::RemoveMemory => {
                if let Some(memory) = &args.memory {
                    engine.call(memory.host, &RemoveImage { image: memory.image.clone() }).await?;
                }
                Ok(Next::Done)
            }
        }
    }

    /// What is merged stays merged; the snapshot can only be removed again.
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
        engine.changed(Topic::Object(ObjectKind::Vm), Some(args.vm.0));
        match outcome {
            Outcome::Finished => {
                store::remove(db, args.snapshot)?;
                cx.tell(engine, db, EventCode::RemoveSnapshotDone, about, &args.description)
            }
            Outcome::Failed(why) => cx.tell(engine, db, EventCode::RemoveSnapshotFailed, about, why),
        }
    }
}
