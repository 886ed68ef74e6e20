//! What the engine learns of hosts and of the storage domains on them.

use crate::db::Db;
use crate::db::schema::{host, storage_domain};
use crate::model::clock::Timestamp;
use crate::model::host::{HostFacts, HostStatus};
use crate::model::ids::{ClusterId, HostId, StorageDomainId};
use crate::model::storage_domain::StorageDomainStatus;
use diesel::prelude::*;

/// A host as the engine calls it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostRow {
    pub id: HostId,
    pub cluster: ClusterId,
    pub name: String,
    pub address: String,
    pub port: u16,
    pub status: HostStatus,
    pub reason: String,
    pub generation: i64,
}

type Row = (HostId, ClusterId, String, String, i32, HostStatus, String, i64);

fn to_row((id, cluster, name, address, port, status, reason, generation): Row) -> HostRow {
    let port = u16::try_from(port).unwrap_or_default();
    HostRow { id, cluster, name, address, port, status, reason, generation }
}

macro_rules! columns {
    () => {
        (
            host::id,
            host::cluster_id,
            host::name,
            host::address,
            host::port,
            host::status,
            host::status_reason,
            host::generation,
        )
    };
}

/// All hosts.
pub fn all(db: &mut Db) -> QueryResult<Vec<HostRow>> {
    let rows: Vec<Row> = host::table.order(host::name).select(columns!()).load(db)?;
    Ok(rows.into_iter().map(to_row).collect())
}

/// One host.
pub fn row(db: &mut Db, id: HostId) -> QueryResult<Option<HostRow>> {
    let found: Option<Row> = host::table.find(id).select(columns!()).first(db).optional()?;
    Ok(found.map(to_row))
}

/// Moves a host to another state if nobody changed it since it was read; false: somebody did.
pub fn set_status(db: &mut Db, host: &HostRow, status: HostStatus, reason: &str) -> QueryResult<bool> {
    let as_read = host::table.filter(host::id.eq(host.id)).filter(host::generation.eq(host.generation));
    let set = (host::status.eq(status), host::status_reason.eq(reason), host::generation.eq(host.generation + 1));
    Ok(diesel::update(as_read).set(set).execute(db)? == 1)
}

/// Keeps what the host told of itself.
pub fn set_facts(db: &mut Db, id: HostId, facts: &HostFacts, seen: Timestamp) -> QueryResult<()> {
    let facts = serde_json::to_string(facts).unwrap_or_else(|_| "{}".to_owned());
    diesel::update(host::table.find(id)).set((host::facts.eq(facts), host::last_seen.eq(seen))).execute(db).map(drop)
}

/// When the host was heard last; kept when it falls silent.
pub fn set_last_seen(db: &mut Db, id: HostId, seen: Timestamp) -> QueryResult<()> {
    diesel::update(host::table.find(id)).set(host::last_seen.eq(seen)).execute(db).map(drop)
}

/// A storage domain as the engine watches it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DomainRow {
    pub id: StorageDomainId,
    pub name: String,
    pub path: String,
    pub status: StorageDomainStatus,
    pub total_bytes: i64,
    pub available_bytes: i64,
}

/// The active and inactive domains this host alone has.
pub fn domains_of(db: &mut Db, id: HostId) -> QueryResult<Vec<DomainRow>> {
    let rows: Vec<(StorageDomainId, String, String, StorageDomainStatus, i64, i64)> = storage_domain::table
        .filter(storage_domain::host_id.eq(id))
        .filter(storage_domain::status.eq_any([StorageDomainStatus::Active, StorageDomainStatus::Inactive]))
        .order(storage_domain::name)
        .select((
            storage_domain::id,
            storage_domain::name,
            storage_domain::path,
            storage_domain::status,
            storage_domain::total_bytes,
            storage_domain::available_bytes,
        ))
        .load(db)?;
    Ok(rows
        .into_iter()
        .map(|(id, name, path, status, total_bytes, available_bytes)| DomainRow {
            id,
            name,
            path,
            status,
            total_bytes,
            available_bytes,
        })
        .collect())
}

/// Moves a domain from the state that was read to another; false: it is in another state by now.
pub fn set_domain_status(db: &mut Db, domain: &DomainRow, status: StorageDomainStatus) -> QueryResult<bool> {
    let as_read =
        storage_domain::table.filter(storage_domain::id.eq(domain.id)).filter(storage_domain::status.eq(domain.status));
    let set = (storage_domain::status.eq(status), storage_domain::generation.eq(storage_domain::generation + 1));
    Ok(diesel::update(as_read).set(set).execute(db)? == 1)
}

/// How full a domain is.
pub fn set_domain_space(db: &mut Db, id: StorageDomainId, total: i64, available: i64) -> QueryResult<()> {
    diesel::update(storage_domain::table.find(id))
        .set((storage_domain::total_bytes.eq(total), storage_domain::available_bytes.eq(available)))
        .execute(db)
        .map(drop)
}
