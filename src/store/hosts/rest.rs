//! Hosts that a power saving policy took out of use.

use crate::db::Db;
use crate::db::schema::{fence_agent, host, host_rest as rest};
use crate::model::ids::{ClusterId, HostId};
use diesel::prelude::*;

/// Those of a cluster, by name.
pub fn of(db: &mut Db, cluster: ClusterId) -> QueryResult<Vec<HostId>> {
    let all = host::table.inner_join(rest::table.on(rest::host_id.eq(host::id)));
    all.filter(host::cluster_id.eq(cluster)).order(host::name).select(host::id).load(db)
}

/// Keeps one as taken out of use.
pub fn add(db: &mut Db, host: HostId) -> QueryResult<()> {
    remove(db, host)?;
    diesel::insert_into(rest::table).values(rest::host_id.eq(host)).execute(db).map(drop)
}

/// It is in use again, or somebody else saw to it.
pub fn remove(db: &mut Db, host: HostId) -> QueryResult<()> {
    diesel::delete(rest::table.find(host)).execute(db).map(drop)
}

/// The hosts of a cluster that something can power on.
pub fn can_wake(db: &mut Db, cluster: ClusterId) -> QueryResult<Vec<HostId>> {
    let all = host::table.inner_join(fence_agent::table.on(fence_agent::host_id.eq(host::id)));
    all.filter(host::cluster_id.eq(cluster)).select(host::id).distinct().load(db)
}
