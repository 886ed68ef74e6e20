//! Changing VMs that run: what reaches the guest at once, what waits, what goes back.

use crate::engine::jobs::testing::{Case, every_way};
use crate::engine::testing::Bench;
use crate::engine::vms::adjust::{AdjustVm, Args, Before, begin};
use crate::engine::{EngineError, disks, vms};
use crate::model::disk::DiskInterface;
use crate::model::ids::{DiskId, JobId, NicId, VmId};
use crate::model::network::{NicChange, NicModel};
use crate::model::vm::{Refusal, VmStatus, VmUpdate, VmView};
use crate::model::vm_settings::{NotNow, SettingsChange};
use crate::store::disks::write as disk_rows;
use crate::store::nics;
use crate::wire::{ErrorCode, Part, RefusedPart};

async fn running(bench: &Bench) -> VmId {
    let vm = bench.vm("a").await;
    vms::start(&bench.cx, vm).await.unwrap();
    bench.becomes(vm, VmStatus::Up).await;
    bench.until("its start ended", || bench.is_free(), |free| *free).await;
    vm
}

async fn view(bench: &Bench, vm: VmId) -> VmView {
    vms::get(&bench.cx, vm).await.unwrap()
}

fn waiting(view: &VmView) -> Vec<(&str, &str, &str)> {
    view.waiting.iter().map(|w| (w.field, w.now.as_str(), w.next.as_str())).collect()
}

fn sockets(sockets: u32) -> VmUpdate {
    VmUpdate { sockets: Some(sockets), ..VmUpdate::default() }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_had_at_once_waits() {
    let bench = Bench::new().await;
    let vm = running(&bench).await;
    let settings = SettingsChange { soundcard: Some(true), high_availability: Some(true), ..SettingsChange::default() };
    let change = VmUpdate { settings, memory_mib: Some(700), description: Some("new".to_owned()), ..sockets(2) };
    vms::update(&bench.cx, vm, change).await.unwrap();
    let now = view(&bench, vm).await;
    assert_eq!(waiting(&now), [("memory", "512", "700"), ("soundcard", "false", "true")]);
    assert_eq!(now.waiting[0].why, Some(NotNow::MemoryStep { step: 128 }));
    let guest = now.running.clone().unwrap();
    assert_eq!((guest.hardware.sockets, guest.hardware.settings.high_availability), (2, true));
    assert!(now.row.waits && now.row.description == "new");
    assert!(bench.events().await.iter().any(|e| e == "HOT_SET_NUMBER_OF_CPUS"));
    // Whoever takes it back has nothing to wait for.
    let settings = SettingsChange { soundcard: Some(false), ..SettingsChange::default() };
    vms::update(&bench.cx, vm, VmUpdate { settings, memory_mib: Some(512), ..VmUpdate::default() }).await.unwrap();
    assert!(waiting(&view(&bench, vm).await).is_empty());
    vms::update(&bench.cx, vm, VmUpdate { next_run: true, ..sockets(4) }).await.unwrap();
    assert_eq!(waiting(&view(&bench, vm).await), [("sockets", "2", "4")]);
    vms::stop(&bench.cx, vm).await.unwrap();
    bench.becomes(vm, VmStatus::Down).await;
    let down = view(&bench, vm).await;
    assert!(down.running.is_none() && !down.row.waits && down.hardware.sockets == 4);
    bench.until("it is free", || bench.is_free(), |free| *free).await;
    vms::start(&bench.cx, vm).await.unwrap();
    bench.becomes(vm, VmStatus::Up).await;
    assert_eq!(view(&bench, vm).await.running.unwrap().hardware.sockets, 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn more_cpus_than_the_host_has_wait_and_say_what_a_start_would() {
    let bench = Bench::new().await;
    let vm = running(&bench).await;
    vms::update(&bench.cx, vm, sockets(4)).await.unwrap();
    assert_eq!((waiting(&view(&bench, vm).await), bench.agent.calls("adjust_vm")), (vec![], 1), "all that it has");
    vms::update(&bench.cx, vm, sockets(5)).await.unwrap();
    let now = view(&bench, vm).await;
    assert_eq!((waiting(&now), bench.agent.calls("adjust_vm")), (vec![("sockets", "4", "5")], 1), "it was not asked");
    let why = now.waiting[0].why.clone().unwrap();
    assert_eq!(why, NotNow::HostCpus { host: "host1".to_owned(), most: 4, wanted: 5 });
    vms::stop(&bench.cx, vm).await.unwrap();
    bench.becomes(vm, VmStatus::Down).await;
    bench.until("it is free", || bench.is_free(), |free| *free).await;
    let refused = vms::start(&bench.cx, vm).await.unwrap_err();
    assert!(refused.to_string().contains(why.to_string().trim_start_matches("host ")), "{refused}");
    // A host that has too few already lets a guest have less.
    vms::update(&bench.cx, vm, sockets(1)).await.unwrap();
    vms::start(&bench.cx, vm).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guest_that_refuses_keeps_what_it_has() {
    let bench = Bench::new().await;
    let vm = running(&bench).await;
    let refused = |part, why: &str| RefusedPart { part, why: why.to_owned() };
    bench.agent.refuse_parts(vec![refused(Part::Memory, "no slot")]);
    vms::update(&bench.cx, vm, VmUpdate { memory_mib: Some(640), ..VmUpdate::default() }).await.unwrap();
    assert!(bench.events().await.iter().any(|e| e == "FAILED_HOT_SET_MEMORY"));
    let card =
        NicChange { name: "extra".to_owned(), model: NicModel::Virtio, profile: None, linked: true, plugged: true };
    let disk = disks::add(&bench.cx, new_disk(), Some(vm)).await.unwrap();
    crate::engine::jobs::wait(&bench.engine, disk.job).await.unwrap();
    bench.agent.refuse_parts(vec![refused(Part::Disk(disk.id), "no bus"), refused(Part::Stray, "busy")]);
    let why = vms::add_nic(&bench.cx, vm, card).await.unwrap_err();
    assert!(why.to_string().contains("no bus"), "{why}");
    let why = disks::set_active(&bench.cx, vm, disk.id, false).await.unwrap_err();
    assert!(why.to_string().contains("no bus"), "{why}");
    let now = view(&bench, vm).await;
    assert!(now.nics.iter().any(|n| n.name == "extra" && !n.plugged), "{:?}", now.nics);
    assert!(now.disks.iter().all(|d| d.active), "{:?}", now.disks);
}

fn new_disk() -> crate::model::disk::NewDisk {
    crate::model::disk::NewDisk {
        alias: "extra".to_owned(),
        description: String::new(),
        virtual_bytes: 1 << 30,
        sparse: true,
        interface: DiskInterface::Virtio,
        bootable: false,
        storage_domain: None,
        quota: None,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn disks_come_and_go_while_it_runs() {
    let bench = Bench::new().await;
    let vm = running(&bench).await;
    let added = disks::add(&bench.cx, new_disk(), Some(vm)).await.unwrap();
    crate::engine::jobs::wait(&bench.engine, added.job).await.unwrap();
    let of = |view: &VmView, disk: DiskId| view.disks.iter().find(|d| d.disk.id == disk).map(|d| d.active);
    assert_eq!(of(&view(&bench, vm).await, added.id), Some(true));
    let plugged = disks::detach(&bench.cx, vm, added.id).await.unwrap_err();
    assert!(matches!(plugged, EngineError::Refused { because: Refusal::Plugged { .. }, .. }), "{plugged}");
    disks::set_active(&bench.cx, vm, added.id, false).await.unwrap();
    disks::detach(&bench.cx, vm, added.id).await.unwrap();
    assert_eq!(of(&view(&bench, vm).await, added.id), None);
    let ide = disks::Attach { disk: added.id, interface: DiskInterface::Ide, bootable: false, active: true };
    let refused = disks::attach(&bench.cx, vm, ide).await.unwrap_err();
    assert!(matches!(refused, EngineError::Refused { because: Refusal::NotHotPluggable, .. }), "{refused}");
    let hot = disks::Attach { interface: DiskInterface::VirtioScsi, ..ide };
    disks::attach(&bench.cx, vm, hot).await.unwrap();
    let twice = disks::attach(&bench.cx, vm, hot).await.unwrap_err();
    assert!(twice.to_string().contains("belongs to nothing else"), "{twice}");
    assert_eq!(of(&view(&bench, vm).await, added.id), Some(true));
}

#[tokio::test(flavor = "multi_thread")]
async fn cards_are_plugged_while_it_runs() {
    let bench = Bench::new().await;
    let vm = running(&bench).await;
    let card =
        NicChange { name: "hot".to_owned(), model: NicModel::Virtio, profile: None, linked: true, plugged: true };
    let nic = vms::add_nic(&bench.cx, vm, card.clone()).await.unwrap();
    assert_eq!(bench.agent.plugged(vm).len(), view(&bench, vm).await.nics.len());
    let plugged = vms::remove_nic(&bench.cx, vm, nic).await.unwrap_err();
    assert!(matches!(plugged, EngineError::Refused { because: Refusal::Plugged { .. }, .. }), "{plugged}");
    let model = vms::change_nic(&bench.cx, vm, nic, NicChange { model: NicModel::E1000, ..card.clone() }).await;
    assert!(matches!(model.unwrap_err(), EngineError::Refused { because: Refusal::Plugged { .. }, .. }));
    vms::change_nic(&bench.cx, vm, nic, NicChange { plugged: false, ..card }).await.unwrap();
    assert_eq!(bench.agent.plugged(vm).len() + 1, view(&bench, vm).await.nics.len());
    vms::remove_nic(&bench.cx, vm, nic).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_that_is_away_is_waited_for() {
    let bench = Bench::new().await;
    let vm = running(&bench).await;
    bench.agent.refuse("adjust_vm", ErrorCode::LibvirtGone);
    let cx = bench.cx.clone();
    let change = tokio::spawn(async move { vms::update(&cx, vm, sockets(2)).await });
    bench.until("it was tried", || async { bench.agent.calls("adjust_vm") }, |calls| *calls > 0).await;
    tokio::time::sleep(std::time::Duration::from_millis(2500)).await;
    bench.agent.obey();
    change.await.unwrap().unwrap();
    assert!(view(&bench, vm).await.waiting.is_empty());
}

/// A card more, and the task that plugs it in.
async fn plug(bench: &Bench, vm: VmId) -> JobId {
    let cx = bench.cx.clone();
    let job = bench.engine.db.write(move |db| {
        let card =
            NicChange { name: "hot".to_owned(), model: NicModel::Virtio, profile: None, linked: true, plugged: true };
        let cluster = crate::store::vms::list::row(db, vm)?.unwrap().cluster;
        let mac = nics::free_macs(db, cluster, 1)?.remove(0);
        let nic: NicId = nics::add(db, vm, mac, &card)?;
        let was = NicChange { plugged: false, ..card };
        begin(&cx, db, "a", &Args::devices(vm, vec![Before::Nic { nic, was }]))
    });
    job.await.unwrap()
}

async fn hot_card(bench: &Bench, vm: VmId) -> (bool, bool) {
    let now = view(bench, vm).await;
    let card = now.nics.iter().find(|n| n.name == "hot").unwrap();
    (card.plugged, bench.agent.plugged(vm).contains(&card.mac.to_string()))
}

#[tokio::test(flavor = "multi_thread")]
async fn plugging_every_way() {
    struct Plugging;
    impl Case for Plugging {
        type Kind = AdjustVm;
        type Subject = VmId;
        async fn prepare(bench: &Bench) -> VmId {
            running(bench).await
        }
        async fn begin(bench: &Bench, vm: &VmId) -> JobId {
            plug(bench, *vm).await
        }
        async fn done(bench: &Bench, vm: &VmId) {
            assert_eq!(hot_card(bench, *vm).await, (true, true));
        }
        async fn clean(bench: &Bench, vm: &VmId) {
            assert_eq!(hot_card(bench, *vm).await, (false, false));
        }
    }
    every_way::<Plugging>().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disk_that_nobody_sees_is_not_for_the_guest() {
    let bench = Bench::new().await;
    let vm = bench.vm("a").await;
    let disk = view(&bench, vm).await.disks.remove(0).disk.id;
    bench.engine.db.write(move |db| Ok::<_, EngineError>(disk_rows::set_active(db, disk, false)?)).await.unwrap();
    let refused = vms::start(&bench.cx, vm).await.unwrap_err();
    assert!(matches!(refused, EngineError::Refused { because: Refusal::NothingToBoot, .. }), "{refused}");
}
