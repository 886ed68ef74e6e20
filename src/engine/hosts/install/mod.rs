//! Hosts are installed by SSH: how that is asked for. (The work is the job's.)

mod job;

pub(in crate::engine) use job::InstallHost;

use super::enrol::{self, about, admitted, told};
use crate::auth;
use crate::db::Db;
use crate::engine::jobs::{self, NewJob};
use crate::engine::{Created, Cx, Engine, EngineError};
use crate::hosts::ssh;
use crate::model::conflict::Conflict;
use crate::model::event::EventCode;
use crate::model::host::{HostAction, HostStatus, NewHost};
use crate::model::host_install::{MAX_PASSWORD, MAX_USER, SshAccess, SshLogin, is_fingerprint};
use crate::model::ids::{ClusterId, HostId, JobId};
use crate::model::role::Action;
use crate::model::valid::{self, Invalid, Problem};
use crate::store::hosts::ssh::{self as known, Pinned};
use crate::store::hosts::write;
use job::{Args, Login};

const INSTALLED: &str = "It is being installed.";

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
) -> Result<JobId, EngineError> {
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
