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

/// A host that is up and can work on this data center's shared domains: its manager if that is up.
pub fn host_for(db: &mut Db, id: DataCenterId) -> QueryResult<Option<HostId>> {
    let manager = crate::store::hosts::spm::of(db, id)?;
    let up: Vec<HostId> = host::table
        .inner_join(cluster::table)
        .filter(cluster::data_center_id.eq(id))
        .filter(host::status.eq(HostStatus::Up))
        .order(host::name)
        .select(host::id)
        .load(db)?;
    Ok(manager.filter(|host| up.contains(host)).or_else(|| up.first().copied()))
}

/// A domain that all hosts of a data center have, to be kept.
#[derive(Debug, Clone)]
pub struct SharedDomain<'a> {
    pub id: StorageDomainId,
    pub name: &'a str,
    pub data_center: DataCenterId,
    pub path: &'a str,
}

/// Keeps a shared domain that is being made.
pub fn insert_shared(db: &mut Db, new: &SharedDomain<'_>) -> QueryResult<()> {
    use storage_domain as d;
    diesel::insert_into(d::table)
        .values((
            (d::id.eq(new.id), d::data_center_id.eq(Some(new.data_center)), d::name.eq(new.name)),
            (d::description.eq(""), d::comment.eq(""), d::path.eq(new.path)),
            (d::kind.eq(StorageDomainKind::Data), d::storage_type.eq(StorageType::Posix), d::is_master.eq(false)),
            (d::status.eq(StorageDomainStatus::Locked), d::generation.eq(0i64)),
            (d::total_bytes.eq(0i64), d::available_bytes.eq(0i64)),
        ))
        .execute(db)?;
    ancestors::set(db, new.id.object(), &[new.data_center.object()])
}

/// It is made, with so many bytes in all and free; the first of its data center is its master.
pub fn activate(db: &mut Db, id: StorageDomainId, (total, free): (u64, u64)) -> QueryResult<()> {
    use storage_domain as d;
    let center: Option<DataCenterId> = d::table.find(id).select(d::data_center_id).first(db)?;
    let masters: i64 = d::table.filter(d::is_master).filter(d::data_center_id.eq(center)).count().get_result(db)?;
    let signed = |bytes: u64| i64::try_from(bytes).unwrap_or(i64::MAX);
    diesel::update(d::table.find(id))
        .set((
            (d::status.eq(StorageDomainStatus::Active), d::is_master.eq(masters == 0)),
            (d::total_bytes.eq(signed(total)), d::available_bytes.eq(signed(free))),
            d::generation.eq(d::generation + 1),
        ))
        .execute(db)
        .map(drop)
}

/// Removes a domain that never was.
pub fn remove(db: &mut Db, id: StorageDomainId) -> QueryResult<()> {
    ancestors::remove(db, id.object())?;
    diesel::delete(storage_domain::table.find(id)).execute(db).map(drop)
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
