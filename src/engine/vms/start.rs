//! Running a VM: down starts, suspended restores, paused goes on.

use crate::db::Db;
use crate::engine::hosts::{failing, report};
use crate::engine::jobs::{self, JobContext, Kind, NewJob, Next, Outcome, steps};
use crate::engine::pools::memory::{self, Instant};
use crate::engine::quotas::Asker;
use crate::engine::scheduler::{self, Tie};
use crate::engine::vms::admit::{admit, command, refuse};
use crate::engine::vms::{media, rerun, run_once, spec, state};
use crate::engine::{Cx, Engine, EngineError, cluster_power, disks, first_run, pools, templates};
use crate::model::conflict::Conflict;
use crate::model::event::EventCode;
use crate::model::host::HostStatus;
use crate::model::ids::{HostId, JobId, MemoryId, VmId};
use crate::model::job::JobKind;
use crate::model::run_once::RunOnce;
use crate::model::vm::{Refusal, VmAction, VmStatus};
use crate::model::vm_state::{Intent, Observed};
use crate::store::vms::launch::{self, Launch};
use crate::store::vms::run::VmRun;
use crate::wire::{
    EnsureNetwork, InspectImage, ResumeVm, StartFromMemory, StartVm as StartVerb, StopVm as StopVerb, VmSpec,
};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::time::Duration;

/// From what the VM is brought to run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::engine) enum How {
    Launch,
    Restore,
    Resume,
}

/// What the job knows.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(in crate::engine) struct Args {
    pub(super) vm: VmId,
    pub(super) host: HostId,
    pub(super) how: How,
    /// It may run there still, from a start that was given up while the host was away.
    #[serde(default)]
    left_over: bool,
    /// The host could not be asked whether the guest runs.
    #[serde(default)]
    unsure: bool,
    /// It goes on from its pool's memory.
    #[serde(default)]
    instant: Option<Instant>,
    /// It could not: it is to boot, and that is not prepared yet.
    #[serde(default)]
    boots_instead: bool,
    /// Hosts that could not start it.
    #[serde(default)]
    pub(super) tried: Vec<HostId>,
}

steps! { Step { Prepare = "prepare", Launch = "launch", Confirm = "confirm", } }

/// The job.
pub(in crate::engine) struct StartVm;

/// Runs it: down starts, suspended restores, paused goes on.
///
/// # Errors
/// Refused, invalid, hidden, or the database failed.
pub async fn start(cx: &Cx, id: VmId) -> Result<JobId, EngineError> {
    let job = command(cx, id, VmAction::Run, move |cx, db| {
        let run = admit(cx, db, id, VmAction::Run)?;
        begin(cx, db, &run)
    })
    .await?;
    jobs::kick(&cx.engine, job);
    Ok(job)
}

/// Chooses a host, marks the VM as starting there and keeps the job, all in the caller's transaction; kick the job after it.
///
/// # Errors
/// The VM cannot run, or the database failed.
pub(in crate::engine) fn begin(cx: &Cx, db: &mut Db, run: &VmRun) -> Result<JobId, EngineError> {
    let args = reserve(Asker::of(cx), db, run)?;
    jobs::insert::<StartVm>(db, &NewJob::asked(cx, &run.name), &args, &[run.vm.object()])
}

/// The part of [`begin`] that other kinds of jobs use who start a VM under a lock of their own.
pub(in crate::engine) fn reserve(asker: Asker<'_>, db: &mut Db, run: &VmRun) -> Result<Args, EngineError> {
    let (engine, vm) = (asker.engine, run.vm);
    let wanted = run.status;
    let (how, intent) = match run.status {
        VmStatus::Paused => (How::Resume, Intent::Run),
        VmStatus::Suspended => (How::Restore, Intent::Restore),
        _ => (How::Launch, Intent::Run),
    };
    // A host that is known to be off runs nothing; what is saved there can go on nowhere else.
    let off = how == How::Launch && run.host_status.is_some_and(HostStatus::is_off);
    let at = run.host.filter(|_| !off);
    let left_over = how == How::Launch && at.is_some();
    asker.starts(db, vm)?;
    let host = match (how, at) {
        (How::Resume, Some(host)) => host,
        (_, tied) => {
            let (config, once) = this_time(db, vm)?;
            cluster_power::may_start(db, config.cluster)?;
            media::check(&config)?;
            scheduler::settle_on(engine, db, &config, tied.or(once.host).map_or(Tie::None, Tie::To))?
        }
    };
    state::change(engine, db, vm, |run| {
        if run.status != wanted {
            return Err(refuse(VmAction::Run, &run.name, Refusal::Status(run.status)));
        }
        run.intent = intent;
        if how != How::Resume {
            tie(engine, run, host);
        }
        Ok(())
    })?;
    Ok(Args { vm, host, how, left_over, unsure: false, instant: None, boots_instead: false, tried: Vec::new() })
}

fn config(db: &mut Db, vm: VmId) -> Result<Launch, EngineError> {
    launch::get(db, vm)?.ok_or_else(|| EngineError::NotFound { kind: "VM", id: vm.to_string() })
}

/// The same, as the VM runs this one time.
pub(super) fn this_time(db: &mut Db, vm: VmId) -> Result<(Launch, RunOnce), EngineError> {
    let usual = config(db, vm)?;
    run_once::applied(db, usual)
}

/// What the host must have before the guest starts: its CD, its networks, throw-away layers.
pub(in crate::engine) async fn prepare(engine: &Arc<Engine>, args: &mut Args) -> Result<Next, EngineError> {
    if args.how != How::Launch {
        return Ok(Next::Done);
    }
    let vm = args.vm;
    if args.left_over {
        match engine.call(args.host, &StopVerb { vm }).await {
            Err(EngineError::NotFoundOnHost(_)) => {}
            other => other?,
        }
    }
    templates::follow(engine, vm).await?;
    let (config, once) = engine.db.read(move |db| this_time(db, vm)).await?;
    if let Some((_, Some(cd))) = &config.cd {
        let inspect = InspectImage { image: spec::image(cd), format: cd.format };
        match engine.call(args.host, &inspect).await {
            Err(EngineError::NotFoundOnHost(_)) => {
                return Err(refuse(VmAction::Run, &config.name, Refusal::CdGone { cd: cd.alias.clone() }));
            }
            other => drop(other?),
        }
    }
    for network in config.nics.iter().filter_map(|nic| nic.network.as_ref()) {
        engine.call(args.host, &EnsureNetwork { name: network.clone() }).await?;
    }
    // Who is told things at its first start has to boot.
    let told = first_run::payload(engine, vm, &once).await?.is_some();
    args.instant = if told { None } else { memory::usable(engine, args.host, &config).await? };
    layers(engine, args, config.stateless).await?;
    Ok(Next::Done)
}

/// The files that it writes to.
async fn layers(engine: &Arc<Engine>, args: &Args, stateless: bool) -> Result<(), EngineError> {
    // What goes on from a memory reads nothing of its own.
    if args.instant.is_none() {
        disks::layers::make_missing(engine, args.vm).await?;
    }
    if stateless {
        return disks::layers::create_stateless(engine, args.vm, args.instant.as_ref()).await;
    }
    // Left of a run that was to forget everything.
    disks::layers::drop_stateless(engine, args.vm).await
}

/// Has the host start the guest; or another host, where that one cannot.
pub(in crate::engine) async fn launch(engine: &Arc<Engine>, args: &mut Args) -> Result<Next, EngineError> {
    rerun::follow(engine, args).await?;
    match launch_there(engine, args).await {
        Err(why) => rerun::elsewhere(engine, args, why).await,
        done => done,
    }
}

async fn launch_there(engine: &Arc<Engine>, args: &mut Args) -> Result<Next, EngineError> {
    let vm = args.vm;
    if args.how == How::Resume {
        engine.call(args.host, &ResumeVm { vm }).await?;
        return Ok(Next::Done);
    }
    if args.boots_instead {
        return prepare_boot(engine, args).await;
    }
    let (config, once) = engine.db.read(move |db| this_time(db, vm)).await?;
    let launches = args.how == How::Launch;
    // Before the guest is there: what it was started with is known however this ends. A restored one was started long ago.
    if launches {
        let launched = config.running().to_json();
        state::write(engine, vm, move |run| {
            run.launched.clone_from(&launched);
            run.waits = false;
            Ok(())
        })
        .await?;
    }
    let guest = spec::build(&config);
    let report = match args.instant.clone() {
        None => {
            let payload = if launches { first_run::payload(engine, vm, &once).await? } else { None };
            let vm = VmSpec { payload, paused: launches && once.paused, ..guest };
            engine.call(args.host, &StartVerb { vm }).await?
        }
        Some(instant) => match engine.call(args.host, &StartFromMemory { vm: guest, memory: instant.file }).await {
            Ok(report) => report,
            Err(error @ EngineError::Unavailable(_)) => return Err(error),
            Err(error) => return give_memory_up(engine, args, instant.id, error.to_string()).await,
        },
    };
    report::domain(engine, args.host, report).await?;
    Ok(Next::Done)
}

/// It could not go on from its pool's memory: nothing of it runs on, and it is to boot.
async fn give_memory_up(
    engine: &Arc<Engine>,
    args: &mut Args,
    memory: MemoryId,
    why: String,
) -> Result<Next, EngineError> {
    tracing::warn!(vm = %args.vm, why, "it boots, for it could not go on from its pool's memory");
    let inner = engine.clone();
    engine.db.write(move |db| memory::broken(&inner, db, memory, &why)).await?;
    match engine.call(args.host, &StopVerb { vm: args.vm }).await {
        Ok(()) | Err(EngineError::NotFoundOnHost(_)) => {}
        Err(error) => return Err(error),
    }
    (args.instant, args.boots_instead) = (None, true);
    Ok(Next::Again(Duration::ZERO))
}

/// Layers without anything of the memory, once the guest that had it is known to be gone.
async fn prepare_boot(engine: &Arc<Engine>, args: &mut Args) -> Result<Next, EngineError> {
    if state::read(engine, args.vm).await?.observed.is_living() {
        return Ok(Next::Again(Duration::from_millis(100)));
    }
    let (inner, host) = (engine.clone(), args.host);
    let run = state::write(engine, args.vm, move |run| {
        run.intent = Intent::Run;
        tie(&inner, run, host);
        Ok(())
    });
    layers(engine, args, run.await?.stateless).await?;
    args.boots_instead = false;
    Ok(Next::Again(Duration::ZERO))
}

/// It starts on this host.
pub(super) fn tie(engine: &Engine, run: &mut VmRun, host: HostId) {
    run.host = Some(host);
    run.host_status = Some(HostStatus::Up);
    run.host_name = engine.hosts.name(host);
    run.reason.clear();
}

/// Waits until the host reports the guest as running.
pub(in crate::engine) async fn confirm(engine: &Arc<Engine>, args: &Args) -> Result<Next, EngineError> {
    let run = state::read(engine, args.vm).await?;
    let launched = args.how == How::Launch;
    let waits = launched && run.observed == Observed::Paused && waits(engine, args.vm).await?;
    match (run.intent, run.observed) {
        (Intent::Restore, Observed::Running) => {
            state::write(engine, args.vm, |run| {
                run.intent = if run.intent == Intent::Restore { Intent::Run } else { run.intent };
                Ok(())
            })
            .await?;
            Ok(Next::Done)
        }
        (_, Observed::Running | Observed::PausedIo) => begun(engine, args, &run).await,
        // As it was asked for, this one time.
        (_, Observed::Paused) if waits => begun(engine, args, &run).await,
        (Intent::Off, _) => {
            let why = if run.reason.is_empty() { Conflict::StoppedAtOnce } else { Conflict::told(&run.reason) };
            Err(why.into())
        }
        _ => Ok(Next::Again(Duration::from_millis(300))),
    }
}

/// It is to start paused.
async fn waits(engine: &Arc<Engine>, vm: VmId) -> Result<bool, EngineError> {
    Ok(engine.db.read(move |db| this_time(db, vm)).await?.1.paused)
}

/// Disks that forget what they were told are told again.
async fn begun(engine: &Arc<Engine>, args: &Args, run: &VmRun) -> Result<Next, EngineError> {
    let vm = args.vm;
    failing::started_elsewhere(engine, &args.tried).await?;
    // Who was told something else this one time has not heard yet what his VM says.
    let usual = engine.db.read(move |db| this_time(db, vm)).await?.1.told.is_none();
    if args.how == How::Launch && !run.stateless && usual {
        first_run::told(engine, args.vm).await?;
    }
    Ok(Next::Done)
}

/// Makes sure the guest does not run. Where the host cannot be asked, the VM stays tied to it: the host's next snapshot tells,
/// and the VM starts nowhere else until then.
pub(in crate::engine) async fn undo_launch(engine: &Arc<Engine>, args: &mut Args) -> Result<(), EngineError> {
    if args.how == How::Resume {
        return Ok(());
    }
    // A restore that failed must not throw the saved state away.
    if args.how == How::Restore && !state::read(engine, args.vm).await?.observed.is_living() {
        return Ok(());
    }
    match engine.call(args.host, &StopVerb { vm: args.vm }).await {
        Ok(()) | Err(EngineError::NotFoundOnHost(_)) => args.unsure = false,
        Err(EngineError::Unavailable(_)) => args.unsure = true,
        Err(error) => return Err(error),
    }
    Ok(())
}

/// Takes the throw-away layers away. With the host away they stay until the next start.
pub(in crate::engine) async fn undo_prepare(engine: &Arc<Engine>, args: &Args) -> Result<(), EngineError> {
    let vm = args.vm;
    if args.how != How::Launch || !engine.db.read(move |db| this_time(db, vm)).await?.0.stateless {
        return Ok(());
    }
    match disks::layers::drop_stateless(engine, vm).await {
        Err(EngineError::Unavailable(_)) => Ok(()),
        other => other,
    }
}

/// The VM's state when its start came to nothing.
pub(in crate::engine) fn give_up(
    engine: &Arc<Engine>,
    db: &mut Db,
    args: &Args,
    why: &str,
) -> Result<VmRun, EngineError> {
    state::change(engine, db, args.vm, |run| {
        match args.how {
            How::Resume => {}
            How::Restore if !run.observed.is_living() => {
                run.intent = Intent::Suspended;
                why.clone_into(&mut run.reason);
            }
            How::Restore | How::Launch => {
                let (host, status) = (run.host, run.host_status);
                state::set_off(engine, run, why);
                if args.unsure {
                    (run.host, run.host_status) = (host, status);
                }
            }
        }
        Ok(())
    })
}

impl Kind for StartVm {
    const KIND: JobKind = JobKind::StartVm;
    type Args = Args;
    type Step = Step;

    async fn run(engine: &Arc<Engine>, _: &JobContext, args: &mut Args, step: Step) -> Result<Next, EngineError> {
        match step {
            Step::Prepare => prepare(engine, args).await,
            Step::Launch => launch(engine, args).await,
            Step::Confirm => confirm(engine, args).await,
        }
    }

    async fn undo(engine: &Arc<Engine>, _: &JobContext, args: &mut Args, step: Step) -> Result<(), EngineError> {
        match step {
            Step::Prepare => undo_prepare(engine, args).await,
            Step::Launch => undo_launch(engine, args).await,
            Step::Confirm => Ok(()),
        }
    }

    fn ended(
        engine: &Arc<Engine>,
        cx: &JobContext,
        db: &mut Db,
        args: &Args,
        outcome: Outcome<'_>,
    ) -> Result<(), EngineError> {
        // Who starts a pool's VM by no person's wish starts it ahead.
        if cx.owner.is_none() {
            let why = if let Outcome::Failed(why) = outcome { Some(why) } else { None };
            pools::started_ahead(engine, db, args.vm, why)?;
        }
        match outcome {
            Outcome::Finished => {
                let run = state::load(db, args.vm)?;
                let code = if args.how == How::Launch { EventCode::UserRunVm } else { EventCode::UserResumeVm };
                cx.tell(engine, db, code, state::about(&run), "")
            }
            Outcome::Failed(why) => {
                let about = state::about(&state::load(db, args.vm)?);
                give_up(engine, db, args, why)?;
                cx.tell(engine, db, EventCode::RunVmFailed, about, why)
            }
        }
    }
}
