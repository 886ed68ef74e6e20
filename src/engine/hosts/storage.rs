//! The state and free space of the storage domains that lie on a host.

use crate::engine::changes::Topic;
use crate::engine::{Engine, EngineError};
use crate::model::event::{About, EventCode};
use crate::model::ids::HostId;
use crate::model::permission::ObjectKind;
use crate::model::storage_domain::StorageDomainStatus;
use crate::store::hosts::write::{self as store, DomainRow};
use crate::wire::{DomainInfo, DomainPath, DomainSpace};
use std::sync::Arc;

/// A change of free space below this share is not worth a write.
const NOTICEABLE: i64 = 200;

/// Asks for every domain that lies on the host. A host that is away says nothing of its storage.
///
/// # Errors
/// The database failed.
pub(in crate::engine) async fn refresh(engine: &Arc<Engine>, host: HostId) -> Result<(), EngineError> {
    let domains = engine.db.read(move |db| Ok::<_, EngineError>(store::domains_of(db, host)?)).await?;
    for domain in domains {
        let path = DomainPath { id: domain.id, path: domain.path.clone() };
        match engine.call(host, &DomainInfo { domain: path }).await {
            Ok(space) => keep(engine, domain, Ok(space)).await?,
            Err(EngineError::Unavailable(_)) => {}
            Err(error) => keep(engine, domain, Err(error.to_string())).await?,
        }
    }
    Ok(())
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
