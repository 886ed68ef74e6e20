//! Which quota VMs, pools, templates and disks count on.

use super::{Disks, topic};
use crate::auth::{self, AuthError};
use crate::db::Db;
use crate::engine::changes::Topic;
use crate::engine::quotas::Asker;
use crate::engine::{Cx, EngineError};
use crate::model::event::{About, EventCode};
use crate::model::ids::{DataCenterId, DiskId, ObjectId, QuotaId, TemplateId};
use crate::model::permission::ObjectKind;
use crate::model::quota::{Chosen, Quota, QuotaMode};
use crate::model::role::Action;
use crate::model::valid::{Invalid, Problem};
use crate::store::permissions;
use crate::store::quotas as store;
use crate::store::scope::Scope;
use std::collections::HashMap;

/// What can count on a quota that is chosen for it afterwards, by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Choosable {
    Template(TemplateId),
    Disk(DiskId),
}

/// What was chosen for these; what is not there counts on the default quota, or on that of what it belongs to.
///
/// # Errors
/// The database failed.
pub async fn chosen(cx: &Cx, objects: Vec<ObjectId>) -> Result<HashMap<ObjectId, Chosen>, EngineError> {
    cx.engine.db.read(move |db| Ok(store::chosen(db, &objects)?)).await
}

/// The quotas that the actor may use where quotas count.
///
/// # Errors
/// The database failed.
pub async fn choices(cx: &Cx) -> Result<Vec<Quota>, EngineError> {
    let inner = cx.clone();
    cx.engine
        .db
        .read(move |db| {
            if !store::in_use(db)? {
                return Ok(Vec::new());
            }
            let mut usable = Vec::new();
            for quota in store::list(db, &Scope::All)? {
                if quota.mode != QuotaMode::Disabled && may(&inner, db, quota.id)? {
                    usable.push(quota);
                }
            }
            Ok(usable)
        })
        .await
}

fn may(cx: &Cx, db: &mut Db, id: QuotaId) -> Result<bool, EngineError> {
    match auth::check(db, &cx.actor, Action::ConsumeQuota, id.object()) {
        Ok(()) => Ok(true),
        Err(AuthError::Hidden { .. } | AuthError::Forbidden { .. }) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// Keeps what was chosen for something new. Where quotas are enforced, nothing counts on a quota that its maker may not use.
///
/// # Errors
/// There is no such quota or he may not use it, none was chosen where one must be, or the database failed.
pub(in crate::engine) fn choose(
    cx: &Cx,
    db: &mut Db,
    object: ObjectId,
    center: Option<DataCenterId>,
    wanted: Option<QuotaId>,
) -> Result<(), EngineError> {
    let Some(center) = center else { return Ok(()) };
    if let Some(id) = wanted {
        let there = store::get(db, id)?.is_some_and(|quota| quota.data_center == center);
        if !there || !may(cx, db, id)? {
            return Err(Invalid::new("quota", Problem::NoSuch { value: id.to_string() }).into());
        }
        cx.engine.changed(topic(), Some(id.0));
        return Ok(store::choose(db, object, Some(id))?);
    }
    if store::mode_of(db, center)? == Some(QuotaMode::Enabled) {
        let default = store::default_of(db, center)?;
        if !may(cx, db, default)? {
            return Err(Invalid::new("quota", Problem::Missing).into());
        }
    }
    Ok(())
}

/// What something counts on for which, by itself, `object` is asked.
fn has(db: &mut Db, object: ObjectId, center: DataCenterId) -> Result<QuotaId, EngineError> {
    match store::chosen(db, &[object])?.remove(&object) {
        Some(chosen) => Ok(chosen.quota),
        None => Ok(store::default_of(db, center)?),
    }
}

/// Has a template or a disk count on another quota.
///
/// # Errors
/// Refused, hidden, the quota does not give that much, or the database failed.
pub async fn assign(cx: &Cx, what: Choosable, quota: QuotaId) -> Result<(), EngineError> {
    let inner = cx.clone();
    cx.engine
        .db
        .write(move |db| {
            let (object, kind, action, disks) = match what {
                Choosable::Template(id) => {
                    (id.object(), ObjectKind::Template, Action::EditTemplateProperties, Disks::Template(id))
                }
                Choosable::Disk(id) => (id.object(), ObjectKind::Disk, Action::EditDiskProperties, Disks::Disk(id)),
            };
            auth::check(db, &inner.actor, action, object)?;
            let none = || EngineError::NotFound { kind: "quota", id: quota.to_string() };
            let center = store::center_of(db, object)?.ok_or_else(none)?;
            // A disk without one of its own counts on that of what it belongs to.
            let used = store::disks(db, disks)?.pop().filter(|_| kind == ObjectKind::Disk);
            let has = used.map_or_else(|| has(db, object, center), |disk| Ok(disk.quota))?;
            if has != quota {
                choose(&inner, db, object, Some(center), Some(quota))?;
                Asker::of(&inner).stores(db, disks, 0)?;
                inner.engine.changed(Topic::Object(kind), Some(object.0));
                let name = permissions::object_name(db, kind, object)?;
                inner.tell(db, EventCode::QuotaChosen, About::default(), &name)?;
            }
            Ok(())
        })
        .await
}

/// Another quota for a VM or a pool that is changed: the whole of what it takes is asked of that. True: it was another.
///
/// # Errors
/// As [`choose`], or the quota does not give that much.
pub(in crate::engine) fn move_to(
    cx: &Cx,
    db: &mut Db,
    what: Disks,
    object: ObjectId,
    wanted: Option<QuotaId>,
) -> Result<bool, EngineError> {
    let Some((center, quota)) = store::center_of(db, object)?.zip(wanted) else { return Ok(false) };
    let moved = has(db, object, center)? != quota;
    if moved {
        choose(cx, db, object, Some(center), wanted)?;
        Asker::of(cx).moves(db, what)?;
    }
    Ok(moved)
}
