//! Machines become hosts: a host is added with an invitation, the machine comes with it and gets its certificate; certificates are renewed
//! long before they end.

use crate::auth::{self, hash};
use crate::db::Db;
use crate::engine::changes::Topic;
use crate::engine::data_centers::takes_host;
use crate::engine::{Cx, Engine, EngineError};
use crate::hosts::PkiError;
use crate::hosts::pki::{HostCertificate, RENEW_DAYS};
use crate::model::clock::{Timestamp, from_offset};
use crate::model::conflict::{Conflict, Holder};
use crate::model::event::{About, EventCode};
use crate::model::host::{HostAction, HostStatus, NewHost};
use crate::model::ids::{ClusterId, HostId};
use crate::model::job::JobKind;
use crate::model::join::{JoinRequest, JoinToken, Joined, MAX_ADDRESS, MAX_CSR};
use crate::model::permission::ObjectKind;
use crate::model::role::Action;
use crate::model::valid::{self, Invalid, Problem};
use crate::model::vm::{MAX_DESCRIPTION, MAX_NAME};
use crate::store::catalog;
use crate::store::hosts::enrol::{self as store, HostConfig, Invitation};
use crate::store::hosts::write::{self, HostRow};
use crate::store::jobs;
use crate::store::scope::Scope;
use crate::wire::{AGENT_PORT, CertificateRequest, SetCertificate};
use std::net::IpAddr;
use std::sync::Arc;
use time::Duration;

/// An invitation is good for so long.
const VALID: Duration = Duration::hours(24);
const WAITS: &str = "It waits for the join command to run on the machine.";

/// What the machine is to be told, once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invited {
    pub host: HostId,
    pub token: JoinToken,
    pub expires: Timestamp,
}

/// Adds a host; it is one when the machine has joined with what is returned.
///
/// # Errors
/// Refused, invalid, or the database failed.
pub async fn add(cx: &Cx, new: NewHost) -> Result<Invited, EngineError> {
    let authority = cx.engine.pki.authority().map_err(|e| pki(&e))?;
    let inner = cx.clone();
    cx.engine
        .db
        .write(move |db| {
            let row = insert(&inner, db, &new, WAITS)?;
            invited(&inner.engine, db, row.id, authority)
        })
        .await
}

/// Keeps a new host that is to be installed, and why it is not up yet.
///
/// # Errors
/// Refused, invalid, or the database failed.
pub(super) fn insert(cx: &Cx, db: &mut Db, new: &NewHost, reason: &str) -> Result<HostRow, EngineError> {
    let cluster = cluster(cx, db, new.cluster)?;
    takes_host(db, cluster)?;
    let (name, comment, address) = checked(db, new)?;
    let id = HostId::random();
    let host = HostConfig {
        id,
        cluster,
        name: &name,
        comment: &comment,
        address: &address,
        port: AGENT_PORT,
        status: HostStatus::Installing,
        reason,
    };
    store::insert(db, &host)?;
    cx.tell(db, EventCode::HostAdded, about(id, &name), "")?;
    told(&cx.engine, id);
    write::row(db, id)?.ok_or_else(|| EngineError::NotFound { kind: "host", id: id.to_string() })
}

/// Invites a machine to be this host (again): the certificate it had is worth nothing from now on.
///
/// # Errors
/// Refused by its state, hidden, or the database failed.
pub async fn invite(cx: &Cx, id: HostId) -> Result<Invited, EngineError> {
    let authority = cx.engine.pki.authority().map_err(|e| pki(&e))?;
    let inner = cx.clone();
    cx.engine
        .db
        .write(move |db| {
            auth::check(db, &inner.actor, Action::EditHostConfiguration, id.object())?;
            let row = admitted(db, id, HostAction::Reinstall)?;
            if !write::set_status(db, &row, HostStatus::Installing, WAITS)? {
                return Err(Conflict::ChangedMeanwhile.into());
            }
            store::set_line(db, id, &row.address, row.port, "")?;
            invited(&inner.engine, db, id, authority)
        })
        .await
}

/// A machine may come as this host from now on, and an earlier invitation is void.
pub(super) fn invited(
    engine: &Arc<Engine>,
    db: &mut Db,
    host: HostId,
    authority: String,
) -> Result<Invited, EngineError> {
    let secret = hash::fresh_secret();
    let expires = engine.clock.now() + VALID;
    let secret_hash = hash::of_secret(&secret);
    store::invite(db, &Invitation { host, secret_hash, expires, fingerprint: String::new() })?;
    told(engine, host);
    Ok(Invited { host, token: JoinToken { secret, authority }, expires })
}

/// The host if its state allows the action.
///
/// # Errors
/// Missing, refused, or the database failed.
pub(in crate::engine) fn admitted(db: &mut Db, id: HostId, action: HostAction) -> Result<HostRow, EngineError> {
    let row = write::row(db, id)?.ok_or_else(|| EngineError::NotFound { kind: "host", id: id.to_string() })?;
    if row.status.allows(action) {
        // Who is being emptied may be called back; who is being installed or upgraded stays until that has ended; who is being removed
        // comes back in no way.
        let rests = row.status == HostStatus::Maintenance;
        let holder = jobs::holder(db, &[id.object()])?.filter(|(_, kind, _)| match (action, kind) {
            (HostAction::Reinstall | HostAction::Remove, _) | (_, JobKind::RemoveHost) => true,
            (HostAction::Activate, JobKind::UpgradeHost) => rests,
            _ => false,
        });
        return match holder {
            None => Ok(row),
            Some((_, kind, subject)) => {
                Err(Conflict::HostBusy { host: row.name, job: Holder::Job { kind, subject } }.into())
            }
        };
    }
    Err(Conflict::HostStatus { host: row.name, status: row.status, action }.into())
}

pub(super) fn cluster(cx: &Cx, db: &mut Db, wanted: Option<ClusterId>) -> Result<ClusterId, EngineError> {
    let all = catalog::clusters(db, &Scope::All)?;
    let found = match wanted {
        Some(id) => all.iter().find(|c| c.id == id),
        None => all.iter().find(|c| c.name == "Default").or(all.first()),
    };
    let unknown = || {
        let value = wanted.map(|id| id.to_string()).unwrap_or_default();
        EngineError::from(Invalid::new("cluster", Problem::NoSuch { value }))
    };
    let id = found.ok_or_else(unknown)?.id;
    auth::check(db, &cx.actor, Action::CreateHost, id.object())?;
    Ok(id)
}

fn checked(db: &mut Db, new: &NewHost) -> Result<(String, String, String), EngineError> {
    let mut wrong = Vec::new();
    let mut keep = |read: Result<String, Invalid>| read.map_err(|w| wrong.push(w)).unwrap_or_default();
    let name = keep(valid::name("name", &new.name, MAX_NAME));
    let comment = keep(valid::text("comment", &new.comment, MAX_DESCRIPTION));
    let address = keep(address(&new.address));
    if wrong.is_empty() && store::is_taken(db, &name, None)? {
        wrong.push(Invalid::new("name", Problem::Taken { name: name.clone() }));
    }
    if wrong.is_empty() { Ok((name, comment, address)) } else { Err(EngineError::Invalid(wrong)) }
}

/// A host's name (RFC 1123) or IP address; empty: where it comes from.
pub(super) fn address(text: &str) -> Result<String, Invalid> {
    let text = text.trim();
    if text.is_empty() || text.parse::<IpAddr>().is_ok() {
        return Ok(text.to_owned());
    }
    let good =
        |label: &str| (1..64).contains(&label.len()) && label.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
    if text.len() <= MAX_ADDRESS && text.split('.').all(good) {
        return Ok(text.to_owned());
    }
    let value = text.chars().take(64).collect();
    Err(Invalid::new("address", Problem::NotAHostAddress { value }))
}

/// A machine comes with an invitation. The same machine may come again with the same: its answer was lost, perhaps.
///
/// # Errors
/// The invitation is not good (any more), the request is wrong, or the database failed.
pub async fn join(engine: &Arc<Engine>, request: JoinRequest, from: Option<IpAddr>) -> Result<Joined, EngineError> {
    if request.csr.len() > MAX_CSR {
        return Err(Invalid::new("csr", Problem::TooLong { max: MAX_CSR }).into());
    }
    valid::range("port", request.port.into(), 1, u16::MAX.into())?;
    let inner = engine.clone();
    let joined = engine
        .db
        .write(move |db| {
            let refused = || EngineError::from(Conflict::NotInvited);
            let found = store::invitation(db, &hash::of_secret(&request.secret))?.ok_or_else(refused)?;
            let row = write::row(db, found.host)?.ok_or_else(refused)?;
            if found.expires <= inner.clock.now() || !may_join(row.status, &found) {
                return Err(refused());
            }
            let named = address(request.address.as_deref().unwrap_or(&row.address))?;
            let seen = || from.map(|ip| ip.to_canonical().to_string()).unwrap_or_default();
            let place = if named.is_empty() { seen() } else { named };
            let mut names = vec![place.clone()];
            names.extend(address(&request.hostname).ok().filter(|name| !name.is_empty() && *name != place));
            let signed = inner.pki.sign_host(&request.csr, &row.name, &names).map_err(|e| unreadable(&e))?;
            if !found.fingerprint.is_empty() && found.fingerprint != signed.fingerprint {
                return Err(refused());
            }
            joined(&inner, db, &row, &signed, (&place, request.port))?;
            let ca = inner.pki.ca_pem().map_err(|e| pki(&e))?;
            Ok(Joined { name: row.name, address: place, certificate: signed.pem, ca })
        })
        .await?;
    engine.reconcilers.wake("hosts");
    Ok(joined)
}

/// It waits for it, or has just come and comes again.
fn may_join(status: HostStatus, invitation: &Invitation) -> bool {
    status == HostStatus::Installing || !invitation.fingerprint.is_empty()
}

fn joined(
    engine: &Arc<Engine>,
    db: &mut Db,
    row: &HostRow,
    signed: &HostCertificate,
    (address, port): (&str, u16),
) -> Result<(), EngineError> {
    store::use_up(db, row.id, &signed.fingerprint)?;
    store::set_line(db, row.id, address, port, &signed.fingerprint)?;
    store::set_certificate_end(db, row.id, from_offset(signed.ends))?;
    if row.status == HostStatus::Installing {
        // Who is being installed is called when that has ended.
        let installing = jobs::holder(db, &[row.id.object()])?.is_some();
        let next = if installing { HostStatus::Installing } else { HostStatus::Initializing };
        if !write::set_status(db, row, next, if installing { &row.reason } else { "" })? {
            return Err(Conflict::ChangedMeanwhile.into());
        }
        engine.tell(db, EventCode::HostInstalled, about(row.id, &row.name), "")?;
    }
    told(engine, row.id);
    Ok(())
}

/// Renews certificates long before they end: the key stays, so nobody has to be told of another one.
///
/// # Errors
/// The database failed.
pub(in crate::engine) async fn renew_certificates(engine: &Arc<Engine>) -> Result<(), EngineError> {
    let by = engine.clock.now() + Duration::days(RENEW_DAYS);
    for id in engine.db.read(move |db| Ok::<_, EngineError>(store::due(db, by)?)).await? {
        if let Err(error) = renew(engine, id).await {
            tracing::warn!(host = %id, %error, "its certificate could not be renewed");
        }
    }
    Ok(())
}

async fn renew(engine: &Arc<Engine>, id: HostId) -> Result<(), EngineError> {
    let row = engine.db.read(move |db| Ok::<_, EngineError>(write::row(db, id)?)).await?;
    let Some(row) = row else { return Ok(()) };
    let request = engine.call(id, &CertificateRequest {}).await?;
    let signed = engine.pki.sign_host(&request.csr, &row.name, &[row.address]).map_err(|e| unreadable(&e))?;
    if signed.fingerprint != row.fingerprint {
        return Err(EngineError::Internal(format!("host {} asked for a certificate of another key", row.name)));
    }
    engine.call(id, &SetCertificate { certificate: signed.pem }).await?;
    let inner = engine.clone();
    engine
        .db
        .write(move |db| {
            store::set_certificate_end(db, id, from_offset(signed.ends))?;
            inner.tell(db, EventCode::HostCertified, about(id, &row.name), "")
        })
        .await
}

pub(super) fn about(id: HostId, name: &str) -> About {
    About { host: Some((id, name.to_owned())), ..About::default() }
}

pub(super) fn told(engine: &Arc<Engine>, id: HostId) {
    engine.changed(Topic::Object(ObjectKind::Host), Some(id.0));
}

pub(super) fn pki(error: &PkiError) -> EngineError {
    EngineError::Internal(error.to_string())
}

fn unreadable(error: &PkiError) -> EngineError {
    let because = error.to_string();
    Invalid::new("csr", Problem::Other { because }).into()
}
