//! Data centers come, change and go.

use super::seed;
use crate::db::Db;
use crate::db::schema::*;
use crate::model::clock::Timestamp;
use crate::model::data_center::DataCenterConfig;
use crate::model::ids::{DataCenterId, EVERYONE, NetworkId, QuotaId};
use crate::model::permission::ObjectKind;
use crate::model::predefined_roles::VNIC_PROFILE_USER;
use crate::store::{ancestors, permissions, quotas};
use diesel::prelude::*;

/// The one of that name.
pub fn by_name(db: &mut Db, name: &str) -> QueryResult<Option<DataCenterId>> {
    data_center::table.filter(data_center::name.eq(name)).select(data_center::id).first(db).optional()
}

/// Keeps a new one, with a management network that everybody may use and a default quota.
pub fn insert(db: &mut Db, id: DataCenterId, new: &DataCenterConfig, now: Timestamp) -> QueryResult<()> {
    diesel::insert_into(data_center::table).values((data_center::id.eq(id), columns(new))).execute(db)?;
    ancestors::set(db, id.object(), &[])?;
    let profile = seed::network(db, NetworkId::random(), id)?;
    permissions::grant(db, VNIC_PROFILE_USER, EVERYONE.into(), ObjectKind::VnicProfile, profile.object(), now)?;
    quotas::defaults(db, now)
}

/// Keeps a changed one.
pub fn update(db: &mut Db, id: DataCenterId, new: &DataCenterConfig) -> QueryResult<()> {
    diesel::update(data_center::table.find(id)).set(columns(new)).execute(db).map(drop)
}

type Columns<'a> = (
    diesel::dsl::Eq<data_center::name, &'a str>,
    diesel::dsl::Eq<data_center::description, &'a str>,
    diesel::dsl::Eq<data_center::comment, &'a str>,
    diesel::dsl::Eq<data_center::is_local, bool>,
    diesel::dsl::Eq<data_center::compatibility, &'a str>,
    diesel::dsl::Eq<data_center::quota_mode, crate::model::quota::QuotaMode>,
);

fn columns(new: &DataCenterConfig) -> Columns<'_> {
    (
        data_center::name.eq(new.name.as_str()),
        data_center::description.eq(new.description.as_str()),
        data_center::comment.eq(new.comment.as_str()),
        data_center::is_local.eq(new.local),
        data_center::compatibility.eq(new.compatibility.as_str()),
        data_center::quota_mode.eq(new.quota_mode),
    )
}

/// Removes one that has no clusters and no storage: its networks, their profiles and its quotas go with it.
pub fn remove(db: &mut Db, id: DataCenterId) -> QueryResult<()> {
    let networks: Vec<NetworkId> =
        network::table.filter(network::data_center_id.eq(id)).select(network::id).load(db)?;
    let own: Vec<QuotaId> = quota::table.filter(quota::data_center_id.eq(id)).select(quota::id).load(db)?;
    for network in networks {
        super::networks::remove(db, network)?;
    }
    for quota in own {
        quotas::remove(db, quota)?;
    }
    ancestors::remove(db, id.object())?;
    diesel::delete(data_center::table.find(id)).execute(db).map(drop)
}

/// What is in it, by name: clusters and storage domains.
pub fn holds(db: &mut Db, id: DataCenterId) -> QueryResult<(Vec<String>, Vec<String>)> {
    let clusters =
        cluster::table.filter(cluster::data_center_id.eq(id)).order(cluster::name).select(cluster::name).load(db)?;
    let domains = storage_domain::table
        .filter(storage_domain::data_center_id.eq(id))
        .order(storage_domain::name)
        .select(storage_domain::name)
        .load(db)?;
    Ok((clusters, domains))
}
