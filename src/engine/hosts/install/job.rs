//! The installation: the engine logs in, looks at the machine, brings its own program along, has it join, and starts its agent.

use super::super::enrol::{self, about, told};
use super::{INSTALLED, purpose};
use crate::db::Db;
use crate::engine::jobs::{JobContext, Kind, Next, Outcome, steps};
use crate::engine::{Engine, EngineError};
use crate::hosts::ssh::{Credential, Ssh, Target, quoted};
use crate::model::clock::Timestamp;
use crate::model::conflict::Conflict;
use crate::model::event::EventCode;
use crate::model::host::HostStatus;
use crate::model::host_install::{EXAMINE, Found, InstallLine, Machine, SshTrouble};
use crate::model::ids::HostId;
use crate::model::job::JobKind;
use crate::store::hosts::ssh::{self as known, Pinned};
use crate::store::hosts::{enrol as store, write};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::net::TcpStream;

/// Where the engine's program is put.
const PROGRAM: &str = "/usr/local/bin/vireo";
const ASIDE: &str = "/usr/local/bin/.vireo.new";
/// From the start of its agent until the engine reaches it.
const ANSWERS: time::Duration = time::Duration::seconds(60);
const ONE_TRY: Duration = Duration::from_secs(5);
const LOOK: Duration = Duration::from_millis(500);

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Login {
    Password,
    EngineKey,
}

/// What the job knows.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(in crate::engine) struct Args {
    pub(super) host: HostId,
    pub(super) address: String,
    pub(super) login: Login,
    /// Sealed by the engine's vault, whose key is not in the database: an installation of minutes survives the engine's end that way, and a
    /// copy of the database tells no password. It is dropped with the last step, whichever way the job ends.
    pub(super) password: Option<String>,
    pub(super) install_missing: bool,
    pub(super) engine: String,
    /// When its agent was started.
    pub(super) started: Option<Timestamp>,
}

steps! { Step {
    Connect = "connect",
    Examine = "examine",
    Copy = "copy_program",
    Join = "join",
    Start = "start_agent",
} }

/// The job.
pub(in crate::engine) struct InstallHost;

/// One look at the job's work.
struct Work<'a> {
    engine: &'a Arc<Engine>,
    cx: &'a JobContext,
    args: &'a mut Args,
}

impl Work<'_> {
    async fn login(&self) -> Result<Ssh, EngineError> {
        let host = self.args.host;
        let pinned = self.engine.db.read(move |db| Ok::<_, EngineError>(known::pinned(db, host)?)).await?;
        let gone = || EngineError::NotFound { kind: "host", id: host.to_string() };
        let Pinned { port, user, fingerprint } = pinned.ok_or_else(gone)?;
        let target = Target { address: self.args.address.clone(), port, user, fingerprint };
        let credential = match (self.args.login, &self.args.password) {
            (Login::EngineKey, _) => Credential::Key(self.engine.pki.ssh_key().map_err(|e| enrol::pki(&e))?),
            (Login::Password, Some(sealed)) => {
                let plain = self.engine.vault.open(&purpose(host), sealed);
                Credential::Password(plain.map_err(|e| EngineError::Internal(e.to_string()))?)
            }
            (Login::Password, None) => return Err(SshTrouble::WrongPassword { user: target.user }.into()),
        };
        Ok(Ssh::login(&target, &credential).await?)
    }

    async fn tell(&self, line: InstallLine) -> Result<(), EngineError> {
        let (engine, cx, host) = (self.engine.clone(), self.cx.clone(), self.args.host);
        let code = if line.warning { EventCode::HostInstallingWarning } else { EventCode::HostInstalling };
        let text: String = line.text.chars().filter(|c| !c.is_control()).take(500).collect();
        let write = self.engine.db.write(move |db| cx.tell(&engine, db, code, about(host, &cx.subject), &text));
        write.await
    }

    async fn found(&self, found: &Found) -> Result<(), EngineError> {
        self.tell(found.into()).await
    }

    /// Runs the program there and tells what it finds.
    async fn follow(&self, ssh: &Ssh, command: &str, input: &str) -> Result<(), EngineError> {
        let mut running = ssh.start(&format!("{PROGRAM} {command}")).await?;
        running.tell(input.as_bytes()).await?;
        while let Some(line) = running.line().await? {
            match serde_json::from_str::<InstallLine>(&line) {
                Ok(found) => self.tell(found).await?,
                Err(_) => tracing::debug!(line, "the machine says something else"),
            }
        }
        Ok(running.end()?)
    }

    async fn machine(&self, ssh: &Ssh) -> Result<Machine, EngineError> {
        let said = ssh.run(EXAMINE).await?;
        Ok(Machine::read(said.iter().map(String::as_str))?)
    }

    async fn examine(&self, ssh: &Ssh) -> Result<(), EngineError> {
        let machine = self.machine(ssh).await?;
        let host = self.args.host;
        let pinned = self.engine.db.read(move |db| Ok::<_, EngineError>(known::pinned(db, host)?)).await?;
        let user = pinned.map(|pinned| pinned.user).unwrap_or_default();
        for found in machine.judge(&user, self.engine.clock.now().assume_utc().unix_timestamp())? {
            self.found(&found).await?;
        }
        let Some(packages) = machine.missing() else { return Ok(()) };
        if !self.args.install_missing {
            return Err(SshTrouble::Missing { packages }.into());
        }
        let command = machine.install(&packages)?;
        self.found(&Found::Installing { packages }).await?;
        ssh.run(&command).await?;
        match self.machine(ssh).await?.missing() {
            None => Ok(()),
            Some(packages) => Err(SshTrouble::Missing { packages }.into()),
        }
    }

    /// Nothing of a copy that breaks off is ever run: it is whole before it gets its name.
    async fn copy(&self, ssh: &Ssh) -> Result<(), EngineError> {
        let program = &self.engine.hosts.program;
        let sum = program.sum().await?.sha256.clone();
        let unreadable = |e: std::io::Error| EngineError::Internal(format!("{}: {e}", program.path().display()));
        let bytes = tokio::fs::read(program.path()).await.map_err(unreadable)?;
        let there = ssh.run(&format!("sha256sum {PROGRAM} 2>/dev/null || true")).await?;
        if there.iter().any(|line| line.split_whitespace().next() == Some(&sum)) {
            return self.found(&Found::SameProgram).await;
        }
        self.found(&Found::Copying { mib: bytes.len() as u64 >> 20 }).await?;
        let command = format!(
            "set -e; umask 077; mkdir -p {dir}; cat > {ASIDE}; echo '{sum}  {ASIDE}' | sha256sum -c --status || \
             {{ rm -f {ASIDE}; echo 'the copy is not whole; is its disk full?' >&2; exit 1; }}; \
             chmod 755 {ASIDE}; mv -f {ASIDE} {PROGRAM}",
            dir = quoted(PROGRAM.trim_end_matches("/vireo"))
        );
        let mut running = ssh.start(&command).await?;
        let (all, told) = (bytes.len() as u64, AtomicU64::new(0));
        let fed = running.feed(bytes.as_slice(), |sent| {
            let percent = sent * 100 / all.max(1);
            let news = percent >= told.load(Ordering::Relaxed) + 5;
            if news {
                told.store(percent, Ordering::Relaxed);
            }
            async move {
                // How far it is can be missed.
                if let Ok(percent) = u8::try_from(percent)
                    && news
                    && let Err(error) = self.cx.progress(self.engine, percent).await
                {
                    tracing::debug!(%error, "the progress could not be kept");
                }
            }
        });
        let fed = fed.await;
        while running.line().await?.is_some() {}
        // What the machine says of it is more to the point than that it took no more.
        running.end()?;
        Ok(fed?)
    }

    /// With an invitation of its own each time: an earlier one, used or not, is void.
    async fn join(&self, ssh: &Ssh) -> Result<(), EngineError> {
        let authority = self.engine.pki.authority().map_err(|e| enrol::pki(&e))?;
        let (inner, host) = (self.engine.clone(), self.args.host);
        let invited = self.engine.db.write(move |db| {
            expected(db, host)?;
            enrol::invited(&inner, db, host, authority)
        });
        let token = invited.await?.token;
        crate::engine::hosts::connect_all(self.engine).await?;
        let engine = reachable(&self.args.engine, ssh);
        let command = format!("host join --machine-readable --no-start {} -", quoted(&engine));
        self.follow(ssh, &command, &format!("{token}\n")).await
    }

    async fn start(&mut self) -> Result<Next, EngineError> {
        let Some(started) = self.args.started else {
            let ssh = self.login().await?;
            self.follow(&ssh, "host start --machine-readable", "").await?;
            ssh.leave().await;
            self.args.started = Some(self.engine.clock.now());
            return Ok(Next::Again(LOOK));
        };
        let host = self.args.host;
        let row = self.engine.db.read(move |db| Ok::<_, EngineError>(write::row(db, host)?)).await?;
        let row = row.ok_or_else(|| EngineError::NotFound { kind: "host", id: host.to_string() })?;
        let reached = tokio::time::timeout(ONE_TRY, TcpStream::connect((row.address.as_str(), row.port))).await;
        if matches!(reached, Ok(Ok(_))) {
            self.args.password = None;
            return Ok(Next::Done);
        }
        if self.engine.clock.now() - started < ANSWERS {
            return Ok(Next::Again(LOOK));
        }
        let seconds = ANSWERS.whole_seconds().unsigned_abs();
        Err(SshTrouble::NoAgent { address: row.address, port: row.port, seconds }.into())
    }

    /// What can be done on a machine that may be away; what it keeps opens nothing at the engine any more.
    async fn tidy(&self, command: &str) {
        let done = async {
            let ssh = self.login().await?;
            ssh.run(command).await?;
            ssh.leave().await;
            Ok::<_, EngineError>(())
        };
        if let Err(error) = done.await {
            tracing::warn!(host = %self.args.host, %error, "what was begun there could not be taken back");
        }
    }
}

/// The machine may come with its invitation, and has no certificate that is worth anything until then.
fn expected(db: &mut Db, host: HostId) -> Result<(), EngineError> {
    let Some(row) = write::row(db, host)? else { return Ok(()) };
    store::set_line(db, host, &row.address, row.port, "")?;
    if row.status != HostStatus::Installing && !write::set_status(db, &row, HostStatus::Installing, INSTALLED)? {
        return Err(Conflict::ChangedMeanwhile.into());
    }
    Ok(())
}

/// Somebody who looks at the portal on the engine's own machine calls it localhost; the host cannot.
fn reachable(engine: &str, ssh: &Ssh) -> String {
    let Some(ip) = ssh.local else { return engine.to_owned() };
    by_address(engine, &if ip.is_ipv6() { format!("[{ip}]") } else { ip.to_string() })
}

fn by_address(engine: &str, own: &str) -> String {
    let place = engine.strip_prefix("https://").unwrap_or(engine);
    let rest = ["localhost", "127.0.0.1", "[::1]"].into_iter().find_map(|name| place.strip_prefix(name));
    match rest.filter(|rest| rest.is_empty() || rest.starts_with(':')) {
        Some(port) => format!("https://{own}{port}"),
        None => engine.to_owned(),
    }
}

impl Kind for InstallHost {
    const KIND: JobKind = JobKind::InstallHost;
    type Args = Args;
    type Step = Step;

    async fn run(engine: &Arc<Engine>, cx: &JobContext, args: &mut Args, step: Step) -> Result<Next, EngineError> {
        let mut work = Work { engine, cx, args };
        if step == Step::Start {
            return work.start().await;
        }
        let ssh = work.login().await?;
        match step {
            Step::Connect | Step::Start => {}
            Step::Examine => work.examine(&ssh).await?,
            Step::Copy => work.copy(&ssh).await?,
            Step::Join => work.join(&ssh).await?,
        }
        ssh.leave().await;
        Ok(Next::Done)
    }

    async fn undo(engine: &Arc<Engine>, cx: &JobContext, args: &mut Args, step: Step) -> Result<(), EngineError> {
        let host = args.host;
        let work = Work { engine, cx, args };
        match step {
            Step::Start => work.tidy(&format!("{PROGRAM} host stop")).await,
            Step::Join => {
                let withdraw = engine.db.write(move |db| {
                    store::withdraw(db, host)?;
                    expected(db, host)
                });
                withdraw.await?;
                crate::engine::hosts::connect_all(engine).await?;
            }
            Step::Copy => work.tidy(&format!("rm -f {ASIDE}")).await,
            Step::Examine => {}
            Step::Connect => work.args.password = None,
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
        let Some(row) = write::row(db, args.host)? else { return Ok(()) };
        told(engine, args.host);
        // Only now it is called: it is up when nothing holds it any more.
        let (next, why) = match outcome {
            Outcome::Finished => (HostStatus::Initializing, ""),
            Outcome::Failed(why) => (HostStatus::InstallFailed, why),
        };
        if !write::set_status(db, &row, next, why)? {
            return Err(Conflict::ChangedMeanwhile.into());
        }
        if outcome == Outcome::Finished {
            let engine = engine.clone();
            crate::db::after_commit(move || engine.reconcilers.wake("hosts"));
            return Ok(());
        }
        cx.tell(engine, db, EventCode::HostInstallFailed, about(row.id, &row.name), why)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_does_not_look_for_the_engine_at_home() {
        for local in ["https://localhost:8443", "https://127.0.0.1:8443", "https://[::1]:8443"] {
            assert_eq!(by_address(local, "192.0.2.1"), "https://192.0.2.1:8443");
        }
        for told in ["https://engine.example.com:8443", "https://localhost.example.com", "https://192.0.2.7"] {
            assert_eq!(by_address(told, "192.0.2.1"), told);
        }
    }
}
