//! Moving a running VM to another host.
//!
//! However the migration goes, whoever is killed in it: its last step asks both hosts where the guest is, and ends what is left of it on
//! the other one. Until that is known the job holds the VM.

mod settle;

use crate::db::Db;
use crate::engine::jobs::{self, JobContext, Kind, NewJob, Next, Outcome, steps};
use crate::engine::scheduler::{self, Cluster, Explained, Need, Tie};
use crate::engine::vms::admit::{admit, command, refuse};
use crate::engine::vms::{spec, state};
use crate::engine::{Cx, Engine, EngineError};
use crate::model::cluster_settings::ClusterMigration;
use crate::model::conflict::Conflict;
use crate::model::event::EventCode;
use crate::model::ids::{HostId, JobId, NetworkId, VmId};
use crate::model::job::JobKind;
use crate::model::migration::MigrationPolicyName;
use crate::model::valid;
use crate::model::vm::{Refusal, VmAction};
use crate::model::vm_settings::MigrationMode;
use crate::model::vm_state::Intent;
use crate::store::hosts::write;
use crate::store::networks;
use crate::store::scheduling::places;
use crate::store::vms::launch::{self, Launch};
use crate::store::vms::run::{self, VmRun};
use crate::wire::migrate::Moved;
use crate::wire::network::NetworkMode;
use crate::wire::{
    AbortMigration, EnsureNetwork, ExpectVm, MigrateVm as MigrateVerb, MigrationProgress, MigrationState, UnexpectVm,
};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::time::Duration;

/// No network of a host is faster (libvirt takes MiB a second).
const MAX_BANDWIDTH_MIB: u64 = 100_000;
const LOOK: Duration = Duration::from_millis(500);
/// A source that does not answer is asked so often, a second apart, before both hosts are asked where the guest is.
const UNANSWERED: u32 = 10;

/// What the job knows.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(in crate::engine) struct Args {
    vm: VmId,
    from: HostId,
    to: HostId,
    from_name: String,
    to_name: String,
    policy: MigrationPolicyName,
    bandwidth_mib: Option<u64>,
    /// The network over which it goes.
    #[serde(default)]
    over: Option<NetworkId>,
    /// The source was told to send it.
    started: bool,
    unanswered: u32,
    /// What the source says of a migration that went well.
    moved: Option<Moved>,
    /// Why it did not.
    failed: Option<String>,
    /// Looks at both hosts that showed a guest between them.
    between: u32,
}

steps! { Step { Move = "move", Settle = "settle", } }

/// The job.
pub(in crate::engine) struct MigrateVm;

/// What somebody wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Wanted {
    /// None: the best host.
    pub to: Option<HostId>,
    /// None: its cluster's.
    pub policy: Option<MigrationPolicyName>,
    /// MiB a second at most; none: as its cluster has it.
    pub bandwidth_mib: Option<u64>,
}

/// Moves it.
///
/// # Errors
/// Refused, no host can take it, hidden, or the database failed.
pub async fn migrate(cx: &Cx, id: VmId, wanted: Wanted) -> Result<JobId, EngineError> {
    let job = command(cx, id, VmAction::Migrate, move |cx, db| {
        let run = admit(cx, db, id, VmAction::Migrate)?;
        let (job, to) = begin(&cx.engine, db, &run, wanted, &NewJob::asked(cx, &run.name))?;
        cx.tell(db, EventCode::MigrationStarted, state::about(&run), &to)?;
        Ok(job)
    })
    .await?;
    jobs::kick(&cx.engine, job);
    Ok(job)
}

/// Chooses a host, tells its name, and keeps the job, all in the caller's transaction; kick the job after it.
///
/// # Errors
/// It may not leave its host, nothing could take it, another job holds it, or the database failed.
pub(in crate::engine) fn begin(
    engine: &Arc<Engine>,
    db: &mut Db,
    run: &VmRun,
    wanted: Wanted,
    new: &NewJob,
) -> Result<(JobId, String), EngineError> {
    if let Some(mib) = wanted.bandwidth_mib {
        valid::range("bandwidth", mib, 1, MAX_BANDWIDTH_MIB)?;
    }
    let from = run.host.ok_or_else(|| refuse(VmAction::Migrate, &run.name, Refusal::Status(run.status)))?;
    let config = config(db, run.vm)?;
    may_leave(&config, run, new.owner.is_some())?;
    let to = scheduler::settle_on(engine, db, &config, Tie::From(from, wanted.to))?;
    let to_name = write::row(db, to)?.map(|host| host.name).unwrap_or_default();
    let usual = places::settings(db, config.cluster)?.migration;
    let args = Args {
        vm: run.vm,
        from,
        to,
        from_name: run.host_name.clone(),
        to_name: to_name.clone(),
        policy: wanted.policy.unwrap_or(usual.policy),
        bandwidth_mib: wanted.bandwidth_mib.or_else(|| usual.bandwidth_mib()),
        over: usual.network,
        started: false,
        unanswered: 0,
        moved: None,
        failed: None,
        between: 0,
    };
    let job = jobs::insert::<MigrateVm>(db, new, &args, &[run.vm.object()])?;
    state::change(engine, db, run.vm, |run| {
        run.intent = Intent::Migrate;
        run.migrating_to = Some(to);
        Ok(())
    })?;
    Ok((job, to_name))
}

/// Sends a VM off by the engine's own wish. False: another task holds it just now, or it left by itself.
///
/// # Errors
/// No host can take it, or the database failed.
pub(in crate::engine) async fn send_away(engine: &Arc<Engine>, vm: VmId, wanted: Wanted) -> Result<bool, EngineError> {
    let inner = engine.clone();
    let begun = engine.db.write(move |db| {
        let run = state::load(db, vm)?;
        if run.intent != Intent::Run || run::is_locked(db, vm)? {
            return Ok(None);
        }
        let (job, to) = begin(&inner, db, &run, wanted, &NewJob::own(&inner, &run.name))?;
        inner.tell(db, EventCode::MigrationStartedBySystem, state::about(&run), &to)?;
        Ok::<_, EngineError>(Some(job))
    });
    let Some(job) = begun.await? else { return Ok(false) };
    jobs::kick(engine, job);
    Ok(true)
}

/// Whether it may leave its host. `by_hand`: somebody asked for this VM, and not for its host to be emptied.
///
/// # Errors
/// It may not.
pub(in crate::engine) fn may_leave(config: &Launch, run: &VmRun, by_hand: bool) -> Result<(), EngineError> {
    let refused = |because| Err(refuse(VmAction::Migrate, &run.name, because));
    match config.hardware.settings.migration {
        MigrationMode::Pinned => refused(Refusal::PinnedToHost { host: run.host_name.clone() }),
        MigrationMode::UserMigratable if !by_hand => refused(Refusal::MigratesByHandOnly),
        MigrationMode::UserMigratable | MigrationMode::Migratable => Ok(()),
    }
}

/// Each host of its cluster as a place to go.
///
/// # Errors
/// Hidden, or the database failed.
pub async fn choices(cx: &Cx, id: VmId) -> Result<Vec<Explained>, EngineError> {
    let inner = cx.clone();
    cx.engine
        .db
        .read(move |db| {
            crate::auth::check(db, &inner.actor, VmAction::Migrate.permit(), id.object())?;
            let (run, config) = (state::load(db, id)?, config(db, id)?);
            let cluster = Cluster::load(&inner.engine, db, config.cluster)?;
            let need = Need::load(db, &config, run.host.map_or(Tie::None, |from| Tie::From(from, None)))?;
            Ok(scheduler::explain(&cluster, &need))
        })
        .await
}

/// How it is moved unless somebody says otherwise.
///
/// # Errors
/// Hidden, or the database failed.
pub async fn usual(cx: &Cx, id: VmId) -> Result<ClusterMigration, EngineError> {
    let inner = cx.clone();
    cx.engine
        .db
        .read(move |db| {
            crate::auth::check(db, &inner.actor, VmAction::Migrate.permit(), id.object())?;
            let cluster = config(db, id)?.cluster;
            Ok(places::settings(db, cluster)?.migration)
        })
        .await
}

/// What it is launched from.
pub(in crate::engine) fn config(db: &mut Db, vm: VmId) -> Result<Launch, EngineError> {
    launch::get(db, vm)?.ok_or_else(|| EngineError::NotFound { kind: "VM", id: vm.to_string() })
}

/// Has a VM that is on its way stay where it is. It has arrived already: fine.
///
/// # Errors
/// Refused, hidden, its host is away, or the database failed.
pub async fn cancel(cx: &Cx, id: VmId) -> Result<(), EngineError> {
    let inner = cx.clone();
    let run = cx
        .engine
        .db
        .read(move |db| {
            crate::auth::check(db, &inner.actor, VmAction::Migrate.permit(), id.object())?;
            state::load(db, id)
        })
        .await?;
    let (Intent::Migrate, Some(from)) = (run.intent, run.host) else {
        return Err(Conflict::NotMigrating { vm: run.name }.into());
    };
    cx.engine.call(from, &AbortMigration { vm: id }).await?;
    let inner = cx.clone();
    cx.engine.db.write(move |db| inner.tell(db, EventCode::MigrationCancelled, state::about(&run), "")).await
}

/// Sends it off, and looks on until its source says how it went.
async fn go(engine: &Arc<Engine>, cx: &JobContext, args: &mut Args) -> Result<Next, EngineError> {
    let asked = engine.call(args.from, &MigrationProgress { vm: args.vm }).await;
    match asked {
        Ok(MigrationState::Running(moving)) => {
            (args.started, args.unanswered) = (true, 0);
            let sent = moving.total_bytes.saturating_sub(moving.remaining_bytes) * 100;
            let percent = sent.checked_div(moving.total_bytes).unwrap_or(0);
            cx.progress(engine, u8::try_from(percent.min(99)).unwrap_or(99)).await?;
            Ok(Next::Again(LOOK))
        }
        Ok(_) if !args.started => send(engine, args).await,
        Ok(MigrationState::Done(moved)) => {
            args.moved = Some(moved);
            Ok(Next::Done)
        }
        Ok(MigrationState::Failed { because }) => {
            args.failed = Some(because);
            Ok(Next::Done)
        }
        Ok(MigrationState::None) => {
            args.failed = Some(format!("the agent of host {} was started anew meanwhile", args.from_name));
            Ok(Next::Done)
        }
        Err(EngineError::Unavailable(_)) if args.unanswered < UNANSWERED => {
            args.unanswered += 1;
            Ok(Next::Again(Duration::from_secs(1)))
        }
        Err(error) => {
            args.failed = Some(error.to_string());
            Ok(Next::Done)
        }
    }
}

/// Tells the target whom to expect and the source where to go.
async fn send(engine: &Arc<Engine>, args: &mut Args) -> Result<Next, EngineError> {
    let (vm, to, over) = (args.vm, args.to, args.over);
    let (config, target, run, over) = engine
        .db
        .read(move |db| {
            let target = write::row(db, to)?;
            let target = target.ok_or_else(|| EngineError::NotFound { kind: "host", id: to.to_string() })?;
            let over = over.map(|over| networks::name(db, over)).transpose()?.flatten();
            Ok::<_, EngineError>((config(db, vm)?, target, state::load(db, vm)?, over))
        })
        .await?;
    let guest = spec::build(&config);
    let mut networks: Vec<String> = guest.nics.iter().filter_map(|nic| nic.network.clone()).collect();
    networks.sort();
    networks.dedup();
    let images = guest.disks.into_iter().map(|disk| disk.image).chain(guest.cdrom).collect();
    // Only these two hosts ever learn it, and only for this guest; a repeated step makes another.
    let ticket = crate::auth::hash::fresh_secret();
    let expect = ExpectVm { vm, ticket: ticket.clone(), networks, images, over, usual: target.address.clone() };
    let expected = engine.call(to, &expect).await?;
    for (network, mode) in expected.networks {
        let here = engine.call(args.from, &EnsureNetwork { name: network.clone() }).await?.mode;
        if plug(here) != plug(mode) {
            return Err(
                Conflict::NetworkDiffers { network, from: args.from_name.clone(), to: args.to_name.clone() }.into()
            );
        }
    }
    let request = MigrateVerb {
        vm,
        ticket,
        // A target without an address on the network is reached as usual (oVirt does so, too).
        address: expected.address.map_or(target.address, |ip| ip.to_string()),
        port: target.port,
        fingerprint: target.fingerprint,
        policy: args.policy.policy(args.bandwidth_mib),
        link_mbps: expected.link_mbps,
        at_once: args.policy.at_once(),
        ping: run.addresses,
    };
    match engine.call(args.from, &request).await {
        Ok(true) => args.started = true,
        // Others are leaving it first.
        Ok(false) => {}
        // It is gone from there: has an earlier try got it over?
        Err(EngineError::NotFoundOnHost(why)) => {
            args.failed = Some(why);
            return Ok(Next::Done);
        }
        Err(error) => return Err(error),
    }
    Ok(Next::Again(LOOK))
}

/// The way a guest's card is plugged in; the guest's definition goes over as it is.
const fn plug(mode: NetworkMode) -> u8 {
    match mode {
        NetworkMode::Bridge => 0,
        NetworkMode::Nat | NetworkMode::Isolated => 1,
        NetworkMode::User => 2,
    }
}

impl Kind for MigrateVm {
    const KIND: JobKind = JobKind::MigrateVm;
    type Args = Args;
    type Step = Step;

    async fn run(engine: &Arc<Engine>, cx: &JobContext, args: &mut Args, step: Step) -> Result<Next, EngineError> {
        match step {
            Step::Move => go(engine, cx, args).await,
            Step::Settle => settle::settle(engine, args).await,
        }
    }

    async fn undo(engine: &Arc<Engine>, _: &JobContext, args: &mut Args, step: Step) -> Result<(), EngineError> {
        if step == Step::Move {
            // Where one of them is away, libvirt gives up what its tunnel is gone for.
            for undone in [
                engine.call(args.from, &AbortMigration { vm: args.vm }).await,
                engine.call(args.to, &UnexpectVm { vm: args.vm }).await,
            ] {
                match undone {
                    Err(error @ EngineError::Unavailable(_)) => {
                        tracing::warn!(vm = %args.vm, %error, "a migration is given up")
                    }
                    other => other?,
                }
            }
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
        let run = state::change(engine, db, args.vm, |run| {
            if run.intent == Intent::Migrate {
                run.intent = Intent::Run;
            }
            run.migrating_to = None;
            Ok(())
        })?;
        match outcome {
            Outcome::Finished => {
                let cost = args.moved.map_or_else(String::new, settle::in_words);
                cx.tell(engine, db, EventCode::MigrationDone, state::about(&run), &cost)
            }
            Outcome::Failed(why) => cx.tell(engine, db, EventCode::MigrationFailed, state::about(&run), why),
        }
    }
}
