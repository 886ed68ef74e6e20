//! Changing a VM's configuration.

use crate::db::Db;
use crate::db::schema::{disk, vm};
use crate::model::disk::DiskContent;
use crate::model::ids::{DiskId, InstanceTypeId, VmId};
use crate::model::vm::{BootDevice, Display, VmKind};
use crate::model::vm_settings::VmSettings;
use diesel::prelude::*;

/// The medium for this and later runs.
pub fn set_cd(db: &mut Db, id: VmId, cd: Option<DiskId>) -> QueryResult<()> {
    diesel::update(vm::table.find(id)).set(vm::cd_disk_id.eq(cd)).execute(db).map(drop)
}

/// What a disk holds; none: there is no such disk.
pub fn content(db: &mut Db, id: DiskId) -> QueryResult<Option<DiskContent>> {
    disk::table.find(id).select(disk::content).first(db).optional()
}

/// A VM's configuration, as far as people change it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    pub name: String,
    pub description: String,
    pub comment: String,
    pub os: String,
    pub kind: VmKind,
    /// None: a size of its own.
    pub instance_type: Option<InstanceTypeId>,
    pub memory_mib: u64,
    pub max_memory_mib: u64,
    pub guaranteed_memory_mib: u64,
    pub sockets: u32,
    pub cores: u32,
    pub threads: u32,
    pub display: Display,
    pub boot: Vec<BootDevice>,
    pub settings: VmSettings,
    pub stateless: bool,
    pub delete_protected: bool,
    pub allow_override: bool,
    pub use_latest: bool,
    pub cd: Option<DiskId>,
}

type Row = (
    (String, String, String, String, VmKind, Option<InstanceTypeId>),
    (i64, i64, i64, i32, i32, i32),
    (Display, String, String, bool, bool, (bool, bool), Option<DiskId>),
);

/// A VM's configuration; none: there is no such VM.
pub fn config(db: &mut Db, id: VmId) -> QueryResult<Option<Config>> {
    let row: Option<Row> = vm::table
        .find(id)
        .select((
            (vm::name, vm::description, vm::comment, vm::os, vm::kind, vm::instance_type_id),
            (vm::memory_mib, vm::max_memory_mib, vm::guaranteed_memory_mib, vm::sockets, vm::cores, vm::threads),
            (
                vm::display,
                vm::boot,
                vm::settings,
                vm::stateless,
                vm::delete_protected,
                (vm::allow_override, vm::use_latest),
                vm::cd_disk_id,
            ),
        ))
        .first(db)
        .optional()?;
    Ok(row.map(
        |(
            (name, description, comment, os, kind, instance_type),
            size,
            (display, boot, settings, stateless, delete_protected, (allow_override, use_latest), cd),
        )| {
            let (memory, max_memory, guaranteed, sockets, cores, threads) = size;
            Config {
                name,
                description,
                comment,
                os,
                kind,
                instance_type,
                memory_mib: memory.unsigned_abs(),
                max_memory_mib: max_memory.unsigned_abs(),
                guaranteed_memory_mib: guaranteed.unsigned_abs(),
                sockets: sockets.unsigned_abs(),
                cores: cores.unsigned_abs(),
                threads: threads.unsigned_abs(),
                display,
                boot: boot.split(',').filter_map(|word| word.parse().ok()).collect(),
                settings: VmSettings::from_json(&settings),
                stateless,
                delete_protected,
                allow_override,
                use_latest,
                cd,
            }
        },
    ))
}

/// Keeps a VM's configuration. A name that is in use is a unique violation.
pub fn set_config(db: &mut Db, id: VmId, new: &Config) -> QueryResult<()> {
    let boot = new.boot.iter().map(|device| device.as_str()).collect::<Vec<_>>().join(",");
    let mib = |n: u64| i64::try_from(n).unwrap_or(i64::MAX);
    let count = |n: u32| i32::try_from(n).unwrap_or(i32::MAX);
    diesel::update(vm::table.find(id))
        .set((
            (vm::name.eq(&new.name), vm::description.eq(&new.description), vm::comment.eq(&new.comment)),
            (vm::os.eq(&new.os), vm::kind.eq(new.kind), vm::memory_mib.eq(mib(new.memory_mib))),
            vm::instance_type_id.eq(new.instance_type),
            vm::max_memory_mib.eq(mib(new.max_memory_mib)),
            vm::guaranteed_memory_mib.eq(mib(new.guaranteed_memory_mib)),
            (vm::sockets.eq(count(new.sockets)), vm::cores.eq(count(new.cores)), vm::threads.eq(count(new.threads))),
            (vm::display.eq(new.display), vm::boot.eq(boot), vm::stateless.eq(new.stateless)),
            (vm::delete_protected.eq(new.delete_protected), vm::cd_disk_id.eq(new.cd)),
            (
                vm::allow_override.eq(new.allow_override),
                vm::use_latest.eq(new.use_latest),
                vm::settings.eq(new.settings.to_json()),
            ),
        ))
        .execute(db)
        .map(drop)
}
