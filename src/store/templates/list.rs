//! Templates as pages show them.

use crate::db::schema::{cluster, data_center, template, template_disk, vm, vm_pool};
use crate::db::{Db, MultiBackend};
use crate::model::clock::Timestamp;
use crate::model::disk::{DiskAttachment, DiskInterface};
use crate::model::icon::Icons;
use crate::model::ids::{ClusterId, DiskId, ObjectId, TemplateId};
use crate::model::template::{TemplateStatus, TemplateView, Version};
use crate::model::vm::{Display, Hardware, VmKind};
use crate::model::vm_settings::VmSettings;
use crate::store::catalog::unsigned;
use crate::store::icons;
use crate::store::scope::{Scope, within};
use diesel::prelude::*;
use std::collections::HashMap;

type Row = (
    (TemplateId, String, String, String, TemplateStatus),
    (Option<ClusterId>, Option<String>, Option<String>),
    (String, VmKind, Display, String, String, Timestamp),
    (Option<TemplateId>, Option<String>, i32, String, bool),
    (i64, i64, i64, i32, i32, i32),
);

/// Boot devices as the database has them: words with commas between.
pub fn boot_devices(text: &str) -> Vec<crate::model::vm::BootDevice> {
    text.split(',').filter_map(|w| w.trim().parse().ok()).collect()
}

/// All templates in scope, without their disks.
pub fn list(db: &mut Db, scope: &Scope) -> QueryResult<Vec<TemplateView>> {
    let base = diesel::alias!(template as base);
    let query = template::table
        .left_join(cluster::table.inner_join(data_center::table))
        .left_join(base.on(template::base_template_id.eq(base.field(template::id).nullable())))
        .select((
            (template::id, template::name, template::description, template::comment, template::status),
            (template::cluster_id, cluster::name.nullable(), data_center::name.nullable()),
            (template::os, template::kind, template::display, template::boot, template::settings, template::created),
            (
                template::base_template_id,
                base.field(template::name).nullable(),
                template::version_number,
                template::version_name,
                template::sealed,
            ),
            (
                template::memory_mib,
                template::max_memory_mib,
                template::guaranteed_memory_mib,
                template::sockets,
                template::cores,
                template::threads,
            ),
        ))
        .order(template::name)
        .into_boxed::<MultiBackend>();
    let rows: Vec<Row> = within!(query, template::id, scope).load(db)?;
    let counts = counts(db)?;
    let mut all: Vec<TemplateView> = rows.into_iter().map(|row| view(row, &counts)).collect();
    let ids: Vec<ObjectId> = all.iter().map(|t| t.id.object()).collect();
    let given: HashMap<ObjectId, Icons> = icons::of_all(db, &ids)?.into_iter().collect();
    for template in &mut all {
        template.icons = given.get(&template.id.object()).copied().unwrap_or(template.icons);
    }
    all.sort_by(|a, b| (&a.version.base_name, a.version.number).cmp(&(&b.version.base_name, b.version.number)));
    Ok(all)
}

/// How many VMs, pools and versions hang on each.
#[derive(Default)]
struct Counts {
    vms: HashMap<TemplateId, i64>,
    pools: HashMap<TemplateId, i64>,
    versions: HashMap<Option<TemplateId>, i64>,
}

fn counts(db: &mut Db) -> QueryResult<Counts> {
    let count = diesel::dsl::count_star;
    let vms: Vec<(TemplateId, i64)> =
        vm::table.group_by(vm::template_id).select((vm::template_id, count())).load(db)?;
    let pools: Vec<(TemplateId, i64)> =
        vm_pool::table.group_by(vm_pool::template_id).select((vm_pool::template_id, count())).load(db)?;
    let versions: Vec<(Option<TemplateId>, i64)> =
        template::table.group_by(template::base_template_id).select((template::base_template_id, count())).load(db)?;
    Ok(Counts {
        vms: vms.into_iter().collect(),
        pools: pools.into_iter().collect(),
        versions: versions.into_iter().collect(),
    })
}

fn view(row: Row, counts: &Counts) -> TemplateView {
    let ((id, name, description, comment, status), place, (os, kind, display, boot, settings, created), version, size) =
        row;
    let (base, base_name, number, version_name, sealed) = version;
    let of = |all: &HashMap<TemplateId, i64>| unsigned(all.get(&id).copied().unwrap_or(0));
    TemplateView {
        id,
        version: Version {
            base: base.unwrap_or(id),
            base_name: base_name.unwrap_or_else(|| name.clone()),
            number: unsigned(number),
            name: version_name,
        },
        sealed,
        name,
        description,
        comment,
        status,
        cluster: place.0,
        cluster_name: place.1.unwrap_or_default(),
        data_center_name: place.2.unwrap_or_default(),
        icons: Icons::of_system(&os),
        os,
        kind,
        hardware: Hardware {
            memory_mib: unsigned(size.0),
            max_memory_mib: unsigned(size.1),
            guaranteed_memory_mib: unsigned(size.2),
            sockets: unsigned(size.3),
            cores: unsigned(size.4),
            threads: unsigned(size.5),
            display,
            boot: boot_devices(&boot),
            settings: VmSettings::from_json(&settings),
        },
        created,
        disks: Vec::new(),
        tags: Vec::new(),
        vms: of(&counts.vms),
        pools: of(&counts.pools),
        versions: unsigned(counts.versions.get(&Some(id)).copied().unwrap_or(0)),
    }
}

/// One template with its disks.
pub fn get(db: &mut Db, id: TemplateId) -> QueryResult<Option<TemplateView>> {
    let scope = Scope::Some { trees: Vec::new(), single: vec![id.object()] };
    let Some(mut found) = list(db, &scope)?.pop() else { return Ok(None) };
    found.disks = disks_of(db, id)?;
    Ok(Some(found))
}

/// A template's disks in order.
pub fn disks_of(db: &mut Db, id: TemplateId) -> QueryResult<Vec<DiskAttachment>> {
    let rows: Vec<(DiskId, DiskInterface, bool)> = template_disk::table
        .filter(template_disk::template_id.eq(id))
        .order(template_disk::position)
        .select((template_disk::disk_id, template_disk::interface, template_disk::bootable))
        .load(db)?;
    let ids: Vec<DiskId> = rows.iter().map(|r| r.0).collect();
    let mut disks = crate::store::disks::by_ids(db, &ids)?;
    Ok(rows
        .into_iter()
        .filter_map(|(disk, interface, bootable)| {
            Some(DiskAttachment { disk: disks.remove(&disk)?, interface, bootable, read_only: false, active: true })
        })
        .collect())
}
