//! Versions of templates: which is the newest, what hangs on each, and whose disks are to be made anew from a newer one.

use crate::db::Db;
use crate::db::dialect::DynamicQuery;
use crate::db::schema::{disk, image, job, job_lock, template, template_disk, vm, vm_disk, vm_pool};
use crate::model::ids::*;
use crate::model::job::JobKind;
use crate::model::template::{Dependants, TemplateStatus};
use crate::store::catalog::unsigned;
use crate::store::vms::insert::signed;
use crate::store::{ancestors, jobs};
use diesel::prelude::*;
use diesel::sql_types::Text;

/// The base of a template: itself, if it is no version of another.
pub fn base_of(db: &mut Db, id: TemplateId) -> QueryResult<TemplateId> {
    let base: Option<Option<TemplateId>> =
        template::table.find(id).select(template::base_template_id).first(db).optional()?;
    Ok(base.flatten().unwrap_or(id))
}

/// What a template is called.
pub fn name(db: &mut Db, id: TemplateId) -> QueryResult<String> {
    template::table.find(id).select(template::name).first(db)
}

/// All versions of a base, and the base itself.
fn family(db: &mut Db, base: TemplateId) -> QueryResult<Vec<(TemplateId, TemplateStatus)>> {
    template::table
        .filter(template::id.eq(base).or(template::base_template_id.eq(Some(base))))
        .order(template::version_number.desc())
        .select((template::id, template::status))
        .load(db)
}

/// The newest version that can be used, of a base or any of its versions.
pub fn newest(db: &mut Db, of: TemplateId) -> QueryResult<TemplateId> {
    let base = base_of(db, of)?;
    let usable = family(db, base)?.into_iter().filter(|one| one.1 == TemplateStatus::Ok).map(|one| one.0);
    for id in usable.collect::<Vec<_>>() {
        // Its removal may have begun.
        if jobs::holder(db, &[id.object()])?.is_none() {
            return Ok(id);
        }
    }
    Ok(of)
}

/// The number that the next version gets. Versions of one base stand in line: its row is written first.
pub fn next_number(db: &mut Db, base: TemplateId) -> QueryResult<u32> {
    hold(db, base)?;
    let last: Option<i32> = template::table
        .filter(template::id.eq(base).or(template::base_template_id.eq(Some(base))))
        .select(diesel::dsl::max(template::version_number))
        .first(db)?;
    Ok(unsigned::<_, u32>(last.unwrap_or(1)) + 1)
}

/// Who makes something of a template and who removes it come one after the other; false: it is gone.
pub fn hold(db: &mut Db, id: TemplateId) -> QueryResult<bool> {
    Ok(diesel::update(template::table.find(id)).set(template::id.eq(template::id)).execute(db)? == 1)
}

#[derive(QueryableByName)]
struct On {
    #[diesel(sql_type = Text)]
    disk: DiskId,
}

/// What hangs on a template.
pub fn dependants(db: &mut Db, id: TemplateId) -> QueryResult<Dependants> {
    let mut q = DynamicQuery::new(
        "select distinct i.disk_id as disk from template_disk t join image p on p.disk_id = t.disk_id \
         join image i on i.parent_id = p.id where i.disk_id <> t.disk_id and t.template_id = ",
    );
    q.bind(id.to_string());
    let disks: Vec<DiskId> = q.load::<On>(db)?.into_iter().map(|on| on.disk).collect();
    let (mut vms, mut alone) = (Vec::new(), Vec::new());
    for disks in disks.chunks(500) {
        let owned: Vec<(DiskId, VmId, String)> = vm_disk::table
            .inner_join(vm::table)
            .filter(vm_disk::disk_id.eq_any(disks))
            .select((vm_disk::disk_id, vm::id, vm::name))
            .load(db)?;
        let free: Vec<DiskId> = disks.iter().filter(|d| !owned.iter().any(|o| o.0 == **d)).copied().collect();
        vms.extend(owned.into_iter().map(|(_, vm, name)| (vm, name)));
        alone.extend(
            disk::table.filter(disk::id.eq_any(free)).select((disk::id, disk::alias)).load::<(DiskId, String)>(db)?,
        );
    }
    vms.sort_by(|a, b| (&a.1, a.0).cmp(&(&b.1, b.0)));
    vms.dedup();
    let pools = vm_pool::table
        .filter(vm_pool::template_id.eq(id))
        .order(vm_pool::name)
        .select((vm_pool::id, vm_pool::name))
        .load(db)?;
    let versions = template::table
        .filter(template::base_template_id.eq(Some(id)))
        .order(template::version_number)
        .select((template::id, template::name))
        .load(db)?;
    Ok(Dependants { vms, disks: alone, pools, versions })
}

/// A disk of a VM that is one layer on a disk of its template.
#[derive(Debug, Clone)]
pub struct ThinDisk {
    pub disk: DiskId,
    pub image: ImageId,
}

/// The VM's disks that are layers on its template's, in order.
pub fn thin_disks(db: &mut Db, vm: VmId, template: TemplateId) -> QueryResult<Vec<ThinDisk>> {
    let below: Vec<ImageId> = image::table
        .inner_join(template_disk::table.on(template_disk::disk_id.eq(image::disk_id)))
        .filter(template_disk::template_id.eq(template))
        .select(image::id)
        .load(db)?;
    let below: Vec<Option<ImageId>> = below.into_iter().map(Some).collect();
    let rows: Vec<(DiskId, ImageId)> = vm_disk::table
        .inner_join(image::table.on(image::disk_id.eq(vm_disk::disk_id)))
        .filter(vm_disk::vm_id.eq(vm))
        .filter(image::parent_id.eq_any(below))
        .order((vm_disk::position, vm_disk::disk_id))
        .select((vm_disk::disk_id, image::id))
        .load(db)?;
    Ok(rows.into_iter().map(|(disk, image)| ThinDisk { disk, image }).collect())
}

/// The template of a VM whose disks follow its newest version; none: they do not.
pub fn followed(db: &mut Db, id: VmId) -> QueryResult<Option<TemplateId>> {
    type Row = (TemplateId, bool, bool, Option<bool>, Option<bool>);
    let row: Option<Row> = vm::table
        .left_join(vm_pool::table)
        .filter(vm::id.eq(id))
        .select((
            vm::template_id,
            vm::use_latest,
            vm::stateless,
            vm_pool::use_latest.nullable(),
            vm_pool::stateful.nullable(),
        ))
        .first(db)
        .optional()?;
    Ok(row.filter(|r| (r.1 && r.2) || (r.3 == Some(true) && r.4 == Some(false))).map(|r| r.0))
}

/// The files of these layers are gone, or are about to go: they are made anew before the next start.
pub fn set_unmade(db: &mut Db, disks: &[ThinDisk]) -> QueryResult<()> {
    let images: Vec<ImageId> = disks.iter().map(|d| d.image).collect();
    diesel::update(image::table.filter(image::id.eq_any(images))).set(image::made.eq(false)).execute(db).map(drop)
}

/// The layer lies on another image from now on, in that one's storage domain. It has no file.
pub fn lay_on(db: &mut Db, vm: VmId, thin: &ThinDisk, on: &crate::store::disks::write::ActiveImage) -> QueryResult<()> {
    diesel::update(image::table.find(thin.image))
        .set((image::parent_id.eq(Some(on.image)), image::made.eq(false)))
        .execute(db)?;
    diesel::update(disk::table.find(thin.disk))
        .set((
            disk::virtual_bytes.eq(signed::<_, i64>(on.virtual_bytes)),
            disk::actual_bytes.eq(0),
            disk::storage_domain_id.eq(on.domain),
        ))
        .execute(db)?;
    ancestors::set(db, thin.disk.object(), &[vm.object(), on.domain.object()])
}

/// What a VM is made of.
pub fn template_of(db: &mut Db, id: VmId) -> QueryResult<TemplateId> {
    vm::table.find(id).select(vm::template_id).first(db)
}

/// The VM is made of this from now on.
pub fn set_template(db: &mut Db, id: VmId, template: TemplateId) -> QueryResult<()> {
    diesel::update(vm::table.find(id)).set(vm::template_id.eq(template)).execute(db).map(drop)
}

#[derive(QueryableByName)]
struct Behind {
    #[diesel(sql_type = Text)]
    vm: VmId,
}

/// VMs of a pool that are down, free, held by no task, and of another version than `newest`.
pub fn behind(db: &mut Db, pool: PoolId, newest: TemplateId, most: usize) -> QueryResult<Vec<VmId>> {
    let mut q = DynamicQuery::new(
        "select vm.id as vm from vm join vm_run r on r.vm_id = vm.id left join pool_assignment a on a.vm_id = vm.id \
         left join job_lock l on l.object_id = vm.id where a.vm_id is null and l.object_id is null and r.status = 'down' \
         and r.host_id is null and vm.vm_pool_id = ",
    );
    q.bind(pool.to_string()).push(" and vm.template_id <> ").bind(newest.to_string());
    q.push(&format!(" order by length(vm.name), vm.name limit {most}"));
    Ok(q.load::<Behind>(db)?.into_iter().map(|one| one.vm).collect())
}

/// How many VMs of a pool are being taken to a newer version.
pub fn renewing(db: &mut Db, pool: PoolId) -> QueryResult<usize> {
    let count: i64 = job_lock::table
        .inner_join(job::table)
        .inner_join(vm::table.on(vm::id.eq(job_lock::object_id)))
        .filter(job::kind.eq(JobKind::RenewVm))
        .filter(vm::vm_pool_id.eq(pool))
        .count()
        .get_result(db)?;
    Ok(unsigned(count))
}

/// How many VMs of a pool are of another version than `newest`.
pub fn count_behind(db: &mut Db, pool: PoolId, newest: TemplateId) -> QueryResult<u32> {
    let count: i64 =
        vm::table.filter(vm::vm_pool_id.eq(pool)).filter(vm::template_id.ne(newest)).count().get_result(db)?;
    Ok(unsigned(count))
}

/// Pools that follow the newest version of their template.
pub fn following(db: &mut Db) -> QueryResult<Vec<(PoolId, TemplateId)>> {
    vm_pool::table.filter(vm_pool::use_latest).select((vm_pool::id, vm_pool::template_id)).load(db)
}

/// A task changes the pool, or takes it away.
pub fn held(db: &mut Db, pool: PoolId) -> QueryResult<bool> {
    let count: i64 = job_lock::table.filter(job_lock::object_id.eq(pool.object())).count().get_result(db)?;
    Ok(count > 0)
}
