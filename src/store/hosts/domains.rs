//! The storage domains on hosts.

use crate::db::schema::{cluster, host, storage_domain};
use crate::db::{Db, MultiBackend};
use crate::model::host::HostStatus;
use crate::model::ids::{DataCenterId, HostId, StorageDomainId};
use crate::model::storage_domain::StorageDomainStatus;
use diesel::prelude::*;

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

/// Which active and inactive domains.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Of {
    /// This host alone has them.
    Host(HostId),
    /// All hosts of this host's data center have them.
    AllHostsWith(HostId),
}

type Row = (StorageDomainId, String, String, StorageDomainStatus, i64, i64);

fn to_row((id, name, path, status, total_bytes, available_bytes): Row) -> DomainRow {
    DomainRow { id, name, path, status, total_bytes, available_bytes }
}

macro_rules! columns {
    () => {
        (
            storage_domain::id,
            storage_domain::name,
            storage_domain::path,
            storage_domain::status,
            storage_domain::total_bytes,
            storage_domain::available_bytes,
        )
    };
}

const WATCHED: [StorageDomainStatus; 2] = [StorageDomainStatus::Active, StorageDomainStatus::Inactive];

/// The domains asked for.
pub fn find(db: &mut Db, of: Of) -> QueryResult<Vec<DomainRow>> {
    let mut query = storage_domain::table
        .filter(storage_domain::status.eq_any(WATCHED))
        .order(storage_domain::name)
        .select(columns!())
        .into_boxed::<MultiBackend>();
    query = match of {
        Of::Host(id) => query.filter(storage_domain::host_id.eq(id)),
        Of::AllHostsWith(id) => {
            let center: Option<DataCenterId> = host::table
                .inner_join(cluster::table)
                .filter(host::id.eq(id))
                .select(cluster::data_center_id)
                .first(db)
                .optional()?;
            query.filter(storage_domain::host_id.is_null()).filter(storage_domain::data_center_id.eq(center))
        }
    };
    let rows: Vec<Row> = query.load(db)?;
    Ok(rows.into_iter().map(to_row).collect())
}

/// The domains that all hosts of a data center share.
pub fn shared_in(db: &mut Db, center: Option<DataCenterId>) -> QueryResult<Vec<StorageDomainId>> {
    storage_domain::table
        .filter(storage_domain::host_id.is_null())
        .filter(storage_domain::data_center_id.eq(center))
        .select(storage_domain::id)
        .load(db)
}

/// Each shared domain with each host that is up and should see it.
pub fn shared_on_up_hosts(db: &mut Db) -> QueryResult<Vec<(DomainRow, HostId)>> {
    let hosts: Vec<(HostId, DataCenterId)> = host::table
        .inner_join(cluster::table)
        .filter(host::status.eq(HostStatus::Up))
        .select((host::id, cluster::data_center_id))
        .load(db)?;
    let shared: Vec<(Row, Option<DataCenterId>)> = storage_domain::table
        .filter(storage_domain::status.eq_any(WATCHED))
        .filter(storage_domain::host_id.is_null())
        .select((columns!(), storage_domain::data_center_id))
        .load(db)?;
    let mut pairs = Vec::new();
    for (row, center) in shared {
        let domain = to_row(row);
        pairs.extend(hosts.iter().filter(|(_, at)| Some(*at) == center).map(|(host, _)| (domain.clone(), *host)));
    }
    Ok(pairs)
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
