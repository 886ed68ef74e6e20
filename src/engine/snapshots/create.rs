//! Taking a snapshot: new layers are made, a running guest is switched over to them at one moment, then the old ones are kept.

use super::{File, check_calm, enter, layer_on, locks, memory_file, saved_config};
use crate::db::Db;
use crate::engine::disks::layers;
use crate::engine::jobs::{self, JobContext, Kind, NewJob, Next, Outcome, steps};
use crate::engine::storage::{self, PlannedImage, Source};
use crate::engine::vms::admit::command;
use crate::engine::vms::state;
use crate::engine::{Created, Cx, Engine, EngineError};
use crate::model::clock::Timestamp;
use crate::model::disk::DiskFormat;
use crate::model::event::{About, EventCode};
use crate::model::ids::*;
use crate::model::job::JobKind;
use crate::model::snapshot::{NewSnapshot, SavedConfig, SnapshotKind, SnapshotStatus, SnapshotView};
use crate::model::valid::{self, Invalid, Problem};
use crate::model::vm::{MAX_DESCRIPTION, VmAction, VmStatus};
use crate::store::disks::{tree, write as disks};
use crate::store::snapshots as store;
use crate::wire::{InspectImage, MergeImage, NewLayer, RemoveImage, SnapshotVm};
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
    config: SavedConfig,
    /// Where it runs.
    host: Option<HostId>,
    memory: Option<File>,
    layers: Vec<PlannedImage>,
    /// The guest writes the new layers.
    switched: bool,
    /// What the layers that are kept take, in the order of `layers`.
    sizes: Vec<u64>,
}

steps! { Step { CreateLayers = "create_layers", Switch = "switch_layers", } }

/// The job.
pub(in crate::engine) struct CreateSnapshot;

/// Takes a snapshot of a VM that runs or not.
///
/// # Errors
/// Refused, invalid, hidden, or the database failed.
pub async fn create(cx: &Cx, vm: VmId, new: NewSnapshot) -> Result<Created<SnapshotId>, EngineError> {
    let created = command(cx, vm, VmAction::Snapshot, move |cx, db| begin(cx, db, vm, &new)).await?;
    jobs::kick(&cx.engine, created.job);
    Ok(created)
}

fn begin(cx: &Cx, db: &mut Db, vm: VmId, new: &NewSnapshot) -> Result<Created<SnapshotId>, EngineError> {
    let run = enter(cx, db, vm, VmAction::Snapshot)?;
    check_calm(&run, &store::of_vm(db, vm)?)?;
    let description = valid::text("description", &new.description, MAX_DESCRIPTION)?;
    let all = tree::of_vm(db, vm)?;
    let wanted = |disk| new.disks.as_ref().is_none_or(|some| some.contains(&disk));
    let written: Vec<_> = all.iter().filter(|layer| layer.active && wanted(layer.disk)).collect();
    if let Some(missing) = new.disks.iter().flatten().find(|disk| !all.iter().any(|l| l.disk == **disk)) {
        return Err(Invalid::new("disk_attachments", Problem::NoSuch { value: missing.to_string() }).into());
    }
    let running = run.status.is_running();
    if new.memory && (run.status == VmStatus::Down || written.is_empty()) {
        return Err(Invalid::new("persist_memorystate", Problem::NothingToSave).into());
    }
    let id = SnapshotId::random();
    let layers = written.iter().map(|below| layer_on(db, below)).collect::<Result<Vec<_>, _>>()?;
    let beside = written.first().map(|layer| layer.disk).filter(|_| new.memory);
    let memory = match beside {
        Some(disk) => memory_file(db, &all, disk, id)?,
        None => None,
    };
    let args = Args {
        vm,
        name: run.name.clone(),
        snapshot: id,
        description,
        config: saved_config(db, vm)?,
        host: run.host.filter(|_| running),
        memory,
        layers,
        switched: false,
        sizes: Vec::new(),
    };
    let job = jobs::insert::<CreateSnapshot>(db, &NewJob::asked(cx, &run.name), &args, &locks(vm, &all, id))?;
    cx.engine.changed(crate::engine::changes::Topic::Object(crate::model::permission::ObjectKind::Vm), Some(vm.0));
    Ok(Created { id, job })
}

/// The snapshot of the VM that is just being taken: whoever asked for it looks for it from then on.
pub(super) fn under_way(db: &mut Db, vm: VmId, now: Timestamp) -> Result<Option<SnapshotView>, EngineError> {
    let Some((job, JobKind::CreateSnapshot, _)) = crate::store::jobs::holder(db, &[vm.object()])? else {
        return Ok(None);
    };
    let Some(row) = crate::store::jobs::load(db, job)? else { return Ok(None) };
    let Ok(args) = serde_json::from_str::<Args>(&row.args) else { return Ok(None) };
    Ok(Some(SnapshotView {
        id: args.snapshot,
        vm,
        description: args.description,
        kind: SnapshotKind::Regular,
        status: SnapshotStatus::Locked,
        created: now,
        memory: args.memory.is_some(),
        config: args.config,
        disks: Vec::new(),
    }))
}

/// The layer that a new one lies on.
fn below(plan: &PlannedImage) -> Option<&crate::wire::ImagePath> {
    match &plan.source {
        Source::Layer(below) => Some(below),
        Source::Empty | Source::Copy(_) => None,
    }
}

/// From here on the guest writes the new layers. Whether it does is only known for sure when its host says so: one that is away is waited
/// for, however long.
async fn switch(engine: &Arc<Engine>, args: &mut Args) -> Result<Next, EngineError> {
    if let Some(host) = args.host.filter(|_| !args.switched) {
        let disks = args.layers.iter().map(|l| NewLayer { disk: l.image.disk, layer: l.image.clone() }).collect();
        let verb = SnapshotVm { vm: args.vm, disks, memory: args.memory.as_ref().map(|m| m.image.clone()) };
        match engine.call(host, &verb).await {
            Ok(taken) => {
                args.switched = taken.running;
                if !taken.running {
                    args.memory = None;
                }
            }
            Err(EngineError::Unavailable(_)) if state::read(engine, args.vm).await?.host.is_some() => {
                return Ok(Next::Again(Duration::from_secs(2)));
            }
            Err(EngineError::Unavailable(_)) => {}
            Err(error) => return Err(error),
        }
    }
    args.sizes = Vec::new();
    for plan in &args.layers {
        let Some(kept) = below(plan) else { continue };
        let inspect = InspectImage { image: kept.clone(), format: format_of(engine, kept.image).await? };
        args.sizes.push(engine.call(plan.host, &inspect).await?.actual_bytes);
    }
    Ok(Next::Done)
}

async fn format_of(engine: &Arc<Engine>, image: ImageId) -> Result<DiskFormat, EngineError> {
    engine.db.read(move |db| Ok::<_, EngineError>(tree::format(db, image)?)).await
}

/// The guest goes back to the layers it wrote before, with what it has written since.
async fn switch_back(engine: &Arc<Engine>, args: &mut Args) -> Result<(), EngineError> {
    let Some(host) = args.host.filter(|_| args.switched) else { return Ok(()) };
    for plan in &args.layers {
        let Some(base) = below(plan) else { continue };
        let mut merge = MergeImage {
            vm: args.vm,
            base: base.clone(),
            base_format: format_of(engine, base.image).await?,
            top: plan.image.clone(),
            above: None,
            begun: false,
        };
        while !engine.call(host, &merge).await?.done {
            merge.begun = true;
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
    }
    Ok(())
}

impl Kind for CreateSnapshot {
    const KIND: JobKind = JobKind::CreateSnapshot;
    type Args = Args;
    type Step = Step;

    async fn run(engine: &Arc<Engine>, _: &JobContext, args: &mut Args, step: Step) -> Result<Next, EngineError> {
        match step {
            Step::CreateLayers => {
                layers::make_missing(engine, args.vm).await?;
                for plan in &args.layers {
                    storage::make(engine, plan).await?;
                }
                Ok(Next::Done)
            }
            Step::Switch => switch(engine, args).await,
        }
    }

    async fn undo(engine: &Arc<Engine>, _: &JobContext, args: &mut Args, step: Step) -> Result<(), EngineError> {
        match step {
            Step::Switch => switch_back(engine, args).await,
            Step::CreateLayers => {
                let files = args.layers.iter().map(|l| (l.host, l.image.clone()));
                for (host, image) in files.chain(args.memory.iter().map(|m| (m.host, m.image.clone()))) {
                    engine.call(host, &RemoveImage { image }).await?;
                }
                Ok(())
            }
        }
    }

    fn ended(
        engine: &Arc<Engine>,
        cx: &JobContext,
        db: &mut Db,
        args: &Args,
        outcome: Outcome<'_>,
    ) -> Result<(), EngineError> {
        let about = About { vm: Some((args.vm, args.name.clone())), ..About::default() };
        engine
            .changed(crate::engine::changes::Topic::Object(crate::model::permission::ObjectKind::Vm), Some(args.vm.0));
        if let Outcome::Failed(why) = outcome {
            return cx.tell(engine, db, EventCode::CreateSnapshotFailed, about, why);
        }
        let now = engine.clock.now();
        let row = store::NewRow {
            id: args.snapshot,
            vm: args.vm,
            description: &args.description,
            kind: SnapshotKind::Regular,
            config: &args.config,
            memory_disk: args.memory.as_ref().map(|memory| memory.image.disk),
        };
        store::insert(db, &row, now)?;
        for (plan, size) in args.layers.iter().zip(args.sizes.iter().copied().chain(std::iter::repeat(0))) {
            let Some(kept) = below(plan) else { continue };
            store::keep(db, args.snapshot, kept.disk, kept.image, size)?;
            disks::insert_image(db, plan.image.image, kept.disk, Some(kept.image), plan.format, false, now)?;
        }
        cx.tell(engine, db, EventCode::CreateSnapshotDone, about, &args.description)
    }
}
