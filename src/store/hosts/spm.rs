//! Storage pool managers and who may be one.

use crate::db::Db;
use crate::db::schema::{cluster, data_center, data_center_spm as spm, host};
use crate::model::host::HostStatus;
use crate::model::ids::{DataCenterId, HostId};
use diesel::prelude::*;

/// A host that may be chosen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contender {
    pub host: HostId,
    pub name: String,
    pub status: HostStatus,
    /// −1: never.
    pub priority: i32,
}

/// Each data center with its name and its manager.
pub fn all(db: &mut Db) -> QueryResult<Vec<(DataCenterId, String, Option<HostId>)>> {
    data_center::table
        .left_join(spm::table.on(spm::data_center_id.eq(data_center::id)))
        .select((data_center::id, data_center::name, spm::host_id.nullable()))
        .load(db)
}

/// The manager of a data center.
pub fn of(db: &mut Db, center: DataCenterId) -> QueryResult<Option<HostId>> {
    spm::table.find(center).select(spm::host_id).first(db).optional()
}

/// The hosts of a data center, by name.
pub fn contenders(db: &mut Db, center: DataCenterId) -> QueryResult<Vec<Contender>> {
    let rows: Vec<(HostId, String, HostStatus, i32)> = host::table
        .inner_join(cluster::table)
        .filter(cluster::data_center_id.eq(center))
        .order(host::name)
        .select((host::id, host::name, host::status, host::spm_priority))
        .load(db)?;
    Ok(rows.into_iter().map(|(host, name, status, priority)| Contender { host, name, status, priority }).collect())
}

/// Makes a host the manager; none: nobody is.
pub fn set(db: &mut Db, center: DataCenterId, host: Option<HostId>) -> QueryResult<()> {
    diesel::delete(spm::table.find(center)).execute(db)?;
    if let Some(host) = host {
        diesel::insert_into(spm::table).values((spm::data_center_id.eq(center), spm::host_id.eq(host))).execute(db)?;
    }
    Ok(())
}

/// Sets a host's priority.
pub fn set_priority(db: &mut Db, host: HostId, priority: i32) -> QueryResult<()> {
    diesel::update(host::table.find(host)).set(host::spm_priority.eq(priority)).execute(db).map(drop)
}
