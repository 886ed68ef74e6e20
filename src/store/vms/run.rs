//! What runs: intent and observation side by side.
//!
//! Every change is one `UPDATE … WHERE vm_id AND generation`: who read an older generation changes nothing.

use crate::db::schema::{host, job_lock, run_once, vm, vm_pool, vm_run};
use crate::db::{Db, MultiBackend};
use crate::model::clock::Timestamp;
use crate::model::host::HostStatus;
use crate::model::ids::{HostId, ObjectId, PoolId, VmId};
use crate::model::vm::VmStatus;
use crate::model::vm_state::{Intent, Observed};
use diesel::prelude::*;

/// A VM's running side.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VmRun {
    pub vm: VmId,
    pub name: String,
    pub pool: Option<(PoolId, String)>,
    /// Of this run, too.
    pub stateless: bool,
    pub delete_protected: bool,
    pub intent: Intent,
    pub observed: Observed,
    pub agent: bool,
    pub status: VmStatus,
    pub reason: String,
    /// Where it runs; of a VM that is down: where it may still run, because that host did not answer.
    pub host: Option<HostId>,
    pub host_name: String,
    pub host_status: Option<HostStatus>,
    pub addresses: Vec<String>,
    pub fqdn: String,
    pub guest_os: String,
    pub started: Option<Timestamp>,
    pub stopped: Option<Timestamp>,
    pub generation: i64,
    /// What the guest runs with ([`Running`](crate::model::vm_settings::Running) as JSON); empty: it does not run, or that is not known.
    pub launched: String,
    /// Settings differ from that.
    pub waits: bool,
    /// Where it is being moved to.
    pub migrating_to: Option<HostId>,
}

/// Which VMs are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Which {
    One(VmId),
    /// On this host, or perhaps still there.
    OnHost(HostId),
    InState(VmStatus),
    /// To be off, and on a host that is up, or perhaps still there.
    Unwanted,
}

/// The row of a VM that is being made.
pub fn insert(db: &mut Db, vm: VmId, intent: Intent, status: VmStatus) -> QueryResult<()> {
    diesel::insert_into(vm_run::table)
        .values((
            (vm_run::vm_id.eq(vm), vm_run::intent.eq(intent), vm_run::observed.eq(Observed::Off)),
            (vm_run::agent_connected.eq(false), vm_run::status.eq(status), vm_run::status_reason.eq("")),
            (vm_run::addresses.eq("[]"), vm_run::fqdn.eq(""), vm_run::guest_os.eq(""), vm_run::generation.eq(0i64)),
        ))
        .execute(db)
        .map(drop)
}

type Row = (
    (VmId, String, Option<PoolId>, Option<String>, (bool, Option<bool>), bool),
    (Intent, Observed, bool, VmStatus, String),
    (Option<HostId>, Option<String>, Option<HostStatus>),
    (String, String, String, Option<Timestamp>, Option<Timestamp>, i64),
    (String, bool, Option<HostId>),
);

/// The VMs asked for, by name.
pub fn find(db: &mut Db, which: Which) -> QueryResult<Vec<VmRun>> {
    let mut query = vm_run::table
        .inner_join(vm::table)
        .left_join(host::table)
        .left_join(vm_pool::table.on(vm_pool::id.nullable().eq(vm::vm_pool_id)))
        .left_join(run_once::table.on(run_once::vm_id.eq(vm_run::vm_id)))
        .select((
            (
                vm::id,
                vm::name,
                vm::vm_pool_id,
                vm_pool::name.nullable(),
                (vm::stateless, run_once::stateless.nullable()),
                vm::delete_protected,
            ),
            (vm_run::intent, vm_run::observed, vm_run::agent_connected, vm_run::status, vm_run::status_reason),
            (vm_run::host_id, host::name.nullable(), host::status.nullable()),
            (vm_run::addresses, vm_run::fqdn, vm_run::guest_os, vm_run::started, vm_run::stopped, vm_run::generation),
            (vm_run::launched, vm_run::waits, vm_run::migrating_to),
        ))
        .order(vm::name)
        .into_boxed::<MultiBackend>();
    query = match which {
        Which::One(id) => query.filter(vm_run::vm_id.eq(id)),
        Which::OnHost(id) => query.filter(vm_run::host_id.eq(id)),
        Which::InState(status) => query.filter(vm_run::status.eq(status)),
        Which::Unwanted => query.filter(vm_run::intent.eq(Intent::Off).and(host::status.eq(HostStatus::Up))),
    };
    let rows: Vec<Row> = query.load(db)?;
    Ok(rows.into_iter().map(to_run).collect())
}

fn to_run(
    (
        (vm, name, pool, pool_name, (stateless, this_time), delete_protected),
        (intent, observed, agent, status, reason),
        (host, host_name, host_status),
        (addresses, fqdn, guest_os, started, stopped, generation),
        (launched, waits, migrating_to),
    ): Row,
) -> VmRun {
    VmRun {
        vm,
        name,
        pool: pool.zip(pool_name),
        stateless: stateless || this_time == Some(true),
        delete_protected,
        intent,
        observed,
        agent,
        status,
        reason,
        host,
        host_name: host_name.unwrap_or_default(),
        host_status,
        addresses: serde_json::from_str(&addresses).unwrap_or_default(),
        fqdn,
        guest_os,
        started,
        stopped,
        generation,
        launched,
        waits,
        migrating_to,
    }
}

/// One VM; none: it does not exist.
pub fn get(db: &mut Db, vm: VmId) -> QueryResult<Option<VmRun>> {
    Ok(find(db, Which::One(vm))?.pop())
}

/// Keeps `run` if nobody changed it since it was read; false: somebody did.
pub fn replace(db: &mut Db, run: &VmRun) -> QueryResult<bool> {
    let addresses = serde_json::to_string(&run.addresses).unwrap_or_else(|_| "[]".to_owned());
    let as_read = vm_run::table.filter(vm_run::vm_id.eq(run.vm)).filter(vm_run::generation.eq(run.generation));
    let changed = diesel::update(as_read)
        .set((
            (vm_run::intent.eq(run.intent), vm_run::observed.eq(run.observed)),
            (vm_run::agent_connected.eq(run.agent), vm_run::status.eq(run.status)),
            (vm_run::status_reason.eq(&run.reason), vm_run::host_id.eq(run.host)),
            (vm_run::addresses.eq(addresses), vm_run::fqdn.eq(&run.fqdn), vm_run::guest_os.eq(&run.guest_os)),
            (vm_run::started.eq(run.started), vm_run::stopped.eq(run.stopped)),
            (
                vm_run::launched.eq(&run.launched),
                vm_run::waits.eq(run.waits),
                vm_run::migrating_to.eq(run.migrating_to),
            ),
            vm_run::generation.eq(run.generation + 1),
        ))
        .execute(db)?;
    Ok(changed == 1)
}

/// A job holds the VM.
pub fn is_locked(db: &mut Db, vm: VmId) -> QueryResult<bool> {
    let object: ObjectId = vm.object();
    diesel::select(diesel::dsl::exists(job_lock::table.filter(job_lock::object_id.eq(object)))).get_result(db)
}
