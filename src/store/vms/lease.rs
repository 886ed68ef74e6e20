//! Running VMs with a lease, and what other hosts saw of it.

use crate::db::Db;
use crate::db::schema::{host, vm_lease, vm_run};
use crate::model::host::HostStatus;
use crate::model::ids::{HostId, StorageDomainId, VmId};
use crate::model::vm_settings::Running;
use diesel::prelude::*;

/// A VM that runs with a lease.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leased {
    pub vm: VmId,
    pub host: HostId,
    pub host_status: HostStatus,
    pub generation: i64,
    pub domain: StorageDomainId,
    /// Whether another host saw the lease held while it ran on this one; none: nobody has looked yet.
    pub seen: Option<bool>,
}

type Row = (VmId, String, i64, HostId, HostStatus, Option<(HostId, bool)>);

/// All of them.
pub fn running(db: &mut Db) -> QueryResult<Vec<Leased>> {
    let rows: Vec<Row> = vm_run::table
        .inner_join(host::table.on(host::id.nullable().eq(vm_run::host_id)))
        .left_join(vm_lease::table.on(vm_lease::vm_id.eq(vm_run::vm_id)))
        // Most VMs have none: what they run with need not be read.
        .filter(vm_run::launched.like("%\"lease\":\"%"))
        .select((
            vm_run::vm_id,
            vm_run::launched,
            vm_run::generation,
            host::id,
            host::status,
            (vm_lease::host_id, vm_lease::held).nullable(),
        ))
        .load(db)?;
    let leased = |(vm, launched, generation, host, host_status, seen): Row| {
        let domain = Running::from_json(&launched)?.hardware.settings.lease.0?;
        let seen = seen.filter(|(at, _)| *at == host).map(|(_, held)| held);
        Some(Leased { vm, host, host_status, generation, domain, seen })
    };
    Ok(rows.into_iter().filter_map(leased).collect())
}

/// Another host looked while it ran on this one.
pub fn note(db: &mut Db, vm: VmId, at: HostId, held: bool) -> QueryResult<()> {
    forget(db, vm)?;
    diesel::insert_into(vm_lease::table)
        .values((vm_lease::vm_id.eq(vm), vm_lease::host_id.eq(at), vm_lease::held.eq(held)))
        .execute(db)
        .map(drop)
}

/// It runs no more: the next time is looked at anew.
pub fn forget(db: &mut Db, vm: VmId) -> QueryResult<()> {
    diesel::delete(vm_lease::table.find(vm)).execute(db).map(drop)
}
