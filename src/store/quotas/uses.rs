//! What is used of quotas, as the database knows it: VMs that run or are about to, and disks with what their snapshots keep.

use crate::db::Db;
use crate::db::dialect::DynamicQuery;
use crate::model::ids::*;
use crate::model::predefined_roles::{DISK_OPERATOR, USER_VM_MANAGER};
use crate::model::quota::{Amount, DiskUse, Uses, VmUse};
use crate::model::vm_settings::Running;
use crate::store::catalog::unsigned;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Bool, Nullable, Text};

/// On which quotas.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanted {
    All,
    Of(QuotaId),
    /// What one VM and its disks count on.
    Vm(VmId),
    /// What a pool's VMs and their disks count on.
    Pool(PoolId),
    Disk(DiskId),
    /// What a template's disks count on.
    Template(TemplateId),
}

#[derive(QueryableByName)]
struct VmRow {
    #[diesel(sql_type = Text)]
    vm: VmId,
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = Text)]
    quota: QuotaId,
    #[diesel(sql_type = Text)]
    cluster: ClusterId,
    #[diesel(sql_type = Nullable<Text>)]
    person: Option<UserId>,
    #[diesel(sql_type = BigInt)]
    vcpus: i64,
    #[diesel(sql_type = BigInt)]
    memory_mib: i64,
    #[diesel(sql_type = Bool)]
    runs: bool,
    #[diesel(sql_type = Text)]
    launched: String,
}

/// For whom the VM `vm` counts: who was given it by its pool, `a`; one that belongs to no pool for who manages it the longest.
fn person_of_vm() -> String {
    format!(
        "coalesce(case when a.permission_id is not null then a.user_id end, (select p.principal_id from permission p \
         join users u on u.id = p.principal_id where vm.vm_pool_id is null and p.object_id = vm.id and p.role_id = '{USER_VM_MANAGER}' \
         order by p.created, p.id limit 1))"
    )
}

/// The VM `vm` runs, or is about to: `r` is its running side.
const RUNS: &str =
    "(r.intent not in ('off', 'suspended', 'images') or r.observed in ('running', 'paused', 'paused_io', 'stopping'))";

/// The VMs that count on them.
pub fn vms(db: &mut Db, wanted: Wanted) -> QueryResult<Vec<VmUse>> {
    let mut q = DynamicQuery::new(
        "select vm.id as vm, vm.name, coalesce(own.quota_id, d.id) as quota, vm.cluster_id as cluster, \
         cast(vm.sockets * vm.cores * vm.threads as bigint) as vcpus, vm.memory_mib, r.launched, ",
    );
    q.push(RUNS).push(" as runs, ").push(&person_of_vm()).push(" as person");
    q.push(
        " from vm join vm_run r on r.vm_id = vm.id join cluster c on c.id = vm.cluster_id \
         join quota d on d.data_center_id = c.data_center_id and d.is_default \
         left join quota_choice own on own.object_id = coalesce(vm.vm_pool_id, vm.id) \
         left join pool_assignment a on a.vm_id = vm.id where ",
    );
    match wanted {
        Wanted::All => q.push("true"),
        Wanted::Of(quota) => q.push("coalesce(own.quota_id, d.id) = ").bind(quota.to_string()),
        Wanted::Vm(vm) => q.push("vm.id = ").bind(vm.to_string()),
        Wanted::Pool(pool) => q.push("vm.vm_pool_id = ").bind(pool.to_string()),
        Wanted::Disk(_) | Wanted::Template(_) => q.push("false"),
    };
    q.push(" order by vm.name");
    Ok(q.load::<VmRow>(db)?.into_iter().map(vm_use).collect())
}

/// A guest takes what it has and what it will have after its next start, whichever is more.
fn vm_use(row: VmRow) -> VmUse {
    let now = Running::from_json(&row.launched).filter(|_| row.runs).map(|now| now.hardware);
    let has = now.map_or((0, 0), |hw| (u64::from(hw.vcpus()), hw.memory_mib));
    let size = Amount {
        vcpus: unsigned::<_, u64>(row.vcpus).max(has.0),
        memory_mib: unsigned::<_, u64>(row.memory_mib).max(has.1),
        bytes: 0,
    };
    let VmRow { vm, name, quota, cluster, person, runs, .. } = row;
    VmUse { vm, name, quota, cluster, person, size, runs }
}

#[derive(QueryableByName)]
struct DiskRow {
    #[diesel(sql_type = Text)]
    disk: DiskId,
    #[diesel(sql_type = Text)]
    alias: String,
    #[diesel(sql_type = Text)]
    quota: QuotaId,
    #[diesel(sql_type = Text)]
    domain: StorageDomainId,
    #[diesel(sql_type = Nullable<Text>)]
    person: Option<UserId>,
    #[diesel(sql_type = Nullable<Text>)]
    vm: Option<VmId>,
    #[diesel(sql_type = BigInt)]
    bytes: i64,
}

/// The disks that count on them.
pub fn disks(db: &mut Db, wanted: Wanted) -> QueryResult<Vec<DiskUse>> {
    // What was chosen for the disk itself, else for what it belongs to.
    let quota = "coalesce(own.quota_id, upper.quota_id, d.id)";
    let mut q =
        DynamicQuery::new("select disk.id as disk, disk.alias, disk.storage_domain_id as domain, vm.id as vm, ");
    q.push(quota).push(" as quota, case when vm.id is null then (select p.principal_id from permission p ");
    q.push("join users u on u.id = p.principal_id where td.disk_id is null and p.object_id = disk.id and p.role_id = ");
    q.bind(DISK_OPERATOR.to_string()).push(" order by p.created, p.id limit 1) else ").push(&person_of_vm());
    q.push(
        " end as person, disk.virtual_bytes + cast(coalesce((select sum(si.actual_bytes) from snapshot_image si \
         join image i on i.id = si.image_id where si.disk_id = disk.id and not i.is_active), 0) as bigint) as bytes \
         from disk join storage_domain s on s.id = disk.storage_domain_id \
         join quota d on d.data_center_id = s.data_center_id and d.is_default \
         left join vm_disk vd on vd.disk_id = disk.id left join vm on vm.id = vd.vm_id \
         left join pool_assignment a on a.vm_id = vm.id left join template_disk td on td.disk_id = disk.id \
         left join quota_choice own on own.object_id = disk.id \
         left join quota_choice upper on upper.object_id = coalesce(vm.vm_pool_id, vm.id, td.template_id) where ",
    );
    match wanted {
        Wanted::All => q.push("true"),
        Wanted::Of(id) => q.push(quota).push(" = ").bind(id.to_string()),
        Wanted::Vm(id) => q.push("vm.id = ").bind(id.to_string()),
        Wanted::Pool(id) => q.push("vm.vm_pool_id = ").bind(id.to_string()),
        Wanted::Disk(id) => q.push("disk.id = ").bind(id.to_string()),
        Wanted::Template(id) => q.push("td.template_id = ").bind(id.to_string()),
    };
    q.push(" order by disk.alias");
    let row = |row: DiskRow| {
        let DiskRow { disk, alias, quota, domain, person, vm, bytes } = row;
        DiskUse { disk, alias, quota, domain, person, vm, bytes: unsigned(bytes) }
    };
    Ok(q.load::<DiskRow>(db)?.into_iter().map(row).collect())
}

/// All that counts on them.
pub fn uses(db: &mut Db, wanted: Wanted) -> QueryResult<Uses> {
    Ok(Uses { vms: vms(db, wanted)?, disks: disks(db, wanted)? })
}
