//! What the engine learns of hosts.

use crate::db::Db;
use crate::db::schema::{cluster, host};
use crate::model::clock::Timestamp;
use crate::model::host::{HostFacts, HostStatus};
use crate::model::ids::{ClusterId, DataCenterId, HostId};
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
    pub fingerprint: String,
}

type Row = (HostId, ClusterId, String, String, i32, HostStatus, String, i64, String);

fn to_row((id, cluster, name, address, port, status, reason, generation, fingerprint): Row) -> HostRow {
    let port = u16::try_from(port).unwrap_or_default();
    HostRow { id, cluster, name, address, port, status, reason, generation, fingerprint }
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
            host::fingerprint,
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

/// The hosts of a data center.
pub fn in_data_center(db: &mut Db, id: DataCenterId) -> QueryResult<Vec<HostRow>> {
    let rows: Vec<Row> = host::table
        .inner_join(cluster::table)
        .filter(cluster::data_center_id.eq(id))
        .order(host::name)
        .select(columns!())
        .load(db)?;
    Ok(rows.into_iter().map(to_row).collect())
}
