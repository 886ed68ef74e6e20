//! Clusters come, change and go.

use crate::db::Db;
use crate::db::schema::*;
use crate::model::cluster::ClusterConfig;
use crate::model::conflict::Held;
use crate::model::ids::{ClusterId, DataCenterId, MacPoolId};
use crate::store::ancestors;
use diesel::prelude::*;

/// The one of that name.
pub fn by_name(db: &mut Db, name: &str) -> QueryResult<Option<ClusterId>> {
    cluster::table.filter(cluster::name.eq(name)).select(cluster::id).first(db).optional()
}

/// The MAC pool that clusters have unless somebody chose another.
pub fn default_mac_pool(db: &mut Db) -> QueryResult<Option<MacPoolId>> {
    mac_pool::table.filter(mac_pool::is_default).select(mac_pool::id).first(db).optional()
}

/// Keeps a new one.
pub fn insert(
    db: &mut Db,
    id: ClusterId,
    data_center: DataCenterId,
    pool: MacPoolId,
    new: &ClusterConfig,
) -> QueryResult<()> {
    diesel::insert_into(cluster::table)
        .values((
            (cluster::id.eq(id), cluster::data_center_id.eq(data_center), cluster::mac_pool_id.eq(pool)),
            (
                cluster::name.eq(&new.name),
                cluster::description.eq(&new.description),
                cluster::comment.eq(&new.comment),
                cluster::compatibility.eq(&new.compatibility),
                cluster::settings.eq(new.settings.to_json()),
            ),
        ))
        .execute(db)?;
    ancestors::set(db, id.object(), &[data_center.object()])
}

/// Keeps a changed one.
pub fn update(db: &mut Db, id: ClusterId, pool: MacPoolId, new: &ClusterConfig) -> QueryResult<()> {
    diesel::update(cluster::table.find(id))
        .set((
            cluster::mac_pool_id.eq(pool),
            cluster::name.eq(&new.name),
            cluster::description.eq(&new.description),
            cluster::comment.eq(&new.comment),
            cluster::compatibility.eq(&new.compatibility),
            cluster::settings.eq(new.settings.to_json()),
        ))
        .execute(db)
        .map(drop)
}

/// Removes one that is empty, with the limits that quotas have in it.
pub fn remove(db: &mut Db, id: ClusterId) -> QueryResult<()> {
    diesel::delete(quota_cluster_limit::table.filter(quota_cluster_limit::cluster_id.eq(id))).execute(db)?;
    ancestors::remove(db, id.object())?;
    diesel::delete(cluster::table.find(id)).execute(db).map(drop)
}

/// The names of what is in it, of the first kind that is.
pub fn holds(db: &mut Db, id: ClusterId) -> QueryResult<Option<(Held, Vec<String>)>> {
    let hosts = host::table.filter(host::cluster_id.eq(id)).order(host::name).select(host::name).load(db)?;
    let pools =
        vm_pool::table.filter(vm_pool::cluster_id.eq(id)).order(vm_pool::name).select(vm_pool::name).load(db)?;
    let vms = vm::table.filter(vm::cluster_id.eq(id)).order(vm::name).select(vm::name).load(db)?;
    let templates =
        template::table.filter(template::cluster_id.eq(id)).order(template::name).select(template::name).load(db)?;
    let all: [(Held, Vec<String>); 4] =
        [(Held::Hosts, hosts), (Held::Pools, pools), (Held::Vms, vms), (Held::Templates, templates)];
    Ok(all.into_iter().find(|(_, names)| !names.is_empty()))
}
