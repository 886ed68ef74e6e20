//! Changing a running guest: the VM's rows say what it is to be, the job makes the guest so. Where the guest refuses a device, the rows go
//! back to what they were; CPUs and memory that it does not take wait for its next start.

use crate::db::Db;
use crate::engine::jobs::{self, JobContext, Kind, NewJob, Next, Outcome, steps};
use crate::engine::vms::{next_run, spec, state};
use crate::engine::{Cx, Engine, EngineError, disks};
use crate::model::conflict::Conflict;
use crate::model::event::EventCode;
use crate::model::ids::{DiskId, JobId, NicId, VmId};
use crate::model::job::{JobKind, JobStatus};
use crate::model::network::NicChange;
use crate::model::vm_settings::NotNow;
use crate::model::vm_state::Observed;
use crate::store::disks::write as disk_rows;
use crate::store::nics;
use crate::store::vms::launch::{self, Launch};
use crate::store::vms::run::VmRun;
use crate::store::vms::write;
use crate::wire::{AdjustVm as Verb, Adjusted, EnsureNetwork, Part};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::time::Duration;

/// How long a command waits for the guest; the job goes on after that.
const PATIENCE: Duration = Duration::from_secs(45);
/// Between two tries while the host is away.
const AWAY: Duration = Duration::from_secs(2);

/// What was so before, for when the guest refuses.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(in crate::engine) enum Before {
    Disk { disk: DiskId, alias: String, active: bool },
    Nic { nic: NicId, was: NicChange },
    Cd(Option<DiskId>),
}

/// What the job knows.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(in crate::engine) struct Args {
    pub vm: VmId,
    pub cpus: bool,
    pub memory: bool,
    pub before: Vec<Before>,
    /// What the guest has after it.
    #[serde(default)]
    pub result: Option<Adjusted>,
}

impl Args {
    pub(in crate::engine) const fn devices(vm: VmId, before: Vec<Before>) -> Self {
        Self { vm, cpus: false, memory: false, before, result: None }
    }
}

steps! { Step { Adjust = "adjust_guest", } }

/// The job.
pub(in crate::engine) struct AdjustVm;

/// Whether there is a guest that can be changed.
pub(in crate::engine) fn runs(run: &VmRun) -> bool {
    run.observed == Observed::Running && run.host.is_some()
}

/// Keeps the job in the caller's transaction; it begins when that is committed.
///
/// # Errors
/// Another task holds the VM, or the database failed.
pub(in crate::engine) fn begin(cx: &Cx, db: &mut Db, name: &str, args: &Args) -> Result<JobId, EngineError> {
    let mut locks = vec![args.vm.object()];
    locks.extend(args.before.iter().filter_map(|b| match b {
        Before::Disk { disk, .. } => Some(disk.object()),
        Before::Nic { .. } | Before::Cd(_) => None,
    }));
    let job = jobs::insert::<AdjustVm>(db, &NewJob::asked(cx, name), args, &locks)?;
    jobs::kick_after_commit(&cx.engine, job);
    Ok(job)
}

/// Waits for the guest to be changed.
///
/// # Errors
/// The guest or its host refused; says why.
pub(in crate::engine) async fn wait(cx: &Cx, job: Option<JobId>) -> Result<(), EngineError> {
    let Some(job) = job else { return Ok(()) };
    match tokio::time::timeout(PATIENCE, jobs::wait(&cx.engine, job)).await {
        Ok(ended) => {
            let view = ended?;
            if view.status == JobStatus::Failed { Err(Conflict::told(view.error).into()) } else { Ok(()) }
        }
        // It goes on; the page and the events tell.
        Err(_) => Ok(()),
    }
}

fn config(db: &mut Db, vm: VmId) -> Result<Launch, EngineError> {
    launch::get(db, vm)?.ok_or_else(|| EngineError::NotFound { kind: "VM", id: vm.to_string() })
}

/// What the guest has after it was asked; none: there is no guest any more.
async fn ask(engine: &Arc<Engine>, args: &Args) -> Result<Option<Adjusted>, EngineError> {
    let vm = args.vm;
    let run = state::read(engine, vm).await?;
    let Some(host) = run.host.filter(|_| run.observed.is_living()) else { return Ok(None) };
    disks::layers::make_missing(engine, vm).await?;
    let config = engine.db.read(move |db| config(db, vm)).await?;
    for network in config.nics.iter().filter(|nic| nic.plugged).filter_map(|nic| nic.network.as_ref()) {
        engine.call(host, &EnsureNetwork { name: network.clone() }).await?;
    }
    let devices = !args.before.is_empty();
    let verb = Verb { vm: spec::build(&config), cpus: args.cpus, memory: args.memory, devices };
    match engine.call(host, &verb).await {
        Ok(adjusted) => Ok(Some(adjusted)),
        Err(error) => {
            // It ended meanwhile: its next start takes all from the rows.
            let lives = state::read(engine, vm).await?.observed.is_living();
            if lives { Err(error) } else { Ok(None) }
        }
    }
}

/// Has a running guest see a disk that is attached; says why it does not, if so.
///
/// # Errors
/// Its host is away, or the database failed.
pub(in crate::engine) async fn plug(engine: &Arc<Engine>, vm: VmId, disk: DiskId) -> Result<String, EngineError> {
    engine.db.write(move |db| Ok::<_, EngineError>(disk_rows::set_active(db, disk, true)?)).await?;
    let before = Before::Disk { disk, alias: String::new(), active: false };
    let adjusted = ask(engine, &Args::devices(vm, vec![before])).await?;
    let refused = adjusted.into_iter().flat_map(|a| a.refused).find(|refused| refused.part == Part::Disk(disk));
    let Some(refused) = refused else { return Ok(String::new()) };
    engine.db.write(move |db| Ok::<_, EngineError>(disk_rows::set_active(db, disk, false)?)).await?;
    Ok(refused.why)
}

/// Has a running guest let go of a disk.
///
/// # Errors
/// It does not, its host is away, or the database failed.
pub(in crate::engine) async fn unplug(engine: &Arc<Engine>, vm: VmId, disk: DiskId) -> Result<(), EngineError> {
    engine.db.write(move |db| Ok::<_, EngineError>(disk_rows::set_active(db, disk, false)?)).await?;
    let before = Before::Disk { disk, alias: String::new(), active: true };
    let adjusted = ask(engine, &Args::devices(vm, vec![before])).await?;
    match adjusted.into_iter().flat_map(|a| a.refused).find(|refused| refused.part == Part::Stray) {
        Some(refused) => Err(Conflict::told(refused.why).into()),
        None => Ok(()),
    }
}

fn put_back(db: &mut Db, vm: VmId, all: &[Before]) -> Result<(), EngineError> {
    for before in all {
        match before {
            Before::Disk { disk, active, .. } => disk_rows::set_active(db, *disk, *active)?,
            Before::Nic { nic, was } => nics::change(db, *nic, was)?,
            Before::Cd(cd) => write::set_cd(db, vm, *cd)?,
        }
    }
    Ok(())
}

impl Kind for AdjustVm {
    const KIND: JobKind = JobKind::AdjustVm;
    type Args = Args;
    type Step = Step;

    async fn run(engine: &Arc<Engine>, _: &JobContext, args: &mut Args, step: Step) -> Result<Next, EngineError> {
        let Step::Adjust = step;
        let adjusted = match ask(engine, args).await {
            // The host may have done it, or not: it is asked again when it is back.
            Err(EngineError::Unavailable(_)) => return Ok(Next::Again(AWAY)),
            other => other?,
        };
        let refusals = adjusted.iter().flat_map(|a| &a.refused);
        let device = |part: &Part| !matches!(part, Part::Cpus | Part::Memory);
        if let Some(refused) = refusals.into_iter().find(|refused| device(&refused.part)) {
            return Err(Conflict::told(&refused.why).into());
        }
        args.result = adjusted;
        Ok(Next::Done)
    }

    /// Devices go back to what they were.
    async fn undo(engine: &Arc<Engine>, _: &JobContext, args: &mut Args, step: Step) -> Result<(), EngineError> {
        let Step::Adjust = step;
        if args.before.is_empty() {
            return Ok(());
        }
        let (vm, before) = (args.vm, args.before.clone());
        engine.db.write(move |db| put_back(db, vm, &before)).await?;
        let back = Args { cpus: false, memory: false, ..args.clone() };
        match ask(engine, &back).await {
            // What it still refuses it has as it was.
            Ok(_) | Err(EngineError::NotFoundOnHost(_) | EngineError::Conflict(_)) => Ok(()),
            Err(error) => Err(error),
        }
    }

    fn ended(
        engine: &Arc<Engine>,
        cx: &JobContext,
        db: &mut Db,
        args: &Args,
        outcome: Outcome<'_>,
    ) -> Result<(), EngineError> {
        let failed = match outcome {
            Outcome::Finished => None,
            Outcome::Failed(why) => Some(why),
        };
        let refused = |part: Part| {
            let told = args.result.iter().flat_map(|r| &r.refused).find(|r| r.part == part).map(|r| r.why.as_str());
            told.or(failed).map(|why| NotNow::Told { why: why.to_owned() })
        };
        let (cpus, memory) = (refused(Part::Cpus), refused(Part::Memory));
        let hardware = config(db, args.vm)?.hardware;
        let run = next_run::settle(engine, db, args.vm, |now| {
            if let (true, Some(result)) = (args.cpus, &args.result) {
                now.hardware.sockets = result.vcpus / (hardware.cores * hardware.threads).max(1);
            }
            if let (true, Some(result)) = (args.memory, &args.result) {
                now.hardware.memory_mib = result.memory_mib;
            }
            if args.cpus {
                now.cpus_refused.clone_from(&cpus);
            }
            if args.memory {
                now.memory_refused.clone_from(&memory);
            }
        })?;
        engine.changed(super::topic(), Some(args.vm.0));
        let about = state::about(&run);
        let mut tell = |code, detail: &str| cx.tell(engine, db, code, about.clone(), detail);
        if args.cpus {
            told(&mut tell, EventCode::HotSetCpus, EventCode::HotSetCpusFailed, hardware.vcpus(), cpus)?;
        }
        if args.memory {
            told(&mut tell, EventCode::HotSetMemory, EventCode::HotSetMemoryFailed, hardware.memory_mib, memory)?;
        }
        for before in &args.before {
            match (before, failed) {
                (Before::Disk { active, alias, .. }, None) if *active => tell(EventCode::HotUnplugDisk, alias)?,
                (Before::Disk { alias, .. }, None) => tell(EventCode::HotPlugDisk, alias)?,
                (Before::Disk { .. }, Some(why)) => tell(EventCode::HotPlugDiskFailed, why)?,
                (Before::Nic { .. }, None) => tell(EventCode::NicsChanged, "")?,
                (Before::Nic { .. }, Some(why)) => tell(EventCode::NicsChangeFailed, why)?,
                (Before::Cd(_), None) => tell(EventCode::UserChangeCd, "")?,
                (Before::Cd(_), Some(_)) => {}
            }
        }
        Ok(())
    }
}

fn told(
    tell: &mut impl FnMut(EventCode, &str) -> Result<(), EngineError>,
    done: EventCode,
    failed: EventCode,
    amount: impl ToString,
    refused: Option<NotNow>,
) -> Result<(), EngineError> {
    match refused {
        None => tell(done, &amount.to_string()),
        Some(why) => tell(failed, &why.to_string()),
    }
}
