//! Many VMs of a pool at once: copies of one that is whole, in a few statements however many they are, and their removal.

use crate::db::Db;
use crate::db::dialect::DynamicQuery;
use crate::db::schema::*;
use crate::model::ids::{DiskId, ImageId, JobId, NicId, ObjectId, PoolId, VmId, VnicProfileId};
use crate::model::network::MacAddress;
use crate::store::tags;
use diesel::prelude::*;

/// Columns that a copy has from its model. The test below looks whether a table has got others.
const VM: &[&str] = &[
    "cluster_id",
    "template_id",
    "instance_type_id",
    "vm_pool_id",
    "description",
    "comment",
    "os",
    "kind",
    "memory_mib",
    "max_memory_mib",
    "guaranteed_memory_mib",
    "sockets",
    "cores",
    "threads",
    "display",
    "boot",
    "stateless",
    "delete_protected",
    "cd_disk_id",
    "created",
    "allow_override",
    "use_latest",
    "settings",
];
const VM_RUN: &[&str] = &[
    "intent",
    "observed",
    "agent_connected",
    "status",
    "status_reason",
    "host_id",
    "addresses",
    "fqdn",
    "guest_os",
    "started",
    "stopped",
    "generation",
    "launched",
    "waits",
    "migrating_to",
];
const NIC: &[&str] = &["name", "vnic_profile_id", "model", "linked", "position", "plugged"];
const DISK: &[&str] = &[
    "storage_domain_id",
    "description",
    "content",
    "format",
    "sparse",
    "virtual_bytes",
    "actual_bytes",
    "status",
    "created",
];
const IMAGE: &[&str] = &["parent_id", "is_active", "is_stateless", "format", "created", "made", "memory_id"];
const VM_DISK: &[&str] = &["position", "interface", "bootable", "read_only", "active"];

/// `insert into table (own…, columns…) select fresh.column1…, columns… from (values …) as fresh join table on its model`: each of
/// `rows` has the values of `own` and, last, the model's key.
fn copy_rows(
    db: &mut Db,
    table: &str,
    own: &[&str],
    columns: &[&str],
    key: &str,
    rows: &[Vec<String>],
) -> QueryResult<()> {
    if rows.is_empty() {
        return Ok(());
    }
    let fresh: Vec<String> = (1..=own.len()).map(|n| format!("fresh.column{n}")).collect();
    let kept: Vec<String> = columns.iter().map(|c| format!("m.{c}")).collect();
    let mut q = DynamicQuery::new(&format!(
        "insert into {table} ({}, {}) select {}, {} from (values ",
        own.join(", "),
        columns.join(", "),
        fresh.join(", "),
        kept.join(", ")
    ));
    for (i, row) in rows.iter().enumerate() {
        q.push(if i == 0 { "(" } else { ", (" });
        q.bind_all(row.iter().cloned()).push(")");
    }
    q.push(&format!(") as fresh join {table} m on m.{key} = fresh.column{}", own.len() + 1));
    q.execute(db).map(drop)
}

/// A copy to be made.
#[derive(Debug, Clone)]
pub struct Copy {
    pub vm: VmId,
    pub name: String,
    /// One for each card of the model.
    pub macs: Vec<MacAddress>,
}

/// Copies a VM that never ran, with its cards and thin disks; the job that holds it holds the copies.
pub fn copy(db: &mut Db, model: VmId, copies: &[Copy]) -> QueryResult<()> {
    let nics: Vec<NicId> = nic::table.filter(nic::vm_id.eq(model)).order(nic::position).select(nic::id).load(db)?;
    let disks: Vec<(DiskId, ImageId)> = vm_disk::table
        .inner_join(image::table.on(image::disk_id.eq(vm_disk::disk_id)))
        .filter(vm_disk::vm_id.eq(model))
        .order(vm_disk::position)
        .select((vm_disk::disk_id, image::id))
        .load(db)?;
    let from = model.to_string();
    let (mut vms, mut runs, mut cards, mut locks) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let (mut disk_rows, mut images, mut attached) = (Vec::new(), Vec::new(), Vec::new());
    for one in copies {
        let vm = one.vm.to_string();
        vms.push(vec![vm.clone(), one.name.clone(), from.clone()]);
        runs.push(vec![vm.clone(), from.clone()]);
        locks.push(vec![vm.clone(), from.clone()]);
        for (card, mac) in nics.iter().zip(&one.macs) {
            cards.push(vec![NicId::random().to_string(), vm.clone(), mac.to_string(), card.to_string()]);
        }
        for (number, (disk, image)) in disks.iter().enumerate() {
            let own = DiskId::random().to_string();
            let alias = format!("{}_Disk{}", one.name, number + 1);
            disk_rows.push(vec![own.clone(), alias, disk.to_string()]);
            images.push(vec![ImageId::random().to_string(), own.clone(), image.to_string()]);
            attached.push(vec![own, vm.clone(), disk.to_string()]);
        }
    }
    copy_rows(db, "vm", &["id", "name"], VM, "id", &vms)?;
    copy_rows(db, "vm_run", &["vm_id"], VM_RUN, "vm_id", &runs)?;
    copy_rows(db, "nic", &["id", "vm_id", "mac"], NIC, "id", &cards)?;
    copy_rows(db, "disk", &["id", "alias"], DISK, "id", &disk_rows)?;
    copy_rows(db, "image", &["id", "disk_id"], IMAGE, "id", &images)?;
    copy_rows(db, "vm_disk", &["disk_id", "vm_id"], VM_DISK, "disk_id", &attached)?;
    places(db, &vms, &attached, &from)?;
    copy_rows(db, "job_lock", &["object_id"], &["job_id"], "object_id", &locks)?;
    Ok(())
}

/// Puts the copies where the model is in oVirt's tree; above a disk its own VM stands in the model's place.
fn places(db: &mut Db, vms: &[Vec<String>], disks: &[Vec<String>], model: &str) -> QueryResult<()> {
    let triples =
        vms.iter().map(|row| [&row[0], &row[0], &row[2]]).chain(disks.iter().map(|row| [&row[0], &row[1], &row[2]]));
    let mut q = DynamicQuery::new(
        "insert into object_ancestor (object_id, ancestor_id) select fresh.column1, case m.ancestor_id when ",
    );
    q.bind(model.to_owned());
    q.push(" then fresh.column2 when m.object_id then fresh.column1 else m.ancestor_id end from (values ");
    for (i, row) in triples.enumerate() {
        q.push(if i == 0 { "(" } else { ", (" });
        q.bind_all(row.into_iter().cloned()).push(")");
    }
    q.push(") as fresh join object_ancestor m on m.object_id = fresh.column3");
    q.execute(db).map(drop)
}

/// The VMs that a job holds.
pub fn held(db: &mut Db, job: JobId) -> QueryResult<Vec<VmId>> {
    job_lock::table
        .inner_join(vm::table.on(vm::id.eq(job_lock::object_id)))
        .filter(job_lock::job_id.eq(job))
        .select(vm::id)
        .load(db)
}

/// The layers of a VM's disks have no files yet: they are made when it first starts.
pub fn set_unmade(db: &mut Db, id: VmId) -> QueryResult<()> {
    let disks: Vec<DiskId> = vm_disk::table.filter(vm_disk::vm_id.eq(id)).select(vm_disk::disk_id).load(db)?;
    let layers = image::table.filter(image::disk_id.eq_any(disks));
    diesel::update(layers).set(image::made.eq(false)).execute(db).map(drop)
}

/// Removes VMs with all that hangs on them; their files are the caller's. Gone already: fine.
pub fn remove(db: &mut Db, ids: &[VmId]) -> QueryResult<()> {
    for ids in ids.chunks(200) {
        let disks: Vec<DiskId> = vm_disk::table.filter(vm_disk::vm_id.eq_any(ids)).select(vm_disk::disk_id).load(db)?;
        let mut objects: Vec<ObjectId> = ids.iter().map(|id| id.object()).collect();
        objects.extend(disks.iter().map(|id| id.object()));
        diesel::delete(permission::table.filter(permission::object_id.eq_any(&objects))).execute(db)?;
        diesel::delete(object_ancestor::table.filter(object_ancestor::object_id.eq_any(&objects))).execute(db)?;
        diesel::delete(quota_choice::table.filter(quota_choice::object_id.eq_any(&objects))).execute(db)?;
        tags::forget(db, &objects)?;
        // Throw-away layers lie on the others.
        let layers = image::table.filter(image::disk_id.eq_any(&disks));
        diesel::delete(layers.filter(image::is_stateless)).execute(db)?;
        diesel::delete(image::table.filter(image::disk_id.eq_any(&disks))).execute(db)?;
        diesel::delete(vm_disk::table.filter(vm_disk::vm_id.eq_any(ids))).execute(db)?;
        diesel::delete(disk::table.filter(disk::id.eq_any(&disks))).execute(db)?;
        diesel::delete(pool_assignment::table.filter(pool_assignment::vm_id.eq_any(ids))).execute(db)?;
        diesel::delete(nic::table.filter(nic::vm_id.eq_any(ids))).execute(db)?;
        diesel::delete(vm_run::table.filter(vm_run::vm_id.eq_any(ids))).execute(db)?;
        diesel::delete(vm::table.filter(vm::id.eq_any(ids))).execute(db)?;
    }
    Ok(())
}

/// VMs of the pool that never ran and have no file: there is nothing of them anywhere but here.
pub fn untouched(db: &mut Db, pool: PoolId) -> QueryResult<Vec<VmId>> {
    let mut q = DynamicQuery::new(
        "select vm.id as vm from vm join vm_run r on r.vm_id = vm.id where r.started is null and r.stopped is null \
         and r.host_id is null and r.status = 'down' and not exists (select 1 from vm_disk d join image i \
         on i.disk_id = d.disk_id where d.vm_id = vm.id and i.made) and vm.vm_pool_id = ",
    );
    q.bind(pool.to_string());
    Ok(q.load::<One>(db)?.into_iter().map(|one| one.vm).collect())
}

#[derive(QueryableByName)]
struct One {
    #[diesel(sql_type = diesel::sql_types::Text)]
    vm: VmId,
}

/// The profiles of the cards that the pool's VMs have; none: it has no VM.
pub fn cards(db: &mut Db, pool: PoolId) -> QueryResult<Option<Vec<Option<VnicProfileId>>>> {
    let Some(one) =
        vm::table.filter(vm::vm_pool_id.eq(pool)).order(vm::name).select(vm::id).first::<VmId>(db).optional()?
    else {
        return Ok(None);
    };
    let profiles = nic::table.filter(nic::vm_id.eq(one)).order(nic::position).select(nic::vnic_profile_id);
    profiles.load(db).map(Some)
}

/// Names of VMs that begin so.
pub fn names(db: &mut Db, beginning: &str) -> QueryResult<Vec<String>> {
    vm::table.filter(vm::name.like(format!("{beginning}%"))).select(vm::name).load(db)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_has_all_columns() {
        macro_rules! all {
            ($table:ident, $own:expr, $kept:expr) => {
                let query = $table::table.select($table::all_columns);
                let text = diesel::debug_query::<diesel::sqlite::Sqlite, _>(&query).to_string();
                let count = text.split(" FROM ").next().unwrap().matches("`.`").count();
                assert_eq!(count, $own + $kept.len(), "{text}");
                assert!($kept.iter().all(|c| text.contains(&format!("`{c}`"))), "{text}");
            };
        }
        all!(vm, 2, VM);
        all!(vm_run, 1, VM_RUN);
        all!(nic, 3, NIC);
        all!(disk, 2, DISK);
        all!(image, 2, IMAGE);
        all!(vm_disk, 2, VM_DISK);
    }
}
