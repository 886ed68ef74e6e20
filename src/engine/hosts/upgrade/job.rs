//! The upgrade: the host is emptied, its packages come, its agent becomes the engine's program, it is restarted if that is wanted, and it works
//! again as before. What fails leaves it in maintenance; a second upgrade ends what is half done.

use super::super::maintenance::{self, Tries, about, told};
use super::look;
use crate::db::Db;
use crate::engine::jobs::{JobContext, Kind, Next, Outcome, steps};
use crate::engine::{Engine, EngineError};
use crate::model::clock::Timestamp;
use crate::model::conflict::Conflict;
use crate::model::event::EventCode;
use crate::model::host::HostStatus;
use crate::model::host_upgrade::last_lines;
use crate::model::ids::{ClusterId, HostId};
use crate::model::job::JobKind;
use crate::store::hosts::upgrade as store;
use crate::store::hosts::write::{self, HostRow};
use crate::wire::host_upgrade::{ProgramInfo, RestartHost, UpgradePackages};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::time::Duration;

/// Packages may restart the network, or the machine's agent.
const AWAY: time::Duration = time::Duration::minutes(5);
/// Servers test their memory before they boot.
const BOOTS: time::Duration = time::Duration::minutes(20);
const ASK_AGAIN: time::Duration = time::Duration::minutes(2);
/// One that lacks something is tried again every minute.
const RETURNS: time::Duration = time::Duration::minutes(3);

/// What the job knows.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(in crate::engine) struct Args {
    pub(super) host: HostId,
    /// It was in use, and is to be again.
    returns: bool,
    reboot: bool,
    /// It is its turn in the upgrade of this cluster.
    cluster: Option<ClusterId>,
    tries: Tries,
    /// Since when it does not answer.
    silent: Option<Timestamp>,
    /// When its agent was told to become the other program.
    pub(super) switched: Option<Timestamp>,
    /// The boot that is to end, and when it was asked for that.
    boot: Option<String>,
    asked: Option<Timestamp>,
    /// Since when it is to be restarted.
    restarts: Option<Timestamp>,
    activated: Option<Timestamp>,
}

impl Args {
    pub(super) fn new(host: HostId, returns: bool, reboot: bool, cluster: Option<ClusterId>) -> Self {
        Self {
            host,
            returns,
            reboot,
            cluster,
            tries: Tries::new(),
            silent: None,
            switched: None,
            boot: None,
            asked: None,
            restarts: None,
            activated: None,
        }
    }
}

steps! { Step {
    Empty = "empty",
    Packages = "upgrade_packages",
    Program = "replace_program",
    Reboot = "restart_host",
    Return = "return_host",
} }

/// The job.
pub(in crate::engine) struct UpgradeHost;

/// One look at the job's work.
pub(super) struct Work<'a> {
    pub(super) engine: &'a Arc<Engine>,
    pub(super) cx: &'a JobContext,
    pub(super) args: &'a mut Args,
}

impl Work<'_> {
    async fn row(&self) -> Result<HostRow, EngineError> {
        let host = self.args.host;
        let row = self.engine.db.read(move |db| Ok::<_, EngineError>(write::row(db, host)?)).await?;
        row.ok_or_else(|| EngineError::NotFound { kind: "host", id: host.to_string() })
    }

    fn again(&self) -> Next {
        Next::Again(self.engine.timing.look)
    }

    /// How far it is can be missed.
    pub(super) async fn progress(&self, percent: u8) {
        if let Err(error) = self.cx.progress(self.engine, percent.min(100)).await {
            tracing::debug!(%error, "the progress could not be kept");
        }
    }

    async fn empty(&mut self) -> Result<Next, EngineError> {
        if self.row().await?.status == HostStatus::Maintenance {
            return Ok(Next::Done);
        }
        match maintenance::empty(self.engine, self.args.host, &mut self.args.tries).await? {
            Next::Done => {}
            again => return Ok(again),
        }
        let (engine, cx, host) = (self.engine.clone(), self.cx.clone(), self.args.host);
        let rest = self.engine.db.write(move |db| {
            let Some(row) = write::row(db, host)? else { return Ok(()) };
            if row.status != HostStatus::PreparingForMaintenance
                || !write::set_status(db, &row, HostStatus::Maintenance, "")?
            {
                return Err(Conflict::NoLongerEmptied.into());
            }
            told(&engine, host);
            cx.tell(&engine, db, EventCode::HostMaintenance, about(&row), "")
        });
        rest.await?;
        Ok(Next::Done)
    }

    async fn packages(&mut self) -> Result<Next, EngineError> {
        let run = match self.engine.call(self.args.host, &UpgradePackages { run: self.cx.job.to_string() }).await {
            Ok(run) => run,
            Err(EngineError::Unavailable(why)) => {
                let now = self.engine.clock.now();
                let since = *self.args.silent.get_or_insert(now);
                return if now - since < AWAY { Ok(self.again()) } else { Err(EngineError::Unavailable(why)) };
            }
            Err(error) => return Err(error),
        };
        self.args.silent = None;
        self.keep(run.log.clone()).await?;
        let all = self.offered().await?;
        if run.running {
            // About a third of the time is spent on fetching and unpacking them.
            let done = (67 * run.finished.min(all)).checked_div(all).map_or(50, |part| 33 + part);
            self.progress(u8::try_from(done).unwrap_or(99).min(99)).await;
            return Ok(self.again());
        }
        let host = self.cx.subject.clone();
        match run.exit {
            Some(0) => Ok(Next::Done),
            Some(_) => Err(Conflict::PackagesFailed { host, said: last_lines(&run.log) }.into()),
            None => Err(Conflict::PackagesBroken { host }.into()),
        }
    }

    /// How many packages were offered when it was asked last.
    async fn offered(&self) -> Result<usize, EngineError> {
        let host = self.args.host;
        let all = self.engine.db.read(|db| Ok::<_, EngineError>(store::all(db)?)).await?;
        Ok(all.get(&host).map_or(0, |known| known.found.packages.len()))
    }

    async fn keep(&self, log: String) -> Result<(), EngineError> {
        let (engine, host, job) = (self.engine.clone(), self.args.host, self.cx.job);
        let known = self.engine.db.read(move |db| Ok::<_, EngineError>(store::log_of_job(db, job)?)).await?;
        if known.is_some_and(|(_, known)| known == log) {
            return Ok(());
        }
        let kept = self.engine.db.write(move |db| {
            store::set_log(db, host, job, &log)?;
            told(&engine, host);
            Ok::<_, EngineError>(())
        });
        kept.await?;
        self.engine.changes.tell(crate::engine::changes::Topic::Jobs, Some(job.0));
        Ok(())
    }

    /// The machine that the engine runs on is never restarted by it.
    async fn reboot(&mut self) -> Result<Next, EngineError> {
        let (host, now) = (self.args.host, self.engine.clock.now());
        let Some(since) = self.args.restarts else {
            let (found, program) = look(self.engine, host, false).await?;
            if !self.args.reboot || !found.reboot_required || self.engine.hosts.runs_here(host) {
                return Ok(Next::Done);
            }
            self.args.boot = Some(program.boot_id);
            self.args.restarts = Some(now);
            let (engine, cx, row) = (self.engine.clone(), self.cx.clone(), self.row().await?);
            let tell = self.engine.db.write(move |db| cx.tell(&engine, db, EventCode::HostRestarts, about(&row), ""));
            tell.await?;
            return Ok(Next::Again(Duration::ZERO));
        };
        match self.engine.call(host, &ProgramInfo {}).await {
            Ok(info) if Some(&info.boot_id) != self.args.boot.as_ref() => {
                look(self.engine, host, false).await?;
                return Ok(Next::Done);
            }
            Ok(_) if self.args.asked.is_none_or(|asked| now - asked > ASK_AGAIN) => {
                self.args.asked = Some(now);
                // It may go off before it has answered.
                match self.engine.call(host, &RestartHost {}).await {
                    Ok(()) | Err(EngineError::Unavailable(_)) => {}
                    Err(error) => return Err(error),
                }
            }
            Ok(_) | Err(EngineError::Unavailable(_)) => {}
            Err(error) => return Err(error),
        }
        if now - since < BOOTS {
            return Ok(self.again());
        }
        let seconds = BOOTS.whole_seconds().unsigned_abs();
        Err(Conflict::AgentAway { host: self.cx.subject.clone(), seconds }.into())
    }

    async fn return_host(&mut self) -> Result<Next, EngineError> {
        if !self.args.returns {
            return Ok(Next::Done);
        }
        let (row, now) = (self.row().await?, self.engine.clock.now());
        match (row.status, self.args.activated) {
            (HostStatus::Up, _) => Ok(Next::Done),
            (HostStatus::Maintenance, None) => {
                self.activate(row).await?;
                self.args.activated = Some(now);
                Ok(self.again())
            }
            (_, since) if now - *self.args.activated.insert(since.unwrap_or(now)) < RETURNS => Ok(self.again()),
            (status, _) => {
                let seconds = RETURNS.whole_seconds().unsigned_abs();
                Err(Conflict::NotBack { host: row.name, status, seconds }.into())
            }
        }
    }

    async fn activate(&self, row: HostRow) -> Result<(), EngineError> {
        let (engine, cx, host) = (self.engine.clone(), self.cx.clone(), self.args.host);
        let write = self.engine.db.write(move |db| {
            if !write::set_status(db, &row, HostStatus::Unassigned, "")? {
                return Err(Conflict::ChangedMeanwhile.into());
            }
            told(&engine, host);
            cx.tell(&engine, db, EventCode::HostActivated, about(&row), "")
        });
        write.await?;
        self.engine.hosts.hang_up(host);
        crate::engine::hosts::connect_all(self.engine).await
    }
}

impl Kind for UpgradeHost {
    const KIND: JobKind = JobKind::UpgradeHost;
    type Args = Args;
    type Step = Step;

    async fn run(engine: &Arc<Engine>, cx: &JobContext, args: &mut Args, step: Step) -> Result<Next, EngineError> {
        let mut work = Work { engine, cx, args };
        match step {
            Step::Empty => work.empty().await,
            Step::Packages => work.packages().await,
            Step::Program => work.program().await,
            Step::Reboot => work.reboot().await,
            Step::Return => work.return_host().await,
        }
    }

    /// What came stays; the host puts back by itself a program that does not work.
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
        if let Some(cluster) = args.cluster {
            crate::engine::cluster_upgrade::had_its_turn(engine, db, cluster, args.host, outcome)?;
        }
        let Some(row) = write::row(db, args.host)? else { return Ok(()) };
        told(engine, args.host);
        let (code, why) = match outcome {
            Outcome::Finished => (EventCode::HostUpgradeFinished, ""),
            Outcome::Failed(why) => (EventCode::HostUpgradeFailed, why),
        };
        // One that could not be emptied works on; one that rests says why it does, and not what was wrong before.
        let next = match row.status {
            HostStatus::PreparingForMaintenance => Some((HostStatus::Up, "")),
            HostStatus::Maintenance => Some((HostStatus::Maintenance, why)),
            _ => None,
        };
        if let Some((status, reason)) = next
            && !write::set_status(db, &row, status, reason)?
        {
            return Err(Conflict::ChangedMeanwhile.into());
        }
        cx.tell(engine, db, code, about(&row), why)
    }
}
