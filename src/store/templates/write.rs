//! Templates come and go.

use crate::db::Db;
use crate::db::schema::{template, vm};
use crate::model::clock::Timestamp;
use crate::model::ids::{BLANK_TEMPLATE, ClusterId, TemplateId};
use crate::model::template::TemplateStatus;
use crate::model::vm::{Hardware, VmKind};
use crate::store::ancestors;
use crate::store::storage_domains::data_center_of;
use crate::store::vms::insert::{boot_text, signed};
use diesel::prelude::*;

/// A template to be kept.
#[derive(Debug, Clone)]
pub struct TemplateConfig {
    pub id: TemplateId,
    pub cluster: ClusterId,
    pub name: String,
    pub description: String,
    pub comment: String,
    pub os: String,
    pub kind: VmKind,
    pub hardware: Hardware,
    /// The base it is a version of, its number and what people call it; none: it is a base.
    pub version: Option<(TemplateId, u32, String)>,
    pub sealed: bool,
}

/// Keeps a template, below its data center.
pub fn insert(db: &mut Db, new: &TemplateConfig, status: TemplateStatus, now: Timestamp) -> QueryResult<()> {
    let hw = &new.hardware;
    let (base, number, version_name) = match &new.version {
        Some((base, number, name)) => (Some(*base), *number, name.as_str()),
        None => (None, 1, ""),
    };
    diesel::insert_into(template::table)
        .values((
            (
                template::id.eq(new.id),
                template::cluster_id.eq(Some(new.cluster)),
                template::name.eq(&new.name),
                template::description.eq(&new.description),
                template::comment.eq(&new.comment),
                template::os.eq(&new.os),
                template::kind.eq(new.kind),
            ),
            (
                template::memory_mib.eq(signed::<_, i64>(hw.memory_mib)),
                template::max_memory_mib.eq(signed::<_, i64>(hw.max_memory_mib)),
                template::guaranteed_memory_mib.eq(signed::<_, i64>(hw.guaranteed_memory_mib)),
                template::sockets.eq(signed::<_, i32>(hw.sockets)),
                template::cores.eq(signed::<_, i32>(hw.cores)),
                template::threads.eq(signed::<_, i32>(hw.threads)),
            ),
            (
                template::display.eq(hw.display),
                template::boot.eq(boot_text(hw)),
                template::settings.eq(hw.settings.to_json()),
                template::status.eq(status),
                template::created.eq(now),
                template::base_template_id.eq(base),
                template::version_number.eq(signed::<_, i32>(number)),
                template::version_name.eq(version_name),
                template::sealed.eq(new.sealed),
            ),
        ))
        .execute(db)?;
    let center = data_center_of(db, new.cluster)?;
    ancestors::set(db, new.id.object(), &center.map(|c| c.object()).into_iter().collect::<Vec<_>>())
}

/// Whether VMs can be made from it.
pub fn set_status(db: &mut Db, id: TemplateId, status: TemplateStatus) -> QueryResult<()> {
    diesel::update(template::table.find(id)).set(template::status.eq(status)).execute(db).map(drop)
}

/// The template of that name.
pub fn by_name(db: &mut Db, name: &str) -> QueryResult<Option<TemplateId>> {
    template::table.filter(template::name.eq(name)).select(template::id).first(db).optional()
}

/// Removes its rows; its disks are the caller's. VMs that are whole copies of it are of no template from then on.
pub fn remove(db: &mut Db, id: TemplateId) -> QueryResult<()> {
    diesel::update(vm::table.filter(vm::template_id.eq(id))).set(vm::template_id.eq(BLANK_TEMPLATE)).execute(db)?;
    ancestors::remove(db, id.object())?;
    diesel::delete(template::table.find(id)).execute(db).map(drop)
}
