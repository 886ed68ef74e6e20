//! Disks that exist come to a VM, go from it, and are plugged into its running guest or out of it.

use crate::auth;
use crate::db::Db;
use crate::engine::vms::adjust::{self, Args, Before};
use crate::engine::vms::admit::{admit, command, refuse};
use crate::engine::vms::state;
use crate::engine::{Cx, EngineError, quotas};
use crate::model::conflict::Conflict;
use crate::model::disk::{DiskContent, DiskInterface, DiskStatus};
use crate::model::event::EventCode;
use crate::model::ids::{DiskId, JobId, VmId};
use crate::model::permission::ObjectKind;
use crate::model::role::Action;
use crate::model::valid::{Invalid, Problem};
use crate::model::vm::{Refusal, VmAction, VmStatus};
use crate::store::disks::{self, write};
use crate::store::vms::run::VmRun;

/// How a disk comes to a VM.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Attach {
    pub disk: DiskId,
    pub interface: DiskInterface,
    pub bootable: bool,
    /// The guest sees it.
    pub active: bool,
}

/// Attaches a disk that belongs to nothing; a running guest sees it at once.
///
/// # Errors
/// Refused by the VM or its guest, invalid, hidden, or the database failed.
pub async fn attach(cx: &Cx, vm: VmId, new: Attach) -> Result<(), EngineError> {
    let job = command(cx, vm, VmAction::Edit, move |cx, db| {
        auth::check(db, &cx.actor, Action::AttachDisk, new.disk.object())?;
        let run = may(cx, db, vm)?;
        let gone = || Invalid::new("disk", Problem::NotAFreeDisk);
        let view = disks::by_ids(db, &[new.disk])?.remove(&new.disk).ok_or_else(gone)?;
        let held = crate::store::jobs::holder(db, &[new.disk.object()])?.is_some();
        let free = view.attached.is_empty() && view.content == DiskContent::Data && view.status == DiskStatus::Ok;
        if !free || held {
            return Err(gone().into());
        }
        if new.active && run.status.is_running() {
            may_plug(&run, new.interface)?;
        }
        write::attach(db, new.disk, vm, new.interface, new.bootable)?;
        write::set_active(db, new.disk, new.active)?;
        // One for which none was chosen counts on its VM's quota from now on.
        if crate::store::quotas::chosen(db, &[new.disk.object()])?.is_empty() {
            quotas::Asker::of(cx).stores(db, quotas::Disks::Disk(new.disk), 0)?;
        }
        cx.tell(db, EventCode::DiskAttached, state::about(&run), &view.alias)?;
        changed(cx, db, &run, new.active.then_some(Before::Disk { disk: new.disk, alias: view.alias, active: false }))
    })
    .await?;
    adjust::wait(cx, job).await
}

/// Takes a disk from a VM; it stays, and belongs to nothing. A running guest must not see it any more.
///
/// # Errors
/// Refused, hidden, or the database failed.
pub async fn detach(cx: &Cx, vm: VmId, disk: DiskId) -> Result<(), EngineError> {
    command(cx, vm, VmAction::Edit, move |cx, db| {
        let run = may(cx, db, vm)?;
        let (alias, active, _) = attached(db, vm, disk)?;
        if run.status.is_running() && active {
            return Err(refuse(VmAction::Edit, &run.name, Refusal::Plugged { device: alias }));
        }
        let kept = crate::store::snapshots::views(db, vm)?;
        if let Some(one) = kept.iter().find(|s| s.disks.iter().any(|d| d.disk == disk)) {
            return Err(Conflict::DiskInSnapshot { disk: alias, snapshot: one.description.clone() }.into());
        }
        write::detach(db, disk)?;
        cx.tell(db, EventCode::DiskDetached, state::about(&run), &alias)?;
        changed(cx, db, &run, None)
    })
    .await
    .map(drop)
}

/// Plugs a VM's disk into its running guest, or out of it; of a VM that is down, whether its next start has it.
///
/// # Errors
/// Refused by the VM or its guest, hidden, or the database failed.
pub async fn set_active(cx: &Cx, vm: VmId, disk: DiskId, active: bool) -> Result<(), EngineError> {
    let job = command(cx, vm, VmAction::Edit, move |cx, db| {
        let run = may(cx, db, vm)?;
        let (alias, before, interface) = attached(db, vm, disk)?;
        if before == active {
            return Ok(None);
        }
        if run.status.is_running() {
            may_plug(&run, interface)?;
        }
        write::set_active(db, disk, active)?;
        changed(cx, db, &run, Some(Before::Disk { disk, alias, active: before }))
    })
    .await?;
    adjust::wait(cx, job).await
}

/// A running guest takes only some, and none where it forgets all at its end.
///
/// # Errors
/// Says why not.
pub(super) fn may_plug(run: &VmRun, interface: DiskInterface) -> Result<(), EngineError> {
    if !matches!(interface, DiskInterface::Virtio | DiskInterface::VirtioScsi) {
        return Err(refuse(VmAction::Edit, &run.name, Refusal::NotHotPluggable));
    }
    if run.stateless || !adjust::runs(run) {
        return Err(refuse(VmAction::Edit, &run.name, Refusal::Status(run.status)));
    }
    Ok(())
}

/// The actor may, no task holds the VM, and it keeps no saved state that knows its disks.
fn may(cx: &Cx, db: &mut Db, vm: VmId) -> Result<VmRun, EngineError> {
    auth::check(db, &cx.actor, Action::ConfigureVmStorage, vm.object())?;
    let run = admit(cx, db, vm, VmAction::Edit)?;
    if run.status == VmStatus::Suspended {
        return Err(refuse(VmAction::Edit, &run.name, Refusal::Status(run.status)));
    }
    Ok(run)
}

fn attached(db: &mut Db, vm: VmId, disk: DiskId) -> Result<(String, bool, DiskInterface), EngineError> {
    let view = crate::store::vms::get::get(db, vm)?;
    let found = view.and_then(|view| view.disks.into_iter().find(|d| d.disk.id == disk));
    let none = || EngineError::NotFound { kind: "disk attachment", id: disk.to_string() };
    found.map(|d| (d.disk.alias, d.active, d.interface)).ok_or_else(none)
}

fn changed(cx: &Cx, db: &mut Db, run: &VmRun, before: Option<Before>) -> Result<Option<JobId>, EngineError> {
    cx.engine.changed(crate::engine::changes::Topic::Object(ObjectKind::Vm), Some(run.vm.0));
    match before.filter(|_| adjust::runs(run)) {
        Some(before) => adjust::begin(cx, db, &run.name, &Args::devices(run.vm, vec![before])).map(Some),
        None => Ok(None),
    }
}
