//! The memories that pools' VMs start from.

use crate::db::Db;
use crate::db::schema::{disk, image, pool_memory, pool_memory_layer, storage_domain, vm_disk, vm_pool};
use crate::model::clock::Timestamp;
use crate::model::ids::*;
use crate::model::pool::{MemoryState, PoolKind, PoolMemory};
use crate::store::catalog::unsigned;
use crate::store::vms::insert::signed;
use diesel::prelude::*;

/// What the guest of a memory wrote to a disk of the template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemoryLayer {
    /// The template's disk.
    pub disk: DiskId,
    pub image: ImageId,
    /// The template's image below it.
    pub below: ImageId,
}

/// A VM's disk and the template's image that it lies on.
#[derive(Debug, Clone)]
pub struct Base {
    pub disk: DiskId,
    pub virtual_bytes: u64,
    pub below_disk: DiskId,
    pub below: ImageId,
    pub domain: StorageDomainId,
    pub path: String,
    pub host: Option<HostId>,
    pub data_center: Option<DataCenterId>,
}

/// The pools whose VMs are to start from a memory.
pub fn wanted(db: &mut Db) -> QueryResult<Vec<(PoolId, String)>> {
    vm_pool::table
        .filter(vm_pool::instant_start)
        .filter(vm_pool::stateful.eq(false))
        .filter(vm_pool::kind.eq(PoolKind::Automatic))
        .select((vm_pool::id, vm_pool::name))
        .load(db)
}

type Row = (
    (MemoryId, PoolId, MemoryState, String, StorageDomainId, DiskId),
    (i64, String, i32, Option<Timestamp>, Timestamp),
);

/// All of them.
pub fn all(db: &mut Db) -> QueryResult<Vec<PoolMemory>> {
    let rows: Vec<Row> = pool_memory::table
        .select((
            (
                pool_memory::id,
                pool_memory::vm_pool_id,
                pool_memory::state,
                pool_memory::make,
                pool_memory::storage_domain_id,
                pool_memory::disk_id,
            ),
            (
                pool_memory::bytes,
                pool_memory::reason,
                pool_memory::failures,
                pool_memory::next_try,
                pool_memory::changed,
            ),
        ))
        .order(pool_memory::changed)
        .load(db)?;
    let memory =
        |((id, pool, state, make, domain, disk), (bytes, reason, failures, next_try, changed)): Row| PoolMemory {
            id,
            pool,
            state,
            make,
            domain,
            disk,
            bytes: unsigned(bytes),
            reason,
            failures: unsigned(failures),
            next_try,
            changed,
        };
    Ok(rows.into_iter().map(memory).collect())
}

/// The pool's own, whether it can be used already or not.
pub fn of_pool(db: &mut Db, pool: PoolId) -> QueryResult<Option<PoolMemory>> {
    Ok(all(db)?.into_iter().rfind(|memory| memory.pool == pool && memory.state != MemoryState::Retired))
}

/// Keeps a memory that is to be saved; the pool's earlier ones are not used any more.
pub fn insert(db: &mut Db, new: &PoolMemory, layers: &[MemoryLayer]) -> QueryResult<()> {
    diesel::update(pool_memory::table.filter(pool_memory::vm_pool_id.eq(new.pool)))
        .set(pool_memory::state.eq(MemoryState::Retired))
        .execute(db)?;
    diesel::insert_into(pool_memory::table)
        .values((
            pool_memory::id.eq(new.id),
            pool_memory::vm_pool_id.eq(new.pool),
            pool_memory::state.eq(new.state),
            pool_memory::make.eq(&new.make),
            pool_memory::storage_domain_id.eq(new.domain),
            pool_memory::disk_id.eq(new.disk),
            pool_memory::failures.eq(signed::<_, i32>(new.failures)),
            pool_memory::changed.eq(new.changed),
        ))
        .execute(db)?;
    for layer in layers {
        diesel::insert_into(pool_memory_layer::table)
            .values((
                pool_memory_layer::memory_id.eq(new.id),
                pool_memory_layer::image_id.eq(layer.image),
                pool_memory_layer::disk_id.eq(layer.disk),
                pool_memory_layer::below_image_id.eq(layer.below),
            ))
            .execute(db)?;
    }
    Ok(())
}

/// It is saved, and can be used unless it is not wanted any more.
pub fn set_ready(db: &mut Db, id: MemoryId, bytes: u64, now: Timestamp) -> QueryResult<bool> {
    let making = pool_memory::table.find(id).filter(pool_memory::state.eq(MemoryState::Making));
    let set = (
        pool_memory::state.eq(MemoryState::Ready),
        pool_memory::bytes.eq(signed::<_, i64>(bytes)),
        pool_memory::failures.eq(0),
        pool_memory::changed.eq(now),
    );
    Ok(diesel::update(making).set(set).execute(db)? == 1)
}

/// It could not be saved or used; it is tried again at `next`. False: it is not wanted any more.
pub fn set_failed(
    db: &mut Db,
    id: MemoryId,
    why: &str,
    failures: u32,
    next: Timestamp,
    now: Timestamp,
) -> QueryResult<bool> {
    let current = pool_memory::table.find(id).filter(pool_memory::state.ne(MemoryState::Retired));
    let set = (
        pool_memory::state.eq(MemoryState::Failed),
        pool_memory::reason.eq(why),
        pool_memory::failures.eq(signed::<_, i32>(failures)),
        pool_memory::next_try.eq(Some(next)),
        pool_memory::changed.eq(now),
    );
    Ok(diesel::update(current).set(set).execute(db)? == 1)
}

/// It is not used any more.
pub fn retire(db: &mut Db, id: MemoryId) -> QueryResult<()> {
    diesel::update(pool_memory::table.find(id)).set(pool_memory::state.eq(MemoryState::Retired)).execute(db).map(drop)
}

/// A VM lies on what its guest wrote.
pub fn is_used(db: &mut Db, id: MemoryId) -> QueryResult<bool> {
    Ok(image::table.filter(image::memory_id.eq(id)).count().get_result::<i64>(db)? > 0)
}

/// Forgets it; its files are the caller's.
pub fn remove(db: &mut Db, id: MemoryId) -> QueryResult<()> {
    diesel::delete(pool_memory_layer::table.filter(pool_memory_layer::memory_id.eq(id))).execute(db)?;
    diesel::delete(pool_memory::table.find(id)).execute(db).map(drop)
}

/// What its guest wrote.
pub fn layers(db: &mut Db, id: MemoryId) -> QueryResult<Vec<MemoryLayer>> {
    let rows: Vec<(DiskId, ImageId, ImageId)> = pool_memory_layer::table
        .filter(pool_memory_layer::memory_id.eq(id))
        .select((pool_memory_layer::disk_id, pool_memory_layer::image_id, pool_memory_layer::below_image_id))
        .load(db)?;
    Ok(rows.into_iter().map(|(disk, image, below)| MemoryLayer { disk, image, below }).collect())
}

/// The VM's disks that are thin layers on its template's, in their order.
pub fn bases(db: &mut Db, vm: VmId) -> QueryResult<Vec<Base>> {
    type Row = (DiskId, i64, DiskId, ImageId, (StorageDomainId, String, Option<HostId>, Option<DataCenterId>));
    let own = diesel::alias!(image as own);
    let rows: Vec<Row> = vm_disk::table
        .inner_join(own.on(own.field(image::disk_id).eq(vm_disk::disk_id)))
        .inner_join(image::table.on(image::id.nullable().eq(own.field(image::parent_id))))
        .inner_join(disk::table.on(disk::id.eq(image::disk_id)))
        .inner_join(storage_domain::table.on(storage_domain::id.eq(disk::storage_domain_id)))
        .filter(vm_disk::vm_id.eq(vm))
        .filter(own.field(image::is_stateless).eq(false))
        .filter(image::disk_id.ne(vm_disk::disk_id))
        .order((vm_disk::position, vm_disk::disk_id))
        .select((
            vm_disk::disk_id,
            disk::virtual_bytes,
            image::disk_id,
            image::id,
            (storage_domain::id, storage_domain::path, storage_domain::host_id, storage_domain::data_center_id),
        ))
        .load(db)?;
    Ok(rows
        .into_iter()
        .map(|(disk, bytes, below_disk, below, (domain, path, host, data_center))| Base {
            disk,
            virtual_bytes: unsigned(bytes),
            below_disk,
            below,
            domain,
            path,
            host,
            data_center,
        })
        .collect())
}

/// The guest is one whose memory is being saved.
pub fn is_guest(db: &mut Db, vm: VmId) -> QueryResult<bool> {
    Ok(pool_memory::table.find(MemoryId(vm.0)).count().get_result::<i64>(db)? > 0)
}

/// A VM of the pool, of this version of its template if there is one: they are all of one make, unless somebody changed one.
pub fn model(db: &mut Db, pool: PoolId, version: TemplateId) -> QueryResult<Option<VmId>> {
    use crate::db::schema::vm;
    let all = vm::table.filter(vm::vm_pool_id.eq(pool)).order(vm::name).select(vm::id);
    let fitting: Option<VmId> = all.filter(vm::template_id.eq(version)).first(db).optional()?;
    match fitting {
        Some(vm) => Ok(Some(vm)),
        None => all.first(db).optional(),
    }
}
