//! Templates as pages show them.

use crate::db::schema::{cluster, data_center, template, template_disk, vm};
use crate::db::{Db, MultiBackend};
use crate::model::clock::Timestamp;
use crate::model::disk::{DiskAttachment, DiskInterface};
use crate::model::ids::{ClusterId, DiskId, TemplateId};
use crate::model::template::{TemplateStatus, TemplateView};
use crate::model::vm::{Display, Hardware, VmKind};
use crate::model::vm_settings::VmSettings;
use crate::store::catalog::unsigned;
use crate::store::scope::{Scope, within};
use diesel::prelude::*;
use std::collections::HashMap;

type Row = (
    (TemplateId, String, String, String, TemplateStatus),
    (Option<ClusterId>, Option<String>, Option<String>),
    (String, VmKind, Display, String, String, Timestamp),
    (i64, i64, i64, i32, i32, i32),
);

/// Boot devices as the database has them: words with commas between.
pub fn boot_devices(text: &str) -> Vec<crate::model::vm::BootDevice> {
    text.split(',').filter_map(|w| w.trim().parse().ok()).collect()
}

/// All templates in scope, without their disks.
pub fn list(db: &mut Db, scope: &Scope) -> QueryResult<Vec<TemplateView>> {
    let query = template::table
        .left_join(cluster::table.inner_join(data_center::table))
        .select((
            (template::id, template::name, template::description, template::comment, template::status),
            (template::cluster_id, cluster::name.nullable(), data_center::name.nullable()),
            (template::os, template::kind, template::display, template::boot, template::settings, template::created),
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
    let vms: HashMap<TemplateId, i64> = vm::table
        .group_by(vm::template_id)
        .select((vm::template_id, diesel::dsl::count_star()))
        .load(db)?
        .into_iter()
        .collect();
    Ok(rows.into_iter().map(|row| view(row, &vms)).collect())
}

fn view(row: Row, vms: &HashMap<TemplateId, i64>) -> TemplateView {
    let ((id, name, description, comment, status), place, (os, kind, display, boot, settings, created), size) = row;
    TemplateView {
        id,
        name,
        description,
        comment,
        status,
        cluster: place.0,
        cluster_name: place.1.unwrap_or_default(),
        data_center_name: place.2.unwrap_or_default(),
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
        vms: unsigned(vms.get(&id).copied().unwrap_or(0)),
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
