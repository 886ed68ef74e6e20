//! Disks as pages show them.

use crate::db::schema::{disk, job_lock, storage_domain, template, template_disk, vm, vm_disk};
use crate::db::{Db, MultiBackend};
use crate::model::clock::Timestamp;
use crate::model::disk::{AttachedTo, DiskContent, DiskFormat, DiskStatus, DiskView};
use crate::model::ids::{DiskId, ObjectId, StorageDomainId, TemplateId, VmId};
use crate::store::catalog::unsigned;
use crate::store::scope::{Scope, within};
use diesel::prelude::*;
use std::collections::{HashMap, HashSet};

type Row = (
    (DiskId, String, String, DiskStatus, DiskContent),
    (DiskFormat, bool, i64, i64, Timestamp),
    (StorageDomainId, String),
);

/// All disks in scope.
pub fn list(db: &mut Db, scope: &Scope) -> QueryResult<Vec<DiskView>> {
    let query = disk::table
        .inner_join(storage_domain::table)
        .select((
            (disk::id, disk::alias, disk::description, disk::status, disk::content),
            (disk::format, disk::sparse, disk::virtual_bytes, disk::actual_bytes, disk::created),
            (storage_domain::id, storage_domain::name),
        ))
        .order(disk::alias)
        .into_boxed::<MultiBackend>();
    let rows: Vec<Row> = within!(query, disk::id, scope).load(db)?;
    let mut attached: HashMap<DiskId, Vec<AttachedTo>> = HashMap::new();
    let vms = vm_disk::table.inner_join(vm::table).select((vm_disk::disk_id, vm::id, vm::name)).into_boxed();
    let templates = template_disk::table
        .inner_join(template::table)
        .select((template_disk::disk_id, template::id, template::name))
        .into_boxed();
    let ids: Vec<DiskId> = rows.iter().map(|r| r.0.0).collect();
    // Few disks (one VM's): ask for these. Many: one pass over the table is cheaper than thousands of binds.
    let few = ids.len() <= 200;
    let vms = if few { vms.filter(vm_disk::disk_id.eq_any(&ids)) } else { vms };
    let templates = if few { templates.filter(template_disk::disk_id.eq_any(&ids)) } else { templates };
    for (id, vm, name) in vms.load::<(DiskId, VmId, String)>(db)? {
        attached.entry(id).or_default().push(AttachedTo::Vm(vm, name));
    }
    for (id, template, name) in templates.load::<(DiskId, TemplateId, String)>(db)? {
        attached.entry(id).or_default().push(AttachedTo::Template(template, name));
    }
    let locked: HashSet<ObjectId> = job_lock::table.select(job_lock::object_id).load(db)?.into_iter().collect();
    Ok(rows.into_iter().map(|row| view(row, &mut attached, &locked)).collect())
}

fn view(row: Row, attached: &mut HashMap<DiskId, Vec<AttachedTo>>, locked: &HashSet<ObjectId>) -> DiskView {
    let ((id, alias, description, status, content), (format, sparse, virtual_bytes, actual_bytes, created), domain) =
        row;
    DiskView {
        id,
        alias,
        description,
        status: if locked.contains(&id.object()) { DiskStatus::Locked } else { status },
        content,
        format,
        sparse,
        virtual_bytes: unsigned(virtual_bytes),
        actual_bytes: unsigned(actual_bytes),
        storage_domain: domain.0,
        storage_domain_name: domain.1,
        attached: attached.remove(&id).unwrap_or_default(),
        created,
    }
}

/// These disks.
pub fn by_ids(db: &mut Db, ids: &[DiskId]) -> QueryResult<HashMap<DiskId, DiskView>> {
    let scope = Scope::Some { trees: Vec::new(), single: ids.iter().map(|d| d.object()).collect() };
    Ok(list(db, &scope)?.into_iter().map(|d| (d.id, d)).collect())
}
