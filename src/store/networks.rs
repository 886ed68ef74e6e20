//! Logical networks come, change and go, with their vNIC profiles.

use crate::db::Db;
use crate::db::schema::*;
use crate::model::ids::{DataCenterId, NetworkId, VnicProfileId};
use crate::model::network::NetworkConfig;
use crate::store::ancestors;
use diesel::prelude::*;

/// The one of that name in a data center.
pub fn by_name(db: &mut Db, data_center: DataCenterId, name: &str) -> QueryResult<Option<NetworkId>> {
    let own = network::table.filter(network::data_center_id.eq(data_center)).filter(network::name.eq(name));
    own.select(network::id).first(db).optional()
}

/// What hosts call it.
pub fn name(db: &mut Db, id: NetworkId) -> QueryResult<Option<String>> {
    network::table.find(id).select(network::name).first(db).optional()
}

/// Keeps a new one, without profiles.
pub fn insert(db: &mut Db, id: NetworkId, data_center: DataCenterId, new: &NetworkConfig) -> QueryResult<()> {
    diesel::insert_into(network::table)
        .values((network::id.eq(id), network::data_center_id.eq(data_center), network::mtu.eq(0), columns(new)))
        .execute(db)?;
    ancestors::set(db, id.object(), &[data_center.object()])
}

/// Keeps a changed one.
pub fn update(db: &mut Db, id: NetworkId, new: &NetworkConfig) -> QueryResult<()> {
    diesel::update(network::table.find(id)).set(columns(new)).execute(db).map(drop)
}

type Columns<'a> = (
    diesel::dsl::Eq<network::name, &'a str>,
    diesel::dsl::Eq<network::description, &'a str>,
    diesel::dsl::Eq<network::comment, &'a str>,
    diesel::dsl::Eq<network::vm_network, bool>,
);

fn columns(new: &NetworkConfig) -> Columns<'_> {
    (
        network::name.eq(new.name.as_str()),
        network::description.eq(new.description.as_str()),
        network::comment.eq(new.comment.as_str()),
        network::vm_network.eq(new.vm_network),
    )
}

/// Keeps a profile by which VMs are put on it.
pub fn insert_profile(db: &mut Db, network: NetworkId, name: &str) -> QueryResult<VnicProfileId> {
    let profile = VnicProfileId::random();
    diesel::insert_into(vnic_profile::table)
        .values((
            vnic_profile::id.eq(profile),
            vnic_profile::network_id.eq(network),
            vnic_profile::name.eq(name),
            vnic_profile::description.eq(""),
        ))
        .execute(db)?;
    ancestors::set(db, profile.object(), &[network.object()])?;
    Ok(profile)
}

/// Removes its profiles; cards that were on it are on none.
pub fn remove_profiles(db: &mut Db, network: NetworkId) -> QueryResult<()> {
    let own = vnic_profile::table.filter(vnic_profile::network_id.eq(network));
    for profile in own.select(vnic_profile::id).load::<VnicProfileId>(db)? {
        ancestors::remove(db, profile.object())?;
        diesel::delete(vnic_profile::table.find(profile)).execute(db)?;
    }
    Ok(())
}

/// Removes it with its profiles.
pub fn remove(db: &mut Db, id: NetworkId) -> QueryResult<()> {
    remove_profiles(db, id)?;
    ancestors::remove(db, id.object())?;
    diesel::delete(network::table.find(id)).execute(db).map(drop)
}

/// So many names of them are told.
const MOST: i64 = 10;

/// VMs with cards on it, by name.
pub fn users(db: &mut Db, id: NetworkId) -> QueryResult<Vec<String>> {
    let names = nic::table.inner_join(vnic_profile::table).inner_join(vm::table);
    let names = names.filter(vnic_profile::network_id.eq(id)).select(vm::name).distinct();
    names.order(vm::name).limit(MOST).load(db)
}
