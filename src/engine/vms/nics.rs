//! A VM's network cards: added, changed, removed. A running guest sees it at once.

use crate::auth;
use crate::db::Db;
use crate::engine::vms::adjust::{self, Args, Before};
use crate::engine::vms::admit::{admit, command, refuse};
use crate::engine::vms::{plan, state};
use crate::engine::{Cx, EngineError};
use crate::model::conflict::Conflict;
use crate::model::event::EventCode;
use crate::model::ids::{JobId, NicId, VmId, VnicProfileId};
use crate::model::network::NicChange;
use crate::model::role::Action;
use crate::model::valid::{self, Invalid, Problem};
use crate::model::vm::{Refusal, VmAction, VmStatus};
use crate::store::nics;
use crate::store::vms::run::VmRun;

/// oVirt's limit (it is PCI's).
const MOST: usize = 28;

/// Puts a card into a VM; its address comes from the cluster's MAC pool. A running guest sees it at once.
///
/// # Errors
/// Refused by the VM or its guest, invalid, hidden, or the database failed.
pub async fn add_nic(cx: &Cx, vm: VmId, new: NicChange) -> Result<NicId, EngineError> {
    let (id, job) = command(cx, vm, VmAction::Edit, move |cx, db| {
        let run = may(cx, db, vm)?;
        let held = nics::of(db, vm)?;
        if held.len() >= MOST {
            return Err(Invalid::new("nics", Problem::Range { min: 0, max: MOST as u64 }).into());
        }
        check(cx, db, &new, &held, None)?;
        let cluster = crate::store::vms::list::row(db, vm)?.map(|row| row.cluster);
        let missing = || EngineError::NotFound { kind: "VM", id: vm.to_string() };
        let mac = nics::free_macs(db, cluster.ok_or_else(missing)?, 1)?.pop().ok_or(Conflict::NoMac)?;
        let id = nics::add(db, vm, mac, &new)?;
        let was = NicChange { plugged: false, ..new.clone() };
        Ok((id, changed(cx, db, &run, new.plugged.then_some(Before::Nic { nic: id, was }))?))
    })
    .await?;
    adjust::wait(cx, job).await?;
    Ok(id)
}

/// Changes a card; a running guest sees at once that it is plugged in, on another network or with its cable out.
///
/// # Errors
/// Refused by the VM or its guest, invalid, hidden, or the database failed.
pub async fn change_nic(cx: &Cx, vm: VmId, nic: NicId, change: NicChange) -> Result<(), EngineError> {
    let job = command(cx, vm, VmAction::Edit, move |cx, db| {
        let run = may(cx, db, vm)?;
        let held = nics::of(db, vm)?;
        exists(&held, nic)?;
        check(cx, db, &change, &held, Some((vm, nic)))?;
        let was = nics::get(db, nic)?;
        if run.status.is_running() && was.plugged && change.plugged && was.model != change.model {
            return Err(plugged(&run, &was));
        }
        nics::change(db, nic, &change)?;
        let seen = was != NicChange { name: was.name.clone(), ..change.clone() };
        changed(cx, db, &run, seen.then_some(Before::Nic { nic, was }))
    })
    .await?;
    adjust::wait(cx, job).await
}

/// A card as it is.
///
/// # Errors
/// There is none, hidden, or the database failed.
pub async fn nic(cx: &Cx, vm: VmId, nic: NicId) -> Result<NicChange, EngineError> {
    let inner = cx.clone();
    cx.engine
        .db
        .read(move |db| {
            auth::see(db, &inner.actor, vm.object())?;
            exists(&nics::of(db, vm)?, nic)?;
            Ok(nics::get(db, nic)?)
        })
        .await
}

/// Takes a card out; a running guest must not see it any more.
///
/// # Errors
/// Refused, hidden, or the database failed.
pub async fn remove_nic(cx: &Cx, vm: VmId, nic: NicId) -> Result<(), EngineError> {
    command(cx, vm, VmAction::Edit, move |cx, db| {
        let run = may(cx, db, vm)?;
        exists(&nics::of(db, vm)?, nic)?;
        let was = nics::get(db, nic)?;
        if run.status.is_running() && was.plugged {
            return Err(plugged(&run, &was));
        }
        nics::remove(db, nic)?;
        changed(cx, db, &run, None)
    })
    .await
    .map(drop)
}

fn plugged(run: &VmRun, nic: &NicChange) -> EngineError {
    refuse(VmAction::Edit, &run.name, Refusal::Plugged { device: nic.name.clone() })
}

/// The actor may, no task holds the VM, and it keeps no saved state that knows its cards.
fn may(cx: &Cx, db: &mut Db, vm: VmId) -> Result<VmRun, EngineError> {
    auth::check(db, &cx.actor, Action::ConfigureVmNetwork, vm.object())?;
    let run = admit(cx, db, vm, VmAction::Edit)?;
    if run.status == VmStatus::Suspended {
        return Err(refuse(VmAction::Edit, &run.name, Refusal::Status(run.status)));
    }
    Ok(run)
}

fn exists(held: &[(NicId, String)], nic: NicId) -> Result<(), EngineError> {
    let found = held.iter().any(|(id, _)| *id == nic);
    if found { Ok(()) } else { Err(EngineError::NotFound { kind: "network interface", id: nic.to_string() }) }
}

fn check(
    cx: &Cx,
    db: &mut Db,
    new: &NicChange,
    held: &[(NicId, String)],
    own: Option<(VmId, NicId)>,
) -> Result<(), EngineError> {
    let mut wrong = Vec::new();
    if let Err(e) = valid::name("name", &new.name, 50) {
        wrong.push(e);
    }
    if held.iter().any(|(id, name)| own.is_none_or(|(_, own)| *id != own) && *name == new.name) {
        wrong.push(Invalid::new("name", Problem::Taken { name: new.name.clone() }));
    }
    if let Some(profile) = new.profile
        && !usable(cx, db, profile, own)?
    {
        wrong.push(Invalid::new("vnic_profile", Problem::NoSuch { value: profile.to_string() }));
    }
    if wrong.is_empty() { Ok(()) } else { Err(EngineError::Invalid(wrong)) }
}

/// The actor may use the profile, or the card has it already.
fn usable(cx: &Cx, db: &mut Db, profile: VnicProfileId, own: Option<(VmId, NicId)>) -> Result<bool, EngineError> {
    if plan::usable_profiles(cx, db)?.contains(&profile) {
        return Ok(true);
    }
    let Some((vm, nic)) = own else { return Ok(false) };
    let view = crate::store::vms::get::get(db, vm)?;
    Ok(view.is_some_and(|view| view.nics.iter().any(|n| n.id == nic && n.profile == Some(profile))))
}

/// What follows from a change: a running guest gets it by a task.
fn changed(cx: &Cx, db: &mut Db, run: &VmRun, before: Option<Before>) -> Result<Option<JobId>, EngineError> {
    cx.engine.changed(super::topic(), Some(run.vm.0));
    cx.tell(db, EventCode::UserUpdateVm, state::about(run), "")?;
    match before.filter(|_| adjust::runs(run)) {
        Some(before) => adjust::begin(cx, db, &run.name, &Args::devices(run.vm, vec![before])).map(Some),
        None => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::testing::Bench;
    use crate::engine::{disks, vms};
    use crate::model::disk::{DiskChange, DiskInterface};
    use crate::model::network::NicModel;

    fn card(name: &str, profile: Option<VnicProfileId>) -> NicChange {
        NicChange { name: name.to_owned(), model: NicModel::Virtio, profile, linked: true, plugged: true }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn cards_come_change_and_go() {
        let bench = Bench::new().await;
        let vm = bench.vm("a").await;
        let before = vms::get(&bench.cx, vm).await.unwrap().nics;
        add_nic(&bench.cx, vm, card("extra", None)).await.unwrap();
        let taken = add_nic(&bench.cx, vm, card("extra", None)).await.unwrap_err();
        assert!(taken.to_string().contains("in use already"), "{taken}");
        let unknown = add_nic(&bench.cx, vm, card("b", Some(VnicProfileId::random()))).await.unwrap_err();
        assert!(unknown.to_string().contains("does not exist"), "{unknown}");
        let nic = vms::get(&bench.cx, vm).await.unwrap().nics.pop().unwrap();
        assert!(nic.name == "extra" && before.iter().all(|b| b.mac != nic.mac), "{nic:?}");
        let change = NicChange { model: NicModel::E1000, linked: false, ..card("changed", None) };
        change_nic(&bench.cx, vm, nic.id, change).await.unwrap();
        let after = vms::get(&bench.cx, vm).await.unwrap().nics.pop().unwrap();
        assert!(after.name == "changed" && after.model == NicModel::E1000 && !after.linked && after.mac == nic.mac);
        remove_nic(&bench.cx, vm, nic.id).await.unwrap();
        assert!(matches!(remove_nic(&bench.cx, vm, nic.id).await, Err(EngineError::NotFound { .. })));
        assert_eq!(vms::get(&bench.cx, vm).await.unwrap().nics, before);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn how_a_running_vm_sees_its_disk_stays() {
        let bench = Bench::new().await;
        let vm = bench.vm("a").await;
        let disk = vms::get(&bench.cx, vm).await.unwrap().disks.remove(0);
        let change = |alias: &str, seen| DiskChange { alias: alias.to_owned(), description: String::new(), seen };
        let seen = Some((DiskInterface::Sata, false));
        disks::change(&bench.cx, disk.disk.id, change("one", seen)).await.unwrap();
        let after = vms::get(&bench.cx, vm).await.unwrap().disks.remove(0);
        assert!(after.disk.alias == "one" && after.interface == DiskInterface::Sata && !after.bootable, "{after:?}");
        disks::change(&bench.cx, disk.disk.id, change("two", Some((DiskInterface::Virtio, true)))).await.unwrap();
        vms::start(&bench.cx, vm).await.unwrap();
        bench.becomes(vm, VmStatus::Up).await;
        let refused = disks::change(&bench.cx, disk.disk.id, change("three", seen)).await.unwrap_err();
        assert!(matches!(refused, EngineError::Refused { because: Refusal::Status(_), .. }), "{refused}");
        disks::change(&bench.cx, disk.disk.id, change("three", None)).await.unwrap();
    }
}
