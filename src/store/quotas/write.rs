//! Quotas come, change and go.

use crate::db::Db;
use crate::db::schema::{quota, quota_choice, quota_cluster_limit, quota_storage_limit};
use crate::model::ids::{ClusterId, DataCenterId, ObjectId, QuotaId, StorageDomainId};
use crate::model::quota::{ClusterLimit, QuotaConfig, Shares};
use crate::store::ancestors;
use crate::store::vms::insert::signed;
use diesel::prelude::*;

/// Keeps a new one.
pub fn insert(
    db: &mut Db,
    id: QuotaId,
    data_center: DataCenterId,
    config: &QuotaConfig,
    is_default: bool,
) -> QueryResult<()> {
    diesel::insert_into(quota::table)
        .values((
            (quota::id.eq(id), quota::data_center_id.eq(data_center), quota::is_default.eq(is_default)),
            values(config),
        ))
        .execute(db)?;
    limits(db, id, config)?;
    ancestors::set(db, id.object(), &[data_center.object()])
}

/// Keeps a changed one.
pub fn update(db: &mut Db, id: QuotaId, config: &QuotaConfig) -> QueryResult<()> {
    diesel::update(quota::table.find(id)).set(values(config)).execute(db)?;
    limits(db, id, config)
}

/// Removes one that nothing counts on.
pub fn remove(db: &mut Db, id: QuotaId) -> QueryResult<()> {
    diesel::delete(quota_choice::table.filter(quota_choice::quota_id.eq(id))).execute(db)?;
    forget_limits(db, id)?;
    ancestors::remove(db, id.object())?;
    diesel::delete(quota::table.find(id)).execute(db).map(drop)
}

/// The columns that are set.
#[derive(Insertable, AsChangeset)]
#[diesel(table_name = quota, treat_none_as_null = true, treat_none_as_default_value = false)]
struct Columns<'a> {
    name: &'a str,
    description: &'a str,
    threshold_cluster: i32,
    grace_cluster: i32,
    threshold_storage: i32,
    grace_storage: i32,
    person_vcpus: Option<i64>,
    person_memory_mib: Option<i64>,
    person_storage_gib: Option<i64>,
}

fn values(config: &QuotaConfig) -> Columns<'_> {
    Columns {
        name: &config.name,
        description: &config.description,
        threshold_cluster: signed(config.cluster.threshold),
        grace_cluster: signed(config.cluster.grace),
        threshold_storage: signed(config.storage.threshold),
        grace_storage: signed(config.storage.grace),
        person_vcpus: config.person.vcpus.map(signed),
        person_memory_mib: config.person.memory_mib.map(signed),
        person_storage_gib: config.person.storage_gib.map(signed),
    }
}

fn forget_limits(db: &mut Db, id: QuotaId) -> QueryResult<()> {
    diesel::delete(quota_cluster_limit::table.filter(quota_cluster_limit::quota_id.eq(id))).execute(db)?;
    diesel::delete(quota_storage_limit::table.filter(quota_storage_limit::quota_id.eq(id))).execute(db).map(drop)
}

/// Keeps the limits in place of those that were.
fn limits(db: &mut Db, id: QuotaId, config: &QuotaConfig) -> QueryResult<()> {
    forget_limits(db, id)?;
    match &config.clusters {
        Shares::All(limit) => cluster_limit(db, id, None, *limit)?,
        Shares::Each(all) => {
            for (cluster, limit) in all {
                cluster_limit(db, id, Some(*cluster), *limit)?;
            }
        }
    }
    match &config.domains {
        Shares::All(gib) => storage_limit(db, id, None, *gib),
        Shares::Each(all) => all.iter().try_for_each(|(domain, gib)| storage_limit(db, id, Some(*domain), *gib)),
    }
}

fn cluster_limit(db: &mut Db, quota: QuotaId, cluster: Option<ClusterId>, limit: ClusterLimit) -> QueryResult<()> {
    use quota_cluster_limit as l;
    diesel::insert_into(l::table)
        .values((
            l::id.eq(ObjectId::random()),
            l::quota_id.eq(quota),
            l::cluster_id.eq(cluster),
            l::vcpus.eq(limit.vcpus.map(signed::<_, i64>)),
            l::memory_mib.eq(limit.memory_mib.map(signed::<_, i64>)),
        ))
        .execute(db)
        .map(drop)
}

fn storage_limit(db: &mut Db, quota: QuotaId, domain: Option<StorageDomainId>, gib: Option<u64>) -> QueryResult<()> {
    use quota_storage_limit as l;
    diesel::insert_into(l::table)
        .values((
            l::id.eq(ObjectId::random()),
            l::quota_id.eq(quota),
            l::storage_domain_id.eq(domain),
            l::gib.eq(gib.map(signed::<_, i64>)),
        ))
        .execute(db)
        .map(drop)
}
