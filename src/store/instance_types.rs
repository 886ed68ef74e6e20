//! Instance types come, change and go.

use crate::db::Db;
use crate::db::schema::{instance_type, vm};
use crate::model::ids::{InstanceTypeId, VmId};
use crate::model::instance_type::InstanceTypeView;
use crate::store::ancestors;
use crate::store::vms::insert::signed;
use diesel::prelude::*;

/// The type of that name.
pub fn by_name(db: &mut Db, name: &str) -> QueryResult<Option<InstanceTypeId>> {
    instance_type::table.filter(instance_type::name.eq(name)).select(instance_type::id).first(db).optional()
}

/// Keeps a new one.
pub fn insert(db: &mut Db, new: &InstanceTypeView) -> QueryResult<()> {
    diesel::insert_into(instance_type::table)
        .values((
            (
                instance_type::id.eq(new.id),
                instance_type::name.eq(&new.name),
                instance_type::description.eq(&new.description),
            ),
            (
                instance_type::memory_mib.eq(signed::<_, i64>(new.memory_mib)),
                instance_type::max_memory_mib.eq(signed::<_, i64>(new.max_memory_mib)),
                instance_type::sockets.eq(signed::<_, i32>(new.sockets)),
                instance_type::cores.eq(signed::<_, i32>(new.cores)),
                instance_type::threads.eq(signed::<_, i32>(new.threads)),
                instance_type::settings.eq(new.settings.to_json()),
            ),
        ))
        .execute(db)?;
    ancestors::set(db, new.id.object(), &[])
}

/// Keeps a changed one.
pub fn update(db: &mut Db, new: &InstanceTypeView) -> QueryResult<()> {
    diesel::update(instance_type::table.find(new.id))
        .set((
            (instance_type::name.eq(&new.name), instance_type::description.eq(&new.description)),
            (
                instance_type::memory_mib.eq(signed::<_, i64>(new.memory_mib)),
                instance_type::max_memory_mib.eq(signed::<_, i64>(new.max_memory_mib)),
                instance_type::sockets.eq(signed::<_, i32>(new.sockets)),
                instance_type::cores.eq(signed::<_, i32>(new.cores)),
                instance_type::threads.eq(signed::<_, i32>(new.threads)),
                instance_type::settings.eq(new.settings.to_json()),
            ),
        ))
        .execute(db)
        .map(drop)
}

/// The VMs that follow it.
pub fn followers(db: &mut Db, id: InstanceTypeId) -> QueryResult<Vec<VmId>> {
    vm::table.filter(vm::instance_type_id.eq(id)).order(vm::name).select(vm::id).load(db)
}

/// Removes it; VMs that followed it keep size and settings as their own.
pub fn remove(db: &mut Db, id: InstanceTypeId) -> QueryResult<()> {
    let followers = vm::table.filter(vm::instance_type_id.eq(id));
    diesel::update(followers).set(vm::instance_type_id.eq(None::<InstanceTypeId>)).execute(db)?;
    ancestors::remove(db, id.object())?;
    diesel::delete(instance_type::table.find(id)).execute(db).map(drop)
}
