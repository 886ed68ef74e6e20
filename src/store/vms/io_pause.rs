//! VMs that stand still because a read or write failed.

use crate::db::Db;
use crate::db::schema::{vm, vm_io_pause, vm_run};
use crate::model::clock::Timestamp;
use crate::model::ids::{HostId, VmId};
use crate::model::vm_settings::{ResumeBehaviour, VmSettings};
use crate::model::vm_state::Observed;
use diesel::prelude::*;

/// One of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Halted {
    pub vm: VmId,
    pub host: HostId,
    pub since: Timestamp,
    pub behaviour: ResumeBehaviour,
}

/// It stands still from now on.
pub fn begin(db: &mut Db, id: VmId, now: Timestamp) -> QueryResult<()> {
    end(db, id)?;
    diesel::insert_into(vm_io_pause::table)
        .values((vm_io_pause::vm_id.eq(id), vm_io_pause::since.eq(now)))
        .execute(db)
        .map(drop)
}

/// It does not any more.
pub fn end(db: &mut Db, id: VmId) -> QueryResult<()> {
    diesel::delete(vm_io_pause::table.find(id)).execute(db).map(drop)
}

/// All of them.
pub fn all(db: &mut Db) -> QueryResult<Vec<Halted>> {
    let rows: Vec<(VmId, Option<HostId>, Timestamp, String)> = vm_io_pause::table
        .inner_join(vm_run::table.on(vm_run::vm_id.eq(vm_io_pause::vm_id)))
        .inner_join(vm::table.on(vm::id.eq(vm_io_pause::vm_id)))
        .filter(vm_run::observed.eq(Observed::PausedIo))
        .select((vm_io_pause::vm_id, vm_run::host_id, vm_io_pause::since, vm::settings))
        .load(db)?;
    let halted = |(vm, host, since, settings): (VmId, Option<HostId>, Timestamp, String)| {
        let behaviour = VmSettings::from_json(&settings).when_storage_fails();
        Some(Halted { vm, host: host?, since, behaviour })
    };
    Ok(rows.into_iter().filter_map(halted).collect())
}
