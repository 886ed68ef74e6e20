//! Storage domains: where new disks go.

use crate::db::Db;
use crate::db::schema::{cluster, host, storage_domain};
use crate::model::host::HostStatus;
use crate::model::ids::{ClusterId, DataCenterId, HostId, StorageDomainId};
use crate::model::storage_domain::{StorageDomainKind, StorageDomainStatus, StorageType};
use crate::store::ancestors;
use crate::store::catalog::unsigned;
use diesel::prelude::*;

/// A domain as a place for disks.
#[derive(Debug, Clone)]
pub struct Place {
    pub id: StorageDomainId,
    pub name: String,
    pub path: String,
    pub kind: StorageDomainKind,
    pub status: StorageDomainStatus,
    pub data_center: Option<DataCenterId>,
    /// The only host that has it; none: any host of the data center.
    pub host: Option<HostId>,
    pub available_bytes: u64,
}

/// All domains as places.
pub fn places(db: &mut Db) -> QueryResult<Vec<Place>> {
    use storage_domain as d;
    type Row = (
        (StorageDomainId, String, String, i64),
        (StorageDomainKind, StorageDomainStatus, Option<DataCenterId>, Option<HostId>),
    );
    let rows: Vec<Row> = d::table
        .order(d::available_bytes.desc())
        .select(((d::id, d::name, d::path, d::available_bytes), (d::kind, d::status, d::data_center_id, d::host_id)))
        .load(db)?;
    Ok(rows
        .into_iter()
        .map(|((id, name, path, bytes), (kind, status, data_center, host))| Place {
            id,
            name,
            path,
            kind,
            status,
            data_center,
            host,
            available_bytes: unsigned(bytes),
        })
        .collect())
}

/// The data center of a cluster.
pub fn data_center_of(db: &mut Db, id: ClusterId) -> QueryResult<Option<DataCenterId>> {
    cluster::table.find(id).select(cluster::data_center_id).first(db).optional()
}

/// A host that is up and can work on this data center's shared domains.
pub fn host_for(db: &mut Db, id: DataCenterId) -> QueryResult<Option<HostId>> {
    host::table
        .inner_join(cluster::table)
        .filter(cluster::data_center_id.eq(id))
        .filter(host::status.eq(HostStatus::Up))
        .order(host::name)
        .select(host::id)
        .first(db)
        .optional()
}

/// A local data domain to be kept.
#[derive(Debug, Clone)]
pub struct LocalDomain<'a> {
    pub id: StorageDomainId,
    pub name: &'a str,
    pub data_center: DataCenterId,
    pub host: HostId,
    pub path: &'a str,
    pub total_bytes: u64,
    pub available_bytes: u64,
}

/// Keeps an active local domain.
pub fn insert_local(db: &mut Db, new: &LocalDomain<'_>) -> QueryResult<()> {
    use storage_domain as d;
    let masters: i64 =
        d::table.filter(d::is_master).filter(d::data_center_id.eq(new.data_center)).count().get_result(db)?;
    diesel::insert_into(d::table)
        .values((
            (d::id.eq(new.id), d::data_center_id.eq(Some(new.data_center)), d::host_id.eq(Some(new.host))),
            (d::name.eq(new.name), d::description.eq(""), d::comment.eq(""), d::path.eq(new.path)),
            (
                d::kind.eq(StorageDomainKind::Data),
                d::storage_type.eq(StorageType::Local),
                d::status.eq(StorageDomainStatus::Active),
                d::is_master.eq(masters == 0),
            ),
            (
                d::total_bytes.eq(i64::try_from(new.total_bytes).unwrap_or(i64::MAX)),
                d::available_bytes.eq(i64::try_from(new.available_bytes).unwrap_or(i64::MAX)),
                d::generation.eq(0i64),
            ),
        ))
        .execute(db)?;
    ancestors::set(db, new.id.object(), &[new.data_center.object()])
}

/// Keeps a host that was not there before.
pub fn insert_host(
    db: &mut Db,
    id: HostId,
    cluster_id: ClusterId,
    name: &str,
    address: &str,
    port: u16,
) -> QueryResult<()> {
    diesel::insert_into(host::table)
        .values((
            (host::id.eq(id), host::cluster_id.eq(cluster_id), host::name.eq(name), host::comment.eq("")),
            (host::address.eq(address), host::port.eq(i32::from(port)), host::status.eq(HostStatus::Connecting)),
            (host::status_reason.eq(""), host::facts.eq("{}"), host::generation.eq(0i64)),
        ))
        .execute(db)?;
    ancestors::set(db, id.object(), &[cluster_id.object()])
}

/// The agent's port can change between starts (0 in tests).
pub fn set_host_port(db: &mut Db, id: HostId, port: u16) -> QueryResult<()> {
    diesel::update(host::table.find(id)).set(host::port.eq(i32::from(port))).execute(db).map(drop)
}
