//! Lists of what is never many: data centers, clusters, storage domains, networks, MAC pools, instance types. Whole and in scope;
//! the engine searches and pages them in memory.

use super::scope::{Scope, within};
use crate::db::schema::*;
use crate::db::{Db, MultiBackend};
use crate::model::cluster::ClusterView;
use crate::model::cluster_settings::ClusterSettings;
use crate::model::data_center::{DataCenterStatus, DataCenterView};
use crate::model::host::HostStatus;
use crate::model::ids::*;
use crate::model::instance_type::{InstanceTypeView, TypeSettings};
use crate::model::mac_pool::MacPoolView;
use crate::model::network::{MacAddress, NetworkView, VnicProfileView};
use crate::model::quota::QuotaMode;
use crate::model::storage_domain::{StorageDomainKind, StorageDomainStatus, StorageDomainView};
use diesel::prelude::*;
use std::collections::HashMap;

/// Numbers in the database are never negative; a broken row shows as 0.
pub(super) fn unsigned<N: TryInto<U>, U: Default>(n: N) -> U {
    n.try_into().unwrap_or_default()
}

/// Data centers; up when a host is up and a data domain active.
pub fn data_centers(db: &mut Db, scope: &Scope) -> QueryResult<Vec<DataCenterView>> {
    type Row = (DataCenterId, String, String, String, bool, String, QuotaMode);
    let query = data_center::table.order(data_center::name).into_boxed::<MultiBackend>();
    let rows: Vec<Row> = within!(query, data_center::id, scope).load(db)?;
    let domains: Vec<(Option<DataCenterId>, StorageDomainStatus)> = storage_domain::table
        .filter(storage_domain::kind.eq(StorageDomainKind::Data))
        .select((storage_domain::data_center_id, storage_domain::status))
        .load(db)?;
    let hosts: Vec<(DataCenterId, HostStatus)> =
        host::table.inner_join(cluster::table).select((cluster::data_center_id, host::status)).load(db)?;
    Ok(rows
        .into_iter()
        .map(|(id, name, description, comment, local, compatibility, quota_mode)| {
            let mut own = domains.iter().filter(|d| d.0 == Some(id)).peekable();
            let status = if own.peek().is_none() {
                DataCenterStatus::Uninitialized
            } else if !hosts.iter().any(|h| h.0 == id && h.1 == HostStatus::Up) {
                DataCenterStatus::NotOperational
            } else if own.any(|d| d.1 == StorageDomainStatus::Active) {
                DataCenterStatus::Up
            } else {
                DataCenterStatus::Maintenance
            };
            DataCenterView { id, name, description, comment, local, compatibility, status, quota_mode }
        })
        .collect())
}

/// Clusters with how many hosts and VMs they have.
pub fn clusters(db: &mut Db, scope: &Scope) -> QueryResult<Vec<ClusterView>> {
    type Row = ((ClusterId, String, String, String), (DataCenterId, String), (MacPoolId, String, String));
    let query = cluster::table
        .inner_join(data_center::table)
        .select((
            (cluster::id, cluster::name, cluster::description, cluster::comment),
            (cluster::data_center_id, data_center::name),
            (cluster::mac_pool_id, cluster::compatibility, cluster::settings),
        ))
        .order(cluster::name)
        .into_boxed::<MultiBackend>();
    let rows: Vec<Row> = within!(query, cluster::id, scope).load(db)?;
    let count = diesel::dsl::count_star();
    let hosts: HashMap<ClusterId, i64> =
        host::table.group_by(host::cluster_id).select((host::cluster_id, count)).load(db)?.into_iter().collect();
    let vms: HashMap<ClusterId, i64> =
        vm::table.group_by(vm::cluster_id).select((vm::cluster_id, count)).load(db)?.into_iter().collect();
    Ok(rows
        .into_iter()
        .map(
            |(
                (id, name, description, comment),
                (data_center, data_center_name),
                (mac_pool, compatibility, settings),
            )| ClusterView {
                id,
                name,
                description,
                comment,
                data_center,
                data_center_name,
                mac_pool,
                compatibility,
                hosts: unsigned(hosts.get(&id).copied().unwrap_or(0)),
                vms: unsigned(vms.get(&id).copied().unwrap_or(0)),
                settings: ClusterSettings::from_json(&settings),
            },
        )
        .collect())
}

type DomainRow = (
    StorageDomainId,
    Option<DataCenterId>,
    Option<HostId>,
    (String, String, String, String),
    StorageDomainKind,
    crate::model::storage_domain::StorageType,
    StorageDomainStatus,
    bool,
    (i64, i64),
);

/// Storage domains with what is promised on them.
pub fn storage_domains(db: &mut Db, scope: &Scope) -> QueryResult<Vec<StorageDomainView>> {
    use storage_domain as d;
    let query = d::table
        .select((
            d::id,
            d::data_center_id,
            d::host_id,
            (d::name, d::description, d::comment, d::path),
            d::kind,
            d::storage_type,
            d::status,
            d::is_master,
            (d::total_bytes, d::available_bytes),
        ))
        .order(d::name)
        .into_boxed::<MultiBackend>();
    let rows: Vec<DomainRow> = within!(query, d::id, scope).load(db)?;
    let centers: HashMap<DataCenterId, String> =
        data_center::table.select((data_center::id, data_center::name)).load(db)?.into_iter().collect();
    // A plain sum over bigint is numeric on PostgreSQL, which has no common type here; domains hold few enough disks.
    let mut committed: HashMap<StorageDomainId, u64> = HashMap::new();
    for (id, bytes) in
        disk::table.select((disk::storage_domain_id, disk::virtual_bytes)).load::<(StorageDomainId, i64)>(db)?
    {
        *committed.entry(id).or_default() += unsigned::<_, u64>(bytes);
    }
    Ok(rows
        .into_iter()
        .map(
            |(id, data_center, host, (name, description, comment, path), kind, storage_type, status, master, space)| {
                StorageDomainView {
                    id,
                    name,
                    description,
                    comment,
                    kind,
                    storage_type,
                    status,
                    master,
                    data_center,
                    data_center_name: data_center.and_then(|c| centers.get(&c).cloned()).unwrap_or_default(),
                    host,
                    path,
                    total_bytes: unsigned(space.0),
                    available_bytes: unsigned(space.1),
                    committed_bytes: committed.get(&id).copied().unwrap_or(0),
                }
            },
        )
        .collect())
}

/// Logical networks.
pub fn networks(db: &mut Db, scope: &Scope) -> QueryResult<Vec<NetworkView>> {
    type Row = (NetworkId, String, String, String, DataCenterId, String, Option<i32>, i32, bool);
    let query = network::table
        .inner_join(data_center::table)
        .select((
            network::id,
            network::name,
            network::description,
            network::comment,
            network::data_center_id,
            data_center::name,
            network::vlan_id,
            network::mtu,
            network::vm_network,
        ))
        .order(network::name)
        .into_boxed::<MultiBackend>();
    let rows: Vec<Row> = within!(query, network::id, scope).load(db)?;
    Ok(rows
        .into_iter()
        .map(|(id, name, description, comment, data_center, data_center_name, vlan, mtu, vm_network)| NetworkView {
            id,
            name,
            description,
            comment,
            data_center,
            data_center_name,
            vlan_id: vlan.map(unsigned),
            mtu: unsigned(mtu),
            vm_network,
        })
        .collect())
}

/// vNIC profiles.
pub fn vnic_profiles(db: &mut Db, scope: &Scope) -> QueryResult<Vec<VnicProfileView>> {
    type Row = (VnicProfileId, String, String, NetworkId, String, String);
    let query = vnic_profile::table
        .inner_join(network::table.inner_join(data_center::table))
        .select((
            vnic_profile::id,
            vnic_profile::name,
            vnic_profile::description,
            network::id,
            network::name,
            data_center::name,
        ))
        .order(vnic_profile::name)
        .into_boxed::<MultiBackend>();
    let rows: Vec<Row> = within!(query, vnic_profile::id, scope).load(db)?;
    Ok(rows
        .into_iter()
        .map(|(id, name, description, network, network_name, data_center_name)| VnicProfileView {
            id,
            name,
            description,
            network,
            network_name,
            data_center_name,
        })
        .collect())
}

/// MAC pools with their ranges.
pub fn mac_pools(db: &mut Db) -> QueryResult<Vec<MacPoolView>> {
    let rows: Vec<(MacPoolId, String, String, bool)> = mac_pool::table.order(mac_pool::name).load(db)?;
    let ranges: Vec<(MacPoolId, MacAddress, MacAddress)> = mac_range::table.load(db)?;
    Ok(rows
        .into_iter()
        .map(|(id, name, description, default)| MacPoolView {
            id,
            name,
            description,
            default,
            ranges: ranges.iter().filter(|r| r.0 == id).map(|r| (r.1, r.2)).collect(),
        })
        .collect())
}

/// Instance types, smallest first.
pub fn instance_types(db: &mut Db, scope: &Scope) -> QueryResult<Vec<InstanceTypeView>> {
    type Row = (InstanceTypeId, String, String, i64, i64, i32, i32, i32, String);
    let query = instance_type::table.order(instance_type::memory_mib).into_boxed::<MultiBackend>();
    let rows: Vec<Row> = within!(query, instance_type::id, scope).load(db)?;
    Ok(rows
        .into_iter()
        .map(|(id, name, description, memory, max_memory, sockets, cores, threads, settings)| InstanceTypeView {
            id,
            name,
            description,
            memory_mib: unsigned(memory),
            max_memory_mib: unsigned(max_memory),
            sockets: unsigned(sockets),
            cores: unsigned(cores),
            threads: unsigned(threads),
            settings: TypeSettings::from_json(&settings),
        })
        .collect())
}
