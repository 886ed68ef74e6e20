//! Clusters that were shut down as a whole, and what ran there before.

use crate::db::Db;
use crate::db::schema::{cluster_rest as c, cluster_rest_vm as v, vm};
use crate::model::ids::{ClusterId, VmId};
use crate::model::vm_settings::VmSettings;
use diesel::prelude::*;

/// No VM starts there from now on.
pub fn begin(db: &mut Db, id: ClusterId) -> QueryResult<()> {
    end(db, id)?;
    diesel::insert_into(c::table).values((c::cluster_id.eq(id), c::called_off.eq(false))).execute(db).map(drop)
}

/// VMs may start again.
pub fn end(db: &mut Db, id: ClusterId) -> QueryResult<()> {
    diesel::delete(c::table.find(id)).execute(db).map(drop)
}

/// Whether it rests, and if so, whether what is done about it was called off.
pub fn get(db: &mut Db, id: ClusterId) -> QueryResult<Option<bool>> {
    c::table.find(id).select(c::called_off).first(db).optional()
}

/// What is under way is to end.
pub fn call_off(db: &mut Db, id: ClusterId, called_off: bool) -> QueryResult<()> {
    diesel::update(c::table.find(id)).set(c::called_off.eq(called_off)).execute(db).map(drop)
}

/// These ran there, besides those that are remembered already.
pub fn remember(db: &mut Db, id: ClusterId, vms: &[VmId]) -> QueryResult<()> {
    for vm in vms {
        forget(db, *vm)?;
        diesel::insert_into(v::table).values((v::vm_id.eq(vm), v::cluster_id.eq(id))).execute(db)?;
    }
    Ok(())
}

/// It was started again, or is not to be.
pub fn forget(db: &mut Db, id: VmId) -> QueryResult<()> {
    diesel::delete(v::table.find(id)).execute(db).map(drop)
}

/// None of them is to be started again.
pub fn forget_all(db: &mut Db, id: ClusterId) -> QueryResult<()> {
    diesel::delete(v::table.filter(v::cluster_id.eq(id))).execute(db).map(drop)
}

/// What is to run again: highly available VMs and the most important first.
pub fn remembered(db: &mut Db, id: ClusterId) -> QueryResult<Vec<VmId>> {
    let rows: Vec<(VmId, String, String)> = v::table
        .inner_join(vm::table.on(vm::id.eq(v::vm_id)))
        .filter(v::cluster_id.eq(id))
        .select((v::vm_id, vm::name, vm::settings))
        .load(db)?;
    let order = |(id, name, settings): (VmId, String, String)| {
        let settings = VmSettings::from_json(&settings);
        ((!settings.high_availability, std::cmp::Reverse(settings.priority), name), id)
    };
    let mut all: Vec<_> = rows.into_iter().map(order).collect();
    all.sort();
    Ok(all.into_iter().map(|(_, id)| id).collect())
}
