//! Hosts as pages show them.

use crate::db::schema::{cluster, data_center, data_center_spm, host, vm, vm_run};
use crate::db::{Db, MultiBackend};
use crate::model::clock::Timestamp;
use crate::model::host::{HostLoad, HostStatus, HostView};
use crate::model::ids::{ClusterId, DataCenterId, HostId};
use crate::store::catalog::unsigned;
use crate::store::scope::{Scope, within};
use diesel::prelude::*;
use std::collections::HashMap;

type Row = (
    (HostId, String, String, String, i32),
    (HostStatus, String, String, Option<Timestamp>, (String, Option<Timestamp>, i32)),
    (ClusterId, String, DataCenterId, String),
);

/// All hosts in scope; their load is in the engine's memory.
pub fn list(db: &mut Db, scope: &Scope) -> QueryResult<Vec<HostView>> {
    let query = host::table
        .inner_join(cluster::table.inner_join(data_center::table))
        .select((
            (host::id, host::name, host::comment, host::address, host::port),
            (
                host::status,
                host::status_reason,
                host::facts,
                host::last_seen,
                (host::fingerprint, host::certificate_ends, host::spm_priority),
            ),
            (cluster::id, cluster::name, data_center::id, data_center::name),
        ))
        .order(host::name)
        .into_boxed::<MultiBackend>();
    let rows: Vec<Row> = within!(query, host::id, scope).load(db)?;
    let managers: Vec<HostId> = data_center_spm::table.select(data_center_spm::host_id).load(db)?;
    let mut upgrades = super::upgrade::all(db)?;
    let active: HashMap<Option<HostId>, i64> = vm_run::table
        .filter(vm_run::host_id.is_not_null())
        .group_by(vm_run::host_id)
        .select((vm_run::host_id, diesel::dsl::count_star()))
        .load(db)?
        .into_iter()
        .collect();
    Ok(rows
        .into_iter()
        .map(|((id, name, comment, address, port), (status, status_reason, facts, last_seen, key), place)| HostView {
            id,
            name,
            comment,
            address,
            port: unsigned(port),
            status,
            status_reason,
            cluster: place.0,
            cluster_name: place.1,
            data_center: place.2,
            data_center_name: place.3,
            facts: serde_json::from_str(&facts).unwrap_or_default(),
            active_vms: unsigned(active.get(&Some(id)).copied().unwrap_or(0)),
            load: HostLoad::default(),
            last_seen,
            fingerprint: key.0,
            certificate_ends: key.1,
            spm: managers.contains(&id),
            spm_priority: key.2,
            tags: Vec::new(),
            upgrade: upgrades.remove(&id).unwrap_or_default(),
        })
        .collect())
}

/// Hosts that run VMs of pools.
pub fn with_pool_vms(db: &mut Db) -> QueryResult<Vec<HostId>> {
    let hosts = vm_run::table
        .inner_join(vm::table)
        .filter(vm_run::host_id.is_not_null())
        .filter(vm::vm_pool_id.is_not_null())
        .select(vm_run::host_id)
        .distinct()
        .load::<Option<HostId>>(db)?;
    Ok(hosts.into_iter().flatten().collect())
}
