//! Hosts are installed by SSH: the engine logs in, looks at the machine, brings its own program along, has it join, and starts its agent.

use super::enrol::{self, about, admitted, told};
use crate::auth;
use crate::db::Db;
use crate::engine::jobs::{self, JobContext, Kind, NewJob, Next, Outcome, steps};
use crate::engine::{Created, Cx, Engine, EngineError};
use crate::hosts::ssh::{self, Credential, Ssh, Target, quoted};
use crate::model::clock::Timestamp;
use crate::model::conflict::Conflict;
use crate::model::event::EventCode;
use crate::model::host::{HostAction, HostStatus, NewHost};
use crate::model::host_install::{
    EXAMINE, Found, InstallLine, MAX_PASSWORD, MAX_USER, Machine, SshAccess, SshLogin, SshTrouble, is_fingerprint,
};
use crate::model::ids::{ClusterId, HostId};
use crate::model::job::JobKind;
use crate::model::role::Action;
use crate::model::valid::{self, Invalid, Problem};
use crate::store::hosts::ssh::{self as known, Pinned};
use crate::store::hosts::{enrol as store, write};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::time::Duration;

const INSTALLED: &str = "It is being installed.";
/// Where the engine's program is put.
const PROGRAM: &str = "/usr/local/bin/vireo";
const ASIDE: &str = "/usr/local/bin/.vireo.new";
/// The program that runs now, even where another has taken its name since.
const OWN_PROGRAM: &str = "/proc/self/exe";
/// From the start of its agent until a host is up.
const COMES_UP: time::Duration = time::Duration::seconds(120);
const LOOK: Duration = Duration::from_millis(500);

/// The key of a machine's SSH server, for somebody to compare.
///
/// # Errors
/// Refused, invalid, or no SSH server answers there.
pub async fn fingerprint(cx: &Cx, cluster: Option<ClusterId>, address: &str, port: u16) -> Result<String, EngineError> {
    let (inner, named) = (cx.clone(), enrol::address(address)?);
    if named.is_empty() {
        return Err(Invalid::new("address", Problem::Missing).into());
    }
    cx.engine.db.read(move |db| enrol::cluster(&inner, db, cluster).map(drop)).await?;
    Ok(ssh::fingerprint(&named, port).await?)
}

/// The line for a machine's `authorized_keys` that lets the engine in.
///
/// # Errors
/// The key cannot be made.
pub fn public_key(cx: &Cx) -> Result<String, EngineError> {
    Ok(cx.engine.pki.ssh_key().map_err(|e| enrol::pki(&e))?.public_line())
}

/// How the host was logged in to the last time.
///
/// # Errors
/// Hidden, or the database failed.
pub async fn last_access(cx: &Cx, id: HostId) -> Result<Option<Pinned>, EngineError> {
    let inner = cx.clone();
    cx.engine
        .db
        .read(move |db| {
            auth::see(db, &inner.actor, id.object())?;
            Ok(known::pinned(db, id)?)
        })
        .await
}

/// Adds a host and installs it.
///
/// # Errors
/// Refused, invalid, or the database failed; nobody has said yet that the machine's key is the right one.
pub async fn add(cx: &Cx, new: NewHost, access: SshAccess) -> Result<Created<HostId>, EngineError> {
    let mut wrong = check(&access);
    if new.address.trim().is_empty() {
        wrong.push(Invalid::new("address", Problem::Missing));
    }
    if wrong.is_empty() && access.fingerprint.is_empty() {
        let found = fingerprint(cx, new.cluster, &new.address, access.port).await?;
        wrong.push(Invalid::new("ssh.fingerprint", Problem::ConfirmKey { found }));
    }
    if !wrong.is_empty() {
        return Err(EngineError::Invalid(wrong));
    }
    let inner = cx.clone();
    let made = cx
        .engine
        .db
        .write(move |db| {
            let row = enrol::insert(&inner, db, &new, INSTALLED)?;
            let job = begin(&inner, db, (row.id, &row.name, &row.address), access)?;
            Ok::<_, EngineError>(Created { id: row.id, job })
        })
        .await?;
    jobs::kick(&cx.engine, made.job);
    Ok(made)
}

/// Installs a host again: the same machine, or another in its place.
///
/// # Errors
/// Refused by its state, invalid, hidden, or the database failed; its key is not known.
pub async fn reinstall(cx: &Cx, id: HostId, mut access: SshAccess) -> Result<Created<HostId>, EngineError> {
    let inner = cx.clone();
    let read = cx.engine.db.read(move |db| {
        auth::check(db, &inner.actor, Action::EditHostConfiguration, id.object())?;
        Ok::<_, EngineError>((admitted(db, id, HostAction::Reinstall)?, known::pinned(db, id)?))
    });
    let (row, pinned) = read.await?;
    let mut wrong = check(&access);
    if wrong.is_empty() && access.fingerprint.is_empty() {
        match pinned {
            Some(pinned) if pinned.port == access.port => access.fingerprint = pinned.fingerprint,
            _ => {
                let found = ssh::fingerprint(&row.address, access.port).await?;
                wrong.push(Invalid::new("ssh.fingerprint", Problem::ConfirmKey { found }));
            }
        }
    }
    if !wrong.is_empty() {
        return Err(EngineError::Invalid(wrong));
    }
    let inner = cx.clone();
    let job = cx
        .engine
        .db
        .write(move |db| {
            let row = admitted(db, id, HostAction::Reinstall)?;
            if !write::set_status(db, &row, HostStatus::Installing, INSTALLED)? {
                return Err(Conflict::ChangedMeanwhile.into());
            }
            inner.tell(db, EventCode::HostInstallAsked, about(id, &row.name), "")?;
            told(&inner.engine, id);
            begin(&inner, db, (id, &row.name, &row.address), access)
        })
        .await?;
    jobs::kick(&cx.engine, job);
    // The agent that there was is not called any more.
    super::connect_all(&cx.engine).await?;
    Ok(Created { id, job })
}

fn begin(
    cx: &Cx,
    db: &mut Db,
    (host, name, address): (HostId, &str, &str),
    access: SshAccess,
) -> Result<crate::model::ids::JobId, EngineError> {
    let pinned = Pinned { port: access.port, user: access.user, fingerprint: access.fingerprint };
    known::pin(db, host, &pinned)?;
    let password = match access.login {
        SshLogin::Password(plain) => Some(seal(&cx.engine, host, &plain)?),
        SshLogin::EngineKey => None,
    };
    let login = if password.is_some() { Login::Password } else { Login::EngineKey };
    let args = Args {
        host,
        address: address.to_owned(),
        login,
        password,
        install_missing: access.install_missing,
        engine: access.engine,
        started: None,
    };
    jobs::insert::<InstallHost>(db, &NewJob::asked(cx, name), &args, &[host.object()])
}

/// Everything that is wrong with how the machine is to be logged in to.
fn check(access: &SshAccess) -> Vec<Invalid> {
    let mut wrong = Vec::new();
    if access.port == 0 {
        wrong.push(Invalid::new("ssh.port", Problem::Range { min: 1, max: u16::MAX.into() }));
    }
    wrong.extend(valid::name("ssh.user", &access.user, MAX_USER).err());
    if let SshLogin::Password(password) = &access.login {
        if password.is_empty() {
            wrong.push(Invalid::new("root_password", Problem::Missing));
        } else if password.len() > MAX_PASSWORD {
            wrong.push(Invalid::new("root_password", Problem::TooLong { max: MAX_PASSWORD }));
        }
    }
    if !access.fingerprint.is_empty() && !is_fingerprint(&access.fingerprint) {
        let value = access.fingerprint.chars().take(64).collect();
        wrong.push(Invalid::new("ssh.fingerprint", Problem::NotAFingerprint { value }));
    }
    let odd = |c: char| !(c.is_ascii_alphanumeric() || ":/.-_[]".contains(c));
    if !access.engine.starts_with("https://") || access.engine.len() > 300 || access.engine.contains(odd) {
        wrong.push(Invalid::new("host", Problem::NotAHostAddress { value: access.engine.chars().take(64).collect() }));
    }
    wrong
}

fn purpose(host: HostId) -> String {
    format!("host {host} installation")
}

fn seal(engine: &Engine, host: HostId, plain: &str) -> Result<String, EngineError> {
    engine.vault.seal(&purpose(host), plain).map_err(|e| EngineError::Internal(e.to_string()))
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
enum Login {
    Password,
    EngineKey,
}

/// What the job knows.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(in crate::engine) struct Args {
    host: HostId,
    address: String,
    login: Login,
    /// Sealed by the engine's vault, whose key is not in the database: an installation of minutes survives the engine's end that way, and a
    /// copy of the database tells no password. It is dropped with the last step, whichever way the job ends.
    password: Option<String>,
    install_missing: bool,
    engine: String,
    /// When its agent was started.
    started: Option<Timestamp>,
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
        let unreadable = |e: std::io::Error| EngineError::Internal(format!("the engine's own program: {e}"));
        let own = tokio::task::spawn_blocking(|| std::fs::read(OWN_PROGRAM).map(|bytes| (digest(&bytes), bytes)));
        let (sum, bytes) = own.await.map_err(|e| EngineError::Internal(e.to_string()))?.map_err(unreadable)?;
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
        let (all, told) = (bytes.len() as u64, std::sync::atomic::AtomicU64::new(0));
        let fed = running.feed(bytes.as_slice(), |sent| {
            let percent = sent * 100 / all.max(1);
            let news = percent >= told.load(std::sync::atomic::Ordering::Relaxed) + 5;
            if news {
                told.store(percent, std::sync::atomic::Ordering::Relaxed);
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
        super::connect_all(self.engine).await?;
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
        match row.status {
            // Its agent is there; what else it lacks, its own page says.
            HostStatus::Up | HostStatus::NonOperational => {
                self.args.password = None;
                Ok(Next::Done)
            }
            _ if self.engine.clock.now() - started < COMES_UP => Ok(Next::Again(LOOK)),
            _ => {
                let seconds = COMES_UP.whole_seconds().unsigned_abs();
                Err(SshTrouble::NoAgent { address: row.address, port: row.port, seconds }.into())
            }
        }
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

fn digest(bytes: &[u8]) -> String {
    let sum = ring::digest::digest(&ring::digest::SHA256, bytes);
    sum.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
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
                super::connect_all(engine).await?;
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
        let Outcome::Failed(why) = outcome else { return Ok(()) };
        if !write::set_status(db, &row, HostStatus::InstallFailed, why)? {
            return Err(Conflict::ChangedMeanwhile.into());
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
