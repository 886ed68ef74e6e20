//! Saving the memory: a guest of the pool's make boots on layers of its own, comes to rest, and is saved.

use super::{broken, file, make_of, model, place};
use crate::db::Db;
use crate::engine::jobs::{self, JobContext, Kind, NewJob, Next, Outcome, steps};
use crate::engine::scheduler::{self, Cluster, Need, Tie};
use crate::engine::vms::spec;
use crate::engine::{Engine, EngineError};
use crate::model::clock::Timestamp;
use crate::model::conflict::Conflict;
use crate::model::disk::DiskFormat;
use crate::model::event::{About, EventCode};
use crate::model::ids::*;
use crate::model::job::JobKind;
use crate::model::pool::{MemoryState, PoolMemory};
use crate::store::pools::memory::{self as store, Base, MemoryLayer};
use crate::wire::event::DomainState;
use crate::wire::{
    CreateImage, ForgetVm, ImagePath, ListDomains, RemoveImage, SaveMemory as SaveVerb, StartVm, VmSpec,
};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::time::Duration;

/// What the job knows.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(in crate::engine) struct Args {
    memory: MemoryId,
    pool: PoolId,
    pool_name: String,
    host: HostId,
    guest: VmSpec,
    layers: Vec<CreateImage>,
    file: ImagePath,
    /// When the guest was started, and when its agent first answered.
    started: Option<Timestamp>,
    answered: Option<Timestamp>,
    tries: u32,
    bytes: u64,
}

steps! { Step { MakeLayers = "make_layers", Boot = "boot", Settle = "settle", SaveMemory = "save_memory", Forget = "forget_domain", } }

/// The job.
pub(in crate::engine) struct SaveMemory;

/// A guest whose agent does not answer for so long has none.
const AGENT_WAIT: time::Duration = time::Duration::minutes(10);
/// A guest that never comes to rest is saved as it is.
const REST_WAIT: time::Duration = time::Duration::minutes(3);
/// At rest is who uses less of a CPU than this, in percent, for so many samples.
const REST_PERCENT: f32 = 25.0;
const REST_SAMPLES: usize = 2;
/// Saving much memory takes longer than a verb may; it is asked for again this often, two seconds apart.
const TRIES: u32 = 300;

/// Keeps the job, in the caller's transaction; none: the pool has no VM to go by, or no host for one.
///
/// # Errors
/// No host can run it, or the database failed.
pub(super) fn begin(engine: &Arc<Engine>, db: &mut Db, pool: PoolId, name: &str) -> Result<Option<JobId>, EngineError> {
    let Some(vm) = model(db, pool)? else { return Ok(None) };
    let bases = store::bases(db, vm.vm)?;
    let Some(first) = bases.first() else { return Ok(None) };
    let Some(domain) = place(db, first.domain)? else { return Ok(None) };
    let cluster = Cluster::load(engine, db, vm.cluster)?;
    let (host, _) = scheduler::choose(&cluster, &Need::load(db, &vm, Tie::None)?)?;
    let facts = cluster.host(host).map(|host| host.facts.clone()).unwrap_or_default();
    let failures = store::of_pool(db, pool)?.map_or(0, |before| before.failures);
    let memory = PoolMemory {
        id: MemoryId::random(),
        pool,
        state: MemoryState::Making,
        make: make_of(&vm, &bases, &facts),
        domain: first.domain,
        disk: first.below_disk,
        bytes: 0,
        reason: String::new(),
        failures,
        next_try: None,
        changed: engine.clock.now(),
    };
    let (layers, written): (Vec<_>, Vec<_>) = bases.iter().map(|base| layer(base, &domain)).unzip();
    let mut guest = spec::build(&vm);
    guest.id = VmId(memory.id.0);
    guest.name = format!("{name}-memory");
    guest.nics.clear();
    for disk in &mut guest.disks {
        let Some(at) = bases.iter().position(|base| base.disk == disk.id) else { return Ok(None) };
        (disk.image, disk.format) = (layers[at].image.clone(), DiskFormat::Cow);
    }
    store::insert(db, &memory, &written)?;
    let args = Args {
        memory: memory.id,
        pool,
        pool_name: name.to_owned(),
        host,
        guest,
        layers,
        file: file(&memory, domain),
        started: None,
        answered: None,
        tries: 0,
        bytes: 0,
    };
    engine.changed(crate::engine::pools::topic(), Some(pool.0));
    jobs::insert::<SaveMemory>(db, &NewJob::own(engine, name), &args, &[memory.id.object()]).map(Some)
}

fn layer(base: &Base, domain: &crate::wire::DomainPath) -> (CreateImage, MemoryLayer) {
    let image = ImageId::random();
    let at = |image| ImagePath { domain: domain.clone(), disk: base.below_disk, image };
    let create = CreateImage {
        image: at(image),
        format: DiskFormat::Cow,
        virtual_bytes: base.virtual_bytes,
        sparse: true,
        backing: Some(at(base.below)),
    };
    (create, MemoryLayer { disk: base.below_disk, image, below: base.below })
}

async fn settle(engine: &Arc<Engine>, args: &mut Args) -> Result<Next, EngineError> {
    let domains = engine.call(args.host, &ListDomains {}).await?;
    let guest = domains.iter().find(|d| d.vm == args.guest.id);
    let Some(guest) = guest.filter(|d| d.state == DomainState::Running) else {
        return Err(Conflict::MemoryGuestEnded.into());
    };
    let now = engine.clock.now();
    let started = *args.started.get_or_insert(now);
    let again = Ok(Next::Again(engine.timing.settle.min(Duration::from_secs(1))));
    if !guest.agent_connected {
        args.answered = None;
        return if started.saturating_add(AGENT_WAIT) < now { Err(Conflict::NoGuestAgent.into()) } else { again };
    }
    let answered = *args.answered.get_or_insert(now);
    let least = time::Duration::try_from(engine.timing.settle).unwrap_or_default();
    let history = engine.live.vm_history(args.guest.id);
    let busy = history.iter().rev().take(REST_SAMPLES).any(|percent| *percent >= REST_PERCENT);
    let rested = answered.saturating_add(least) <= now && !busy;
    if rested || answered.saturating_add(REST_WAIT) < now { Ok(Next::Done) } else { again }
}

async fn save(engine: &Arc<Engine>, args: &mut Args) -> Result<Next, EngineError> {
    match engine.call(args.host, &SaveVerb { vm: args.guest.id, to: args.file.clone() }).await {
        Ok(saved) => {
            args.bytes = saved.bytes;
            Ok(Next::Done)
        }
        Err(EngineError::Unavailable(_)) if args.tries < TRIES => {
            args.tries += 1;
            Ok(Next::Again(Duration::from_secs(2)))
        }
        Err(error) => Err(error),
    }
}

impl Kind for SaveMemory {
    const KIND: JobKind = JobKind::SaveMemory;
    type Args = Args;
    type Step = Step;

    async fn run(engine: &Arc<Engine>, _: &JobContext, args: &mut Args, step: Step) -> Result<Next, EngineError> {
        match step {
            Step::MakeLayers => {
                for layer in &args.layers {
                    engine.call(args.host, layer).await?;
                }
                Ok(Next::Done)
            }
            Step::Boot => {
                engine.call(args.host, &StartVm { vm: args.guest.clone() }).await?;
                Ok(Next::Done)
            }
            Step::Settle => settle(engine, args).await,
            Step::SaveMemory => save(engine, args).await,
            Step::Forget => {
                engine.call(args.host, &ForgetVm { vm: args.guest.id }).await?;
                Ok(Next::Done)
            }
        }
    }

    async fn undo(engine: &Arc<Engine>, _: &JobContext, args: &mut Args, step: Step) -> Result<(), EngineError> {
        match step {
            Step::Boot => engine.call(args.host, &ForgetVm { vm: args.guest.id }).await,
            Step::SaveMemory => engine.call(args.host, &RemoveImage { image: args.file.clone() }).await,
            Step::MakeLayers => {
                for layer in &args.layers {
                    engine.call(args.host, &RemoveImage { image: layer.image.clone() }).await?;
                }
                Ok(())
            }
            Step::Settle | Step::Forget => Ok(()),
        }
    }

    fn ended(
        engine: &Arc<Engine>,
        cx: &JobContext,
        db: &mut Db,
        args: &Args,
        outcome: Outcome<'_>,
    ) -> Result<(), EngineError> {
        engine.changed(crate::engine::pools::topic(), Some(args.pool.0));
        match outcome {
            Outcome::Finished => {
                if !store::set_ready(db, args.memory, args.bytes, engine.clock.now())? {
                    return Ok(());
                }
                let about = About { pool: Some((args.pool, args.pool_name.clone())), ..About::default() };
                cx.tell(engine, db, EventCode::InstantStartReady, about, "")
            }
            Outcome::Failed(why) => broken(engine, db, args.memory, why),
        }
    }
}
