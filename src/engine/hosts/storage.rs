//! The state and free space of the storage domains: of those that lie on one host, and of those that all hosts of a data center share.

use crate::engine::changes::Topic;
use crate::engine::{Engine, EngineError};
use crate::model::event::{About, EventCode};
use crate::model::ids::HostId;
use crate::model::permission::ObjectKind;
use crate::model::storage_domain::StorageDomainStatus;
use crate::store::hosts::domains::{self as store, DomainRow, Of};
use crate::wire::{DomainInfo, DomainPath, DomainSpace};
use futures_util::stream::{self, StreamExt as _};
use std::collections::HashMap;
use std::sync::Arc;

/// One host that hangs holds up few others.
const AT_ONCE: usize = 32;
/// A change of free space below this share is not worth a write.
const NOTICEABLE: i64 = 200;

/// Asks for every domain that lies on the host. A host that is away says nothing of its storage.
///
/// # Errors
/// The database failed.
pub(in crate::engine) async fn refresh(engine: &Arc<Engine>, host: HostId) -> Result<(), EngineError> {
    let domains = engine.db.read(move |db| Ok::<_, EngineError>(store::find(db, Of::Host(host))?)).await?;
    for domain in domains {
        match ask(engine, host, &domain).await {
            Ok(space) => keep(engine, domain, Ok(space)).await?,
            Err(EngineError::Unavailable(_)) => {}
            Err(error) => keep(engine, domain, Err(error.to_string())).await?,
        }
    }
    Ok(())
}

/// The shared domain that this host does not see, and what it says.
///
/// # Errors
/// The host cannot be asked, or the database failed.
pub(super) async fn missing(engine: &Arc<Engine>, host: HostId) -> Result<Option<(String, String)>, EngineError> {
    let domains = engine.db.read(move |db| Ok::<_, EngineError>(store::find(db, Of::AllHostsWith(host))?)).await?;
    for domain in domains.into_iter().filter(|domain| domain.status == StorageDomainStatus::Active) {
        match ask(engine, host, &domain).await {
            Ok(_) => {}
            Err(error @ EngineError::Unavailable(_)) => return Err(error),
            Err(error) => return Ok(Some((domain.name, error.to_string()))),
        }
    }
    Ok(None)
}

/// What a host says of a domain: its space, or who does not see it and why.
type Said = Result<DomainSpace, (HostId, String)>;

/// Asks all hosts that are up for the shared domains of their data centers. One that none of them sees is inactive; a host that alone
/// does not see one cannot run VMs.
///
/// # Errors
/// The database failed.
pub(in crate::engine) async fn refresh_shared(engine: &Arc<Engine>) -> Result<(), EngineError> {
    let pairs = engine.db.read(|db| Ok::<_, EngineError>(store::shared_on_up_hosts(db)?)).await?;
    let mut seen: HashMap<_, (DomainRow, Vec<Said>)> = HashMap::new();
    let asked = pairs.into_iter().map(|(domain, host)| async move {
        let said = match ask(engine, host, &domain).await {
            Ok(space) => Ok(space),
            Err(EngineError::Unavailable(_)) => return None,
            Err(error) => Err((host, error.to_string())),
        };
        Some((domain, said))
    });
    let mut answers = stream::iter(asked).buffer_unordered(AT_ONCE);
    while let Some(answer) = answers.next().await {
        let Some((domain, said)) = answer else { continue };
        seen.entry(domain.id).or_insert_with(|| (domain, Vec::new())).1.push(said);
    }
    for (domain, said) in seen.into_values() {
        let name = domain.name.clone();
        let failed: Vec<(HostId, String)> = said.iter().filter_map(|one| one.clone().err()).collect();
        match (said.into_iter().find_map(Result::ok), failed.first()) {
            (Some(space), _) => {
                keep(engine, domain, Ok(space)).await?;
                for (host, why) in failed {
                    super::connect::cannot_see(engine, host, &name, &why).await?;
                }
            }
            (None, Some((_, why))) => keep(engine, domain, Err(why.clone())).await?,
            (None, None) => {}
        }
    }
    Ok(())
}

async fn ask(engine: &Arc<Engine>, host: HostId, domain: &DomainRow) -> Result<DomainSpace, EngineError> {
    let path = DomainPath { id: domain.id, path: domain.path.clone() };
    engine.call(host, &DomainInfo { domain: path }).await
}

async fn keep(engine: &Arc<Engine>, domain: DomainRow, found: Result<DomainSpace, String>) -> Result<(), EngineError> {
    let status = if found.is_ok() { StorageDomainStatus::Active } else { StorageDomainStatus::Inactive };
    let space = found.as_ref().ok().map(|s| (signed(s.total_bytes), signed(s.available_bytes)));
    let moved = space.filter(|(total, available)| {
        *total != domain.total_bytes || (available - domain.available_bytes).abs() > total / NOTICEABLE
    });
    if status == domain.status && moved.is_none() {
        return Ok(());
    }
    let inner = engine.clone();
    engine
        .db
        .write(move |db| {
            if let Some((total, available)) = moved {
                store::set_domain_space(db, domain.id, total, available)?;
            }
            if status != domain.status && store::set_domain_status(db, &domain, status)? {
                let about = About { storage_domain: Some((domain.id, domain.name.clone())), ..About::default() };
                match &found {
                    Ok(_) => inner.tell(db, EventCode::StorageDomainActive, about, "")?,
                    Err(why) => inner.tell(db, EventCode::StorageDomainInactive, about, why)?,
                }
            }
            inner.changed(Topic::Object(ObjectKind::StorageDomain), Some(domain.id.0));
            Ok(())
        })
        .await
}

fn signed(bytes: u64) -> i64 {
    i64::try_from(bytes).unwrap_or(i64::MAX)
}
