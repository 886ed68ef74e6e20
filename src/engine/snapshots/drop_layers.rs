//! The end of a preview, either way: what the VM is from now on is decided at once; the files that nobody needs any more go then.

use super::{File, enter, file, locks, memory_file};
use crate::db::Db;
use crate::engine::changes::Topic;
use crate::engine::jobs::{self, JobContext, Kind, NewJob, Next, Outcome, steps};
use crate::engine::vms::admit::command;
use crate::engine::{Cx, Engine, EngineError};
use crate::model::conflict::Conflict;
use crate::model::event::{About, EventCode};
use crate::model::ids::*;
use crate::model::job::JobKind;
use crate::model::permission::ObjectKind;
use crate::model::snapshot::SnapshotKind;
use crate::model::vm::VmAction;
use crate::store::disks::tree::{self, TreeImage};
use crate::store::snapshots::{self as store, Snapshot};
use crate::wire::RemoveImage;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// What the job knows.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(in crate::engine) struct Args {
    vm: VmId,
    name: String,
    description: String,
    committed: bool,
    layers: Vec<File>,
    memories: Vec<File>,
}

steps! { Step { RemoveLayers = "remove_layers", } }

/// The job.
pub(in crate::engine) struct DropLayers;

/// What is looked at is what the VM is from now on; the snapshots after it are lost.
///
/// # Errors
/// Nothing is looked at, refused, hidden, or the database failed.
pub async fn commit(cx: &Cx, vm: VmId) -> Result<JobId, EngineError> {
    end(cx, vm, true).await
}

/// The VM is again what it was before somebody looked at a snapshot.
///
/// # Errors
/// Nothing is looked at, refused, hidden, or the database failed.
pub async fn undo(cx: &Cx, vm: VmId) -> Result<JobId, EngineError> {
    end(cx, vm, false).await
}

async fn end(cx: &Cx, vm: VmId, committed: bool) -> Result<JobId, EngineError> {
    let job = command(cx, vm, VmAction::Preview, move |cx, db| begin(cx, db, vm, committed)).await?;
    jobs::kick(&cx.engine, job);
    Ok(job)
}

fn begin(cx: &Cx, db: &mut Db, vm: VmId, committed: bool) -> Result<JobId, EngineError> {
    let run = enter(cx, db, vm, VmAction::Preview)?;
    let all = store::of_vm(db, vm)?;
    let none = || Conflict::NoPreview { vm: run.name.clone() };
    let seen = all.iter().find(|s| s.previewed).ok_or_else(none)?;
    let before = all.iter().find(|s| s.kind == SnapshotKind::Preview).ok_or_else(none)?;
    let layers = tree::of_vm(db, vm)?;
    let lost: Vec<&Snapshot> = match committed {
        true => all.iter().filter(|s| s.id != seen.id && s.created >= seen.created).collect(),
        false => {
            for (disk, image) in store::keeps(db, before.id)? {
                tree::activate(db, disk, image)?;
            }
            super::bring_back(db, vm, &before.config)?;
            store::set_restore_memory(db, vm, None)?;
            vec![before]
        }
    };
    let mut memories = Vec::new();
    for snapshot in &lost {
        if let Some(disk) = snapshot.memory_disk {
            memories.extend(memory_file(db, &layers, disk, snapshot.id)?);
        }
        store::remove(db, snapshot.id)?;
    }
    store::set_previewed(db, seen.id, false)?;
    let mut useless = Vec::new();
    for layer in needless(db, vm)? {
        useless.push(file(db, &layer)?);
    }
    let args = Args {
        vm,
        name: run.name.clone(),
        description: seen.description.clone(),
        committed,
        layers: useless,
        memories,
    };
    cx.engine.changed(Topic::Object(ObjectKind::Vm), Some(vm.0));
    let held = locks(vm, &layers, seen.id);
    jobs::insert::<DropLayers>(db, &NewJob::asked(cx, &run.name), &args, &held)
}

/// Layers that neither the VM nor any of its snapshots lies on.
fn needless(db: &mut Db, vm: VmId) -> Result<Vec<TreeImage>, EngineError> {
    let layers = tree::of_vm(db, vm)?;
    let mut kept: Vec<ImageId> = layers.iter().filter(|layer| layer.active).map(|layer| layer.image).collect();
    for snapshot in store::of_vm(db, vm)? {
        kept.extend(store::keeps(db, snapshot.id)?.into_iter().map(|(_, image)| image));
    }
    let needed = tree::with_below(&layers, kept);
    Ok(layers.into_iter().filter(|layer| !needed.contains(&layer.image)).collect())
}

impl Kind for DropLayers {
    const KIND: JobKind = JobKind::DropLayers;
    type Args = Args;
    type Step = Step;

    async fn run(engine: &Arc<Engine>, _: &JobContext, args: &mut Args, step: Step) -> Result<Next, EngineError> {
        let Step::RemoveLayers = step;
        for file in args.layers.iter().chain(&args.memories) {
            engine.call(file.host, &RemoveImage { image: file.image.clone() }).await?;
        }
        Ok(Next::Done)
    }

    /// The decision stands; files that stayed go with the next preview that ends, or with the disk.
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
                tree::remove(db, &args.layers.iter().map(|file| file.image.image).collect::<Vec<_>>())?;
                let code = if args.committed { EventCode::CommitSnapshotDone } else { EventCode::UndoSnapshotDone };
                cx.tell(engine, db, code, about, &args.description)
            }
            Outcome::Failed(why) => cx.tell(engine, db, EventCode::DropLayersFailed, about, why),
        }
    }
}
