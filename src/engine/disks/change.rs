//! Changing what a disk is called and how its VM sees it.

use crate::auth;
use crate::db::Db;
use crate::engine::vms::admit::{admit, refuse};
use crate::engine::{Cx, EngineError};
use crate::model::disk::{AttachedTo, DiskChange};
use crate::model::ids::DiskId;
use crate::model::role::Action;
use crate::model::valid;
use crate::model::vm::{MAX_DESCRIPTION, Refusal, VmAction};
use crate::store::disks;

/// Changes a disk. How a running VM sees it cannot change.
///
/// # Errors
/// Refused, invalid, hidden, or the database failed.
pub async fn change(cx: &Cx, id: DiskId, change: DiskChange) -> Result<(), EngineError> {
    let inner = cx.clone();
    cx.engine.db.write(move |db| apply(&inner, db, id, &change)).await
}

fn apply(cx: &Cx, db: &mut Db, id: DiskId, change: &DiskChange) -> Result<(), EngineError> {
    auth::check(db, &cx.actor, Action::EditDiskProperties, id.object())?;
    let missing = || EngineError::NotFound { kind: "disk", id: id.to_string() };
    let view = disks::by_ids(db, &[id])?.remove(&id).ok_or_else(missing)?;
    let mut wrong = Vec::new();
    let mut take = |checked: Result<String, valid::Invalid>| {
        checked.unwrap_or_else(|e| {
            wrong.push(e);
            String::new()
        })
    };
    let alias = take(valid::name("alias", &change.alias, 255));
    let description = take(valid::text("description", &change.description, MAX_DESCRIPTION));
    if !wrong.is_empty() {
        return Err(EngineError::Invalid(wrong));
    }
    let owner = view.attached.iter().find_map(|a| match a {
        AttachedTo::Vm(vm, name) => Some((*vm, name)),
        AttachedTo::Template(..) => None,
    });
    if let Some((vm, name)) = owner {
        let run = admit(cx, db, vm, VmAction::Edit)?;
        let before = disks::write::attachment(db, id)?;
        let after = change.seen.or(before);
        if after != before {
            if run.status.is_running() {
                return Err(refuse(VmAction::Edit, name, Refusal::Status(run.status)));
            }
            if let Some((interface, bootable)) = after {
                disks::write::set_attachment(db, id, interface, bootable)?;
            }
        }
        cx.engine.changed(crate::engine::changes::Topic::Object(crate::model::permission::ObjectKind::Vm), Some(vm.0));
    }
    disks::write::set_texts(db, id, &alias, &description)?;
    cx.engine.changed(super::topic(), Some(id.0));
    Ok(())
}
