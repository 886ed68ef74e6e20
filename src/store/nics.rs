//! Network cards, and the MAC addresses they get.

use crate::db::Db;
use crate::db::schema::{cluster, mac_range, nic};
use crate::model::ids::{ClusterId, NicId, VmId, VnicProfileId};
use crate::model::network::{MacAddress, NicChange, NicModel};
use diesel::prelude::*;
use std::collections::HashSet;

/// So many free addresses of the cluster's MAC pool, or fewer if it has no more. Two who take the same at once meet at the unique
/// column: the later transaction fails and is tried again by its caller.
pub fn free_macs(db: &mut Db, cluster_id: ClusterId, wanted: usize) -> QueryResult<Vec<MacAddress>> {
    let ranges: Vec<(MacAddress, MacAddress)> = mac_range::table
        .inner_join(cluster::table.on(cluster::mac_pool_id.eq(mac_range::mac_pool_id)))
        .filter(cluster::id.eq(cluster_id))
        .select((mac_range::from_mac, mac_range::to_mac))
        .load(db)?;
    let used: HashSet<MacAddress> = nic::table.select(nic::mac).load(db)?.into_iter().collect();
    Ok(ranges
        .into_iter()
        .flat_map(|(from, to)| from.bits()..=to.bits())
        .map(MacAddress::from_bits)
        .filter(|mac| !used.contains(mac))
        .take(wanted)
        .collect())
}

/// Puts a card into a VM: `nic1`, `nic2`, …
pub fn insert(
    db: &mut Db,
    vm: VmId,
    position: i32,
    mac: MacAddress,
    profile: Option<VnicProfileId>,
) -> QueryResult<()> {
    diesel::insert_into(nic::table)
        .values((
            nic::id.eq(NicId::random()),
            nic::vm_id.eq(vm),
            nic::name.eq(format!("nic{}", position + 1)),
            nic::mac.eq(mac),
            nic::vnic_profile_id.eq(profile),
            nic::model.eq(NicModel::Virtio),
            nic::linked.eq(true),
            nic::position.eq(position),
        ))
        .execute(db)
        .map(drop)
}

/// A VM's cards by name.
pub fn of(db: &mut Db, vm: VmId) -> QueryResult<Vec<(NicId, String)>> {
    nic::table.filter(nic::vm_id.eq(vm)).order(nic::position).select((nic::id, nic::name)).load(db)
}

/// Puts a card behind those the VM has.
pub fn add(db: &mut Db, vm: VmId, mac: MacAddress, new: &NicChange) -> QueryResult<NicId> {
    let id = NicId::random();
    let last: Option<i32> = nic::table.filter(nic::vm_id.eq(vm)).select(diesel::dsl::max(nic::position)).first(db)?;
    diesel::insert_into(nic::table)
        .values((
            nic::id.eq(id),
            nic::vm_id.eq(vm),
            nic::name.eq(&new.name),
            nic::mac.eq(mac),
            nic::vnic_profile_id.eq(new.profile),
            nic::model.eq(new.model),
            nic::linked.eq(new.linked),
            nic::plugged.eq(new.plugged),
            nic::position.eq(last.map_or(0, |n| n + 1)),
        ))
        .execute(db)?;
    Ok(id)
}

/// A card as it is.
pub fn get(db: &mut Db, id: NicId) -> QueryResult<NicChange> {
    let (name, model, profile, linked, plugged) = nic::table
        .find(id)
        .select((nic::name, nic::model, nic::vnic_profile_id, nic::linked, nic::plugged))
        .first(db)?;
    Ok(NicChange { name, model, profile, linked, plugged })
}

/// Changes a card; its address stays.
pub fn change(db: &mut Db, id: NicId, new: &NicChange) -> QueryResult<()> {
    let set = (
        nic::name.eq(&new.name),
        nic::vnic_profile_id.eq(new.profile),
        nic::model.eq(new.model),
        nic::linked.eq(new.linked),
        nic::plugged.eq(new.plugged),
    );
    diesel::update(nic::table.find(id)).set(set).execute(db).map(drop)
}

/// Takes a card out.
pub fn remove(db: &mut Db, id: NicId) -> QueryResult<()> {
    diesel::delete(nic::table.find(id)).execute(db).map(drop)
}

/// A VM's cards by name with their addresses, in order.
pub fn addresses(db: &mut Db, vm: VmId) -> QueryResult<Vec<(String, MacAddress)>> {
    nic::table.filter(nic::vm_id.eq(vm)).order((nic::position, nic::id)).select((nic::name, nic::mac)).load(db)
}
