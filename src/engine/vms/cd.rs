//! Another medium in the CD drive.

use crate::auth;
use crate::db::Db;
use crate::engine::vms::admit::admit;
use crate::engine::vms::{spec, state};
use crate::engine::{Cx, EngineError};
use crate::model::disk::DiskContent;
use crate::model::event::EventCode;
use crate::model::ids::{DiskId, HostId, VmId};
use crate::model::valid::{Invalid, Problem};
use crate::model::vm::VmAction;
use crate::store::vms::launch::{self, LaunchDisk};
use crate::store::vms::write;
use crate::wire::{ChangeCd, ImagePath};

/// Puts another medium into the drive of a running VM, now and for later starts; none ejects. A VM that is down gets its CD by
/// [`update`](crate::engine::vms::update).
///
/// # Errors
/// Refused, invalid, hidden, or the database failed.
pub async fn change_cd(cx: &Cx, id: VmId, cd: Option<DiskId>) -> Result<(), EngineError> {
    let inner = cx.clone();
    let (host, medium) = cx
        .engine
        .db
        .read(move |db| {
            let run = admit(&inner, db, id, VmAction::ChangeCd)?;
            Ok::<_, EngineError>((run.host, medium(&inner, db, cd, run.host)?))
        })
        .await?;
    if let Some(host) = host {
        cx.engine.call(host, &ChangeCd { vm: id, cdrom: medium }).await?;
    }
    let inner = cx.clone();
    cx.engine
        .db
        .write(move |db| {
            write::set_cd(db, id, cd)?;
            let run = state::load(db, id)?;
            inner.engine.changed(super::topic(), Some(id.0));
            inner.tell(db, EventCode::UserChangeCd, state::about(&run), "")
        })
        .await
}

/// Where the medium lies. It must be an ISO image that the actor may see and the host has.
pub(in crate::engine) fn medium(
    cx: &Cx,
    db: &mut Db,
    cd: Option<DiskId>,
    host: Option<HostId>,
) -> Result<Option<ImagePath>, EngineError> {
    let Some(id) = cd else { return Ok(None) };
    let disk = image(cx, db, "cdrom", id)?;
    if let (Some(host), Some(at)) = (host, disk.domain_host)
        && host != at
    {
        return Err(Invalid::new("cdrom", Problem::NotOnHost { disk: disk.alias }).into());
    }
    Ok(Some(spec::image(&disk)))
}

/// A disk that holds an image for reading, which the actor may see.
pub(in crate::engine) fn image(
    cx: &Cx,
    db: &mut Db,
    field: &'static str,
    id: DiskId,
) -> Result<LaunchDisk, EngineError> {
    let none = || Invalid::new(field, Problem::NoSuch { value: id.to_string() });
    auth::see(db, &cx.actor, id.object()).map_err(|_| none())?;
    let disk = launch::medium(db, id)?.ok_or_else(none)?;
    if write::content(db, id)? != Some(DiskContent::Iso) {
        return Err(Invalid::new(field, Problem::NotACd { disk: disk.alias }).into());
    }
    Ok(disk)
}
