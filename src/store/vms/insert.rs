//! VMs come and go.

use crate::db::Db;
use crate::db::schema::{nic, pool_assignment, vm, vm_run};
use crate::model::clock::Timestamp;
use crate::model::ids::*;
use crate::model::vm::{Hardware, VmKind};
use crate::store::ancestors;
use diesel::prelude::*;

/// A VM to be kept.
#[derive(Debug, Clone)]
pub struct VmConfig {
    pub id: VmId,
    pub name: String,
    pub description: String,
    pub comment: String,
    pub cluster: ClusterId,
    pub template: TemplateId,
    pub instance_type: Option<InstanceTypeId>,
    pub pool: Option<PoolId>,
    pub os: String,
    pub kind: VmKind,
    pub hardware: Hardware,
    pub stateless: bool,
    pub delete_protected: bool,
    pub allow_override: bool,
    pub use_latest: bool,
    pub cd: Option<DiskId>,
}

/// Boot devices as the database keeps them.
pub fn boot_text(hardware: &Hardware) -> String {
    hardware.boot.iter().map(|b| b.as_str()).collect::<Vec<_>>().join(",")
}

/// Signed, as the databases have it.
pub(in crate::store) fn signed<N: TryInto<S>, S: Default>(n: N) -> S {
    n.try_into().unwrap_or_default()
}

/// Keeps a VM and puts it below its cluster.
pub fn insert(db: &mut Db, new: &VmConfig, now: Timestamp) -> QueryResult<()> {
    let hw = &new.hardware;
    diesel::insert_into(vm::table)
        .values((
            (
                vm::id.eq(new.id),
                vm::cluster_id.eq(new.cluster),
                vm::template_id.eq(new.template),
                vm::instance_type_id.eq(new.instance_type),
                vm::vm_pool_id.eq(new.pool),
            ),
            (
                vm::name.eq(&new.name),
                vm::description.eq(&new.description),
                vm::comment.eq(&new.comment),
                vm::os.eq(&new.os),
                vm::kind.eq(new.kind),
            ),
            (
                vm::memory_mib.eq(signed::<_, i64>(hw.memory_mib)),
                vm::max_memory_mib.eq(signed::<_, i64>(hw.max_memory_mib)),
                vm::guaranteed_memory_mib.eq(signed::<_, i64>(hw.guaranteed_memory_mib)),
                vm::sockets.eq(signed::<_, i32>(hw.sockets)),
                vm::cores.eq(signed::<_, i32>(hw.cores)),
                vm::threads.eq(signed::<_, i32>(hw.threads)),
            ),
            (
                vm::display.eq(hw.display),
                vm::boot.eq(boot_text(hw)),
                vm::settings.eq(hw.settings.to_json()),
                vm::stateless.eq(new.stateless),
                vm::delete_protected.eq(new.delete_protected),
                vm::allow_override.eq(new.allow_override),
                vm::use_latest.eq(new.use_latest),
                vm::cd_disk_id.eq(new.cd.map(|d| d.to_string())),
                vm::created.eq(now),
            ),
        ))
        .execute(db)?;
    ancestors::set(db, new.id.object(), &[new.cluster.object()])
}

/// Is there a VM of that name?
pub fn name_taken(db: &mut Db, name: &str, but: Option<VmId>) -> QueryResult<bool> {
    let found: Option<VmId> = vm::table.filter(vm::name.eq(name)).select(vm::id).first(db).optional()?;
    Ok(found.is_some_and(|id| Some(id) != but))
}

/// Removes a VM's rows and permissions; its disks are the caller's.
pub fn remove(db: &mut Db, id: VmId) -> QueryResult<bool> {
    diesel::delete(pool_assignment::table.find(id)).execute(db)?;
    diesel::delete(nic::table.filter(nic::vm_id.eq(id))).execute(db)?;
    diesel::delete(vm_run::table.find(id)).execute(db)?;
    ancestors::remove(db, id.object())?;
    Ok(diesel::delete(vm::table.find(id)).execute(db)? == 1)
}
