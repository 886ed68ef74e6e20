//! Looking at a snapshot: the VM starts from it in layers of their own; what it was stays beside, to go back to.

use super::{check_calm, enter, find, layer_on, locks, saved_config};
use crate::db::Db;
use crate::engine::changes::Topic;
use crate::engine::jobs::{self, JobContext, Kind, NewJob, Next, Outcome, steps};
use crate::engine::storage::{self, PlannedImage};
use crate::engine::vms::admit::command;
use crate::engine::{Cx, Engine, EngineError};
use crate::model::conflict::Conflict;
use crate::model::event::{About, EventCode};
use crate::model::ids::*;
use crate::model::job::JobKind;
use crate::model::permission::ObjectKind;
use crate::model::snapshot::{Preview, SnapshotKind};
use crate::model::valid::{Invalid, Problem};
use crate::model::vm::VmAction;
use crate::store::disks::{tree, write as disks};
use crate::store::snapshots as store;
use crate::wire::RemoveImage;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// What the job knows.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(in crate::engine) struct Args {
    vm: VmId,
    name: String,
    snapshot: SnapshotId,
    description: String,
    memory: bool,
    /// Each new layer with the one that is written now.
    layers: Vec<(PlannedImage, ImageId, ImageId)>,
}

steps! { Step { CreateLayers = "create_layers", } }

/// The job.
pub(in crate::engine) struct PreviewSnapshot;

/// Has a VM that is down start from a snapshot, until that is committed or undone.
///
/// # Errors
/// Refused, invalid, hidden, or the database failed.
pub async fn preview(cx: &Cx, vm: VmId, id: SnapshotId, what: Preview) -> Result<JobId, EngineError> {
    let job = command(cx, vm, VmAction::Preview, move |cx, db| begin(cx, db, vm, id, &what)).await?;
    jobs::kick(&cx.engine, job);
    Ok(job)
}

fn begin(cx: &Cx, db: &mut Db, vm: VmId, id: SnapshotId, what: &Preview) -> Result<JobId, EngineError> {
    let run = enter(cx, db, vm, VmAction::Preview)?;
    let all = store::of_vm(db, vm)?;
    check_calm(&run, &all)?;
    let snapshot = find(&all, id)?;
    if snapshot.broken {
        return Err(Conflict::SnapshotBroken { snapshot: snapshot.description.clone() }.into());
    }
    if what.memory && snapshot.memory_disk.is_none() {
        return Err(Invalid::new("restore_memory", Problem::NothingToSave).into());
    }
    let layers = tree::of_vm(db, vm)?;
    let kept = store::keeps(db, id)?;
    if let Some(missing) = what.disks.iter().flatten().find(|disk| !kept.iter().any(|k| k.0 == **disk)) {
        return Err(Invalid::new("disks", Problem::NoSuch { value: missing.to_string() }).into());
    }
    let mut planned = Vec::new();
    for (disk, image) in kept.into_iter().filter(|k| what.disks.as_ref().is_none_or(|some| some.contains(&k.0))) {
        let below = layers.iter().find(|layer| layer.image == image);
        let written = layers.iter().find(|layer| layer.disk == disk && layer.active);
        // One that is detached since has nothing to be looked at here.
        let (Some(below), Some(written)) = (below, written) else { continue };
        planned.push((layer_on(db, below)?, image, written.image));
    }
    let args = Args {
        vm,
        name: run.name.clone(),
        snapshot: id,
        description: snapshot.description.clone(),
        memory: what.memory,
        layers: planned,
    };
    let held = locks(vm, &layers, id);
    jobs::insert::<PreviewSnapshot>(db, &NewJob::asked(cx, &run.name), &args, &held)
}

impl Kind for PreviewSnapshot {
    const KIND: JobKind = JobKind::PreviewSnapshot;
    type Args = Args;
    type Step = Step;

    async fn run(engine: &Arc<Engine>, _: &JobContext, args: &mut Args, step: Step) -> Result<Next, EngineError> {
        let Step::CreateLayers = step;
        for (plan, ..) in &args.layers {
            storage::make(engine, plan).await?;
        }
        Ok(Next::Done)
    }

    async fn undo(engine: &Arc<Engine>, _: &JobContext, args: &mut Args, step: Step) -> Result<(), EngineError> {
        let Step::CreateLayers = step;
        for (plan, ..) in &args.layers {
            engine.call(plan.host, &RemoveImage { image: plan.image.clone() }).await?;
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
        engine.changed(Topic::Object(ObjectKind::Vm), Some(args.vm.0));
        if let Outcome::Failed(why) = outcome {
            return cx.tell(engine, db, EventCode::PreviewSnapshotFailed, about, why);
        }
        let now = engine.clock.now();
        let before = SnapshotId::random();
        let config = saved_config(db, args.vm)?;
        let row = store::NewRow {
            id: before,
            vm: args.vm,
            description: "Active VM before the preview",
            kind: SnapshotKind::Preview,
            config: &config,
            memory_disk: None,
        };
        store::insert(db, &row, now)?;
        for (plan, below, written) in &args.layers {
            store::keep(db, before, plan.image.disk, *written, 0)?;
            disks::insert_image(db, plan.image.image, plan.image.disk, Some(*below), plan.format, false, now)?;
        }
        if let Some(snapshot) = store::get(db, args.snapshot)? {
            super::bring_back(db, args.vm, &snapshot.config)?;
        }
        store::set_previewed(db, args.snapshot, true)?;
        store::set_restore_memory(db, args.vm, args.memory.then_some(args.snapshot))?;
        cx.tell(engine, db, EventCode::PreviewSnapshotDone, about, &args.description)
    }
}
