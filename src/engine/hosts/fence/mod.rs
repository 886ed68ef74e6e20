//! Power management: which agents power a host, and who asks them. A host that does not respond is fenced – powered off, and on again – when
//! nothing of it writes to the storage any more; only then are its VMs started elsewhere.

mod job;
mod silent;

pub(in crate::engine) use job::FenceHost;
pub(in crate::engine) use silent::fence_silent;

use super::enrol::about;
use crate::auth;
use crate::db::Db;
use crate::engine::changes::Topic;
use crate::engine::jobs::{self, NewJob};
use crate::engine::{Cx, Engine, EngineError};
use crate::model::conflict::Conflict;
use crate::model::event::EventCode;
use crate::model::fence::{FenceAgent, FenceType, MAX_AGENTS, NewFenceAgent, PowerAction};
use crate::model::host::HostStatus;
use crate::model::ids::{FenceAgentId, HostId, JobId};
use crate::model::permission::ObjectKind;
use crate::model::role::Action;
use crate::model::valid::{Invalid, Problem};
use crate::store::hosts::fence::{self as store, Armed};
use crate::store::hosts::write::{self, HostRow};
use crate::wire::fence::FencePower;
use job::Args;
use std::sync::Arc;

/// The host's agents, without their passwords.
///
/// # Errors
/// Hidden, or the database failed.
pub async fn agents(cx: &Cx, host: HostId) -> Result<Vec<FenceAgent>, EngineError> {
    let inner = cx.clone();
    cx.engine
        .db
        .read(move |db| {
            auth::see(db, &inner.actor, host.object())?;
            Ok(store::of(db, host)?.into_iter().map(|armed| armed.agent).collect())
        })
        .await
}

fn purpose(host: HostId) -> String {
    format!("fence agent of host {host}")
}

/// Adds one.
///
/// # Errors
/// Refused, invalid, hidden, or the database failed.
pub async fn add_agent(cx: &Cx, host: HostId, new: NewFenceAgent) -> Result<FenceAgentId, EngineError> {
    let inner = cx.clone();
    cx.engine
        .db
        .write(move |db| {
            auth::check(db, &inner.actor, Action::EditHostConfiguration, host.object())?;
            let (new, options) = new.check().map_err(EngineError::Invalid)?;
            let sealed = inner.engine.vault.seal(&purpose(host), &new.password);
            let sealed = sealed.map_err(|e| EngineError::Internal(e.to_string()))?;
            let row = found(db, host)?;
            let known = store::of(db, host)?;
            if known.len() >= MAX_AGENTS {
                let max = MAX_AGENTS as u64;
                return Err(Invalid::new("agents", Problem::Range { min: 0, max }).into());
            }
            let place = new.order.unwrap_or_else(|| known.last().map_or(1, |last| last.agent.place + 1));
            let (kind, address, user) = (new.kind, new.address.trim().to_owned(), new.user);
            let agent = FenceAgent { id: FenceAgentId::random(), host, place, kind, address, user, options };
            store::insert(db, &Armed { agent: agent.clone(), sealed })?;
            told(&inner.engine, host);
            inner.tell(db, EventCode::HostEdited, about(host, &row.name), "")?;
            Ok(agent.id)
        })
        .await
}

/// Removes one.
///
/// # Errors
/// Refused, hidden, or the database failed.
pub async fn remove_agent(cx: &Cx, host: HostId, id: FenceAgentId) -> Result<(), EngineError> {
    let inner = cx.clone();
    cx.engine
        .db
        .write(move |db| {
            auth::check(db, &inner.actor, Action::EditHostConfiguration, host.object())?;
            let row = found(db, host)?;
            if !store::remove(db, host, id)? {
                return Err(EngineError::NotFound { kind: "fence agent", id: id.to_string() });
            }
            told(&inner.engine, host);
            inner.tell(db, EventCode::HostEdited, about(host, &row.name), "")
        })
        .await
}

/// What each agent of the host says of its power: its kind, and on or off, or why it does not say.
///
/// # Errors
/// Refused, no other host is up to ask them, hidden, or the database failed.
pub async fn status(cx: &Cx, host: HostId) -> Result<Vec<(String, Result<bool, EngineError>)>, EngineError> {
    let inner = cx.clone();
    let (armed, proxy) = cx
        .engine
        .db
        .read(move |db| {
            auth::check(db, &inner.actor, Action::ManipulateHost, host.object())?;
            Ok::<_, EngineError>((store::of(db, host)?, proxy(db, host)?))
        })
        .await?;
    let mut said = Vec::new();
    for one in armed {
        let asked = ask(&cx.engine, proxy, &one, PowerAction::Status).await;
        said.push((one.agent.kind, asked));
    }
    Ok(said)
}

/// Powers a host on, off, or off and on. What ran there is down when it is off.
///
/// # Errors
/// Refused by its state, nothing powers it, hidden, or the database failed.
pub async fn power(cx: &Cx, host: HostId, wanted: FenceType) -> Result<JobId, EngineError> {
    let inner = cx.clone();
    let job = cx
        .engine
        .db
        .write(move |db| {
            auth::check(db, &inner.actor, Action::ManipulateHost, host.object())?;
            let row = found(db, host)?;
            if !allowed(row.status, wanted) {
                return Err(Conflict::PowerStatus { host: row.name, status: row.status }.into());
            }
            begin(db, &row, wanted, &NewJob::asked(&inner, &row.name))
        })
        .await?;
    jobs::kick(&cx.engine, job);
    Ok(job)
}

/// Only a host on which nothing can be lost, or of which nobody knows.
pub const fn allowed(status: HostStatus, wanted: FenceType) -> bool {
    match wanted {
        FenceType::Start | FenceType::Stop | FenceType::Restart => {
            status.is_off() || matches!(status, HostStatus::Maintenance | HostStatus::NonResponsive)
        }
    }
}

fn begin(db: &mut Db, row: &HostRow, wanted: FenceType, new: &NewJob) -> Result<JobId, EngineError> {
    if store::of(db, row.id)?.is_empty() {
        return Err(Conflict::NoFenceAgent { host: row.name.clone() }.into());
    }
    jobs::insert::<FenceHost>(db, new, &Args::new(row, wanted), &[row.id.object()])
}

/// Gives a host power, by the first of its agents that can.
///
/// # Errors
/// It has none, no other host is up to ask them, none of them can, or the database failed.
pub(in crate::engine) async fn power_on(engine: &Arc<Engine>, host: HostId) -> Result<(), EngineError> {
    let (row, by, armed) = engine
        .db
        .read(move |db| Ok::<_, EngineError>((found(db, host)?, proxy(db, host)?, store::of(db, host)?)))
        .await?;
    let mut failed = Conflict::NoFenceAgent { host: row.name }.into();
    for one in &armed {
        match ask(engine, by, one, PowerAction::On).await {
            Ok(true) => return Ok(()),
            Ok(false) => {}
            Err(error) => failed = error,
        }
    }
    Err(failed)
}

/// Another host that is up, of the same cluster if there is one, else of the same data center (oVirt's order).
///
/// # Errors
/// There is none, or the database failed.
pub(in crate::engine) fn proxy(db: &mut Db, host: HostId) -> Result<HostId, EngineError> {
    let row = found(db, host)?;
    let center = crate::store::storage_domains::data_center_of(db, row.cluster)?;
    let all = match center {
        Some(center) => write::in_data_center(db, center)?,
        None => Vec::new(),
    };
    let mut up: Vec<HostRow> = all.into_iter().filter(|h| h.id != host && h.status == HostStatus::Up).collect();
    up.sort_by_key(|h| h.cluster != row.cluster);
    up.first().map(|h| h.id).ok_or_else(|| Conflict::NoProxy { host: row.name }.into())
}

/// Has another host ask an agent.
async fn ask(engine: &Arc<Engine>, proxy: HostId, armed: &Armed, action: PowerAction) -> Result<bool, EngineError> {
    let agent = &armed.agent;
    let password = engine.vault.open(&purpose(agent.host), &armed.sealed);
    let request = FencePower {
        kind: agent.kind.clone(),
        address: agent.address.clone(),
        user: agent.user.clone(),
        password: password.map_err(|e| EngineError::Internal(e.to_string()))?,
        options: agent.options.clone(),
        action,
    };
    Ok(engine.call(proxy, &request).await?.on)
}

fn found(db: &mut Db, id: HostId) -> Result<HostRow, EngineError> {
    write::row(db, id)?.ok_or_else(|| EngineError::NotFound { kind: "host", id: id.to_string() })
}

fn told(engine: &Arc<Engine>, id: HostId) {
    engine.changed(Topic::Object(ObjectKind::Host), Some(id.0));
}
