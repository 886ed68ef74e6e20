//! A VM's life, from command to event.

use crate::engine::hosts::report;
use crate::engine::jobs::testing::{Case, every_way, pause};
use crate::engine::testing::Bench;
use crate::engine::vms::reboot::RebootVm;
use crate::engine::vms::shutdown::ShutdownVm;
use crate::engine::vms::start::StartVm;
use crate::engine::vms::stop::StopVm;
use crate::engine::vms::suspend::SuspendVm;
use crate::engine::{EngineError, jobs, vms};
use crate::model::ids::{HostId, JobId, VmId};
use crate::model::job::{JobStatus, JobView};
use crate::model::vm::{Refusal, VmAction, VmStatus, VmUpdate};
use crate::wire::event::{DomainState, StopReason};
use crate::wire::{DomainReport, ErrorCode};

async fn end(bench: &Bench, job: JobId) -> JobView {
    jobs::wait(&bench.engine, job).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn starts_and_is_up_and_stops() {
    let bench = Bench::new().await;
    let vm = bench.vm("a").await;
    let job = vms::start(&bench.cx, vm).await.unwrap();
    assert_ne!(bench.status(vm).await, VmStatus::Down, "it is on its way as soon as the command returns");
    assert_eq!(end(&bench, job).await.status, JobStatus::Finished);
    bench.becomes(vm, VmStatus::PoweringUp).await;
    bench.becomes(vm, VmStatus::Up).await;
    let row = vms::list(&bench.cx, &Default::default()).await.unwrap().rows.remove(0);
    assert!(row.can.contains(&VmAction::Shutdown) && !row.can.contains(&VmAction::Run), "{:?}", row.can);
    assert_eq!(row.host_name.as_deref(), Some("host1"));
    let job = vms::stop(&bench.cx, vm).await.unwrap();
    assert_eq!(end(&bench, job).await.status, JobStatus::Finished);
    assert_eq!(bench.status(vm).await, VmStatus::Down);
    let events = bench.events().await;
    for code in ["USER_STARTED_VM", "USER_RUN_VM", "USER_STOP_VM"] {
        assert!(events.iter().any(|e| e == code), "{code} in {events:?}");
    }
    assert!(!events.iter().any(|e| e == "VM_DOWN_ERROR"), "{events:?}");
    bench.assert_no_locks().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_start_that_libvirt_refuses_is_undone() {
    let bench = Bench::new().await;
    let vm = bench.vm("a").await;
    bench.agent.refuse("start_vm", ErrorCode::Libvirt);
    let job = end(&bench, vms::start(&bench.cx, vm).await.unwrap()).await;
    assert_eq!(job.status, JobStatus::Failed);
    assert_eq!(bench.status(vm).await, VmStatus::Down);
    let view = vms::get(&bench.cx, vm).await.unwrap();
    assert!(view.row.status_reason.contains("refused by this test") && view.row.host.is_none(), "{:?}", view.row);
    assert!(bench.events().await.contains(&"USER_FAILED_RUN_VM".to_owned()));
    bench.agent.obey();
    let job = end(&bench, vms::start(&bench.cx, vm).await.unwrap()).await;
    assert_eq!(job.status, JobStatus::Finished);
    bench.assert_no_locks().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn waits_for_a_libvirtd_that_comes_back() {
    let bench = Bench::new().await;
    let vm = bench.vm("a").await;
    bench.agent.refuse("start_vm", ErrorCode::LibvirtGone);
    let job = vms::start(&bench.cx, vm).await.unwrap();
    bench.until("two tries", || async { bench.agent.calls("start_vm") }, |n| *n >= 2).await;
    bench.agent.obey();
    assert_eq!(end(&bench, job).await.status, JobStatus::Finished);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_libvirtd_that_stays_away_leaves_the_vm_down_and_tied_to_its_host() {
    let bench = Bench::new().await;
    let vm = bench.vm("a").await;
    bench.agent.refuse("start_vm", ErrorCode::LibvirtGone);
    bench.agent.refuse("stop_vm", ErrorCode::LibvirtGone);
    let job = end(&bench, vms::start(&bench.cx, vm).await.unwrap()).await;
    assert_eq!((job.status, bench.status(vm).await), (JobStatus::Failed, VmStatus::Down));
    let run = vms::state::read(&bench.engine, vm).await.unwrap();
    assert_eq!(run.host, Some(bench.host), "it may run there");
    // It does: the host's report has it stopped.
    bench.agent.obey();
    bench.agent.appear(vm);
    bench.until("it is stopped", || async { bench.agent.state(vm) }, |s| *s == Some(DomainState::Shutoff)).await;
    bench.becomes(vm, VmStatus::Down).await;
    let free = || async { vms::state::read(&bench.engine, vm).await.unwrap().host };
    bench.until("it is free", free, Option::is_none).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_given_up_and_runs_after_all_is_powered_off() {
    let bench = Bench::new().await;
    let vm = bench.vm("a").await;
    bench.agent.refuse("start_vm", ErrorCode::LibvirtGone);
    bench.agent.refuse("stop_vm", ErrorCode::LibvirtGone);
    end(&bench, vms::start(&bench.cx, vm).await.unwrap()).await;
    // Its host's report comes while it cannot be stopped yet.
    bench.agent.appear(vm);
    bench.becomes(vm, VmStatus::PoweringDown).await;
    bench.until("two tries", || async { bench.agent.calls("stop_vm") }, |n| *n >= 5).await;
    bench.agent.obey();
    bench.engine.reconcilers.wake("unwanted guests");
    bench.becomes(vm, VmStatus::Down).await;
    bench
        .until("it is free", || async { vms::state::read(&bench.engine, vm).await.unwrap().host }, Option::is_none)
        .await;
    assert_eq!(bench.agent.state(vm), Some(DomainState::Shutoff));
}

#[tokio::test(flavor = "multi_thread")]
async fn who_sees_it_up_may_act_although_its_start_is_about_to_end() {
    let bench = Bench::new().await;
    let vm = bench.vm("a").await;
    pause(&bench, Some("start_vm:confirm:after"));
    let started = vms::start(&bench.cx, vm).await.unwrap();
    bench.becomes(vm, VmStatus::Up).await;
    let (cx, asked) = (bench.cx.clone(), tokio::time::Instant::now());
    let rebooted = tokio::spawn(async move { vms::reboot(&cx, vm).await });
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    assert!(!rebooted.is_finished(), "{:?}", asked.elapsed());
    pause(&bench, None);
    end(&bench, started).await;
    let job = rebooted.await.unwrap().unwrap();
    assert_eq!(end(&bench, job).await.status, JobStatus::Finished);
}

#[tokio::test(flavor = "multi_thread")]
async fn guests_shut_down_by_themselves_or_are_asked_to() {
    let bench = Bench::new().await;
    let vm = bench.vm("a").await;
    end(&bench, vms::start(&bench.cx, vm).await.unwrap()).await;
    bench.agent.end(vm, StopReason::Shutdown);
    bench.becomes(vm, VmStatus::Down).await;
    end(&bench, vms::start(&bench.cx, vm).await.unwrap()).await;
    bench.agent.end(vm, StopReason::Crashed);
    bench.becomes(vm, VmStatus::Down).await;
    assert!(vms::get(&bench.cx, vm).await.unwrap().row.status_reason.contains("crashed"));
    end(&bench, vms::start(&bench.cx, vm).await.unwrap()).await;
    let job = end(&bench, vms::shutdown(&bench.cx, vm).await.unwrap()).await;
    assert_eq!((job.status, bench.status(vm).await), (JobStatus::Finished, VmStatus::Down));
    let events = bench.events().await;
    assert!(events.contains(&"VM_DOWN".to_owned()) && events.contains(&"VM_DOWN_ERROR".to_owned()), "{events:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deaf_guest_is_up_again_and_can_be_powered_off_meanwhile() {
    let bench = Bench::new().await;
    let vm = bench.vm("a").await;
    bench.agent.deafen_guests();
    end(&bench, vms::start(&bench.cx, vm).await.unwrap()).await;
    bench.becomes(vm, VmStatus::Up).await;
    let asked = vms::shutdown(&bench.cx, vm).await.unwrap();
    assert_eq!(bench.status(vm).await, VmStatus::PoweringDown);
    assert_eq!(end(&bench, asked).await.status, JobStatus::Failed);
    assert_eq!(bench.status(vm).await, VmStatus::Up);
    assert!(bench.events().await.contains(&"SHUTDOWN_VM_IGNORED".to_owned()));
    let rebooted = end(&bench, vms::reboot(&bench.cx, vm).await.unwrap()).await;
    assert_eq!((rebooted.status, bench.status(vm).await), (JobStatus::Failed, VmStatus::Up));
    let asked = vms::shutdown(&bench.cx, vm).await.unwrap();
    end(&bench, vms::stop(&bench.cx, vm).await.unwrap()).await;
    assert_eq!(bench.status(vm).await, VmStatus::Down);
    assert_eq!(end(&bench, asked).await.status, JobStatus::Finished);
}

#[tokio::test(flavor = "multi_thread")]
async fn suspends_and_resumes_and_reboots() {
    let bench = Bench::new().await;
    let vm = bench.vm("a").await;
    end(&bench, vms::start(&bench.cx, vm).await.unwrap()).await;
    bench.becomes(vm, VmStatus::Up).await;
    assert_eq!(end(&bench, vms::suspend(&bench.cx, vm).await.unwrap()).await.status, JobStatus::Finished);
    assert_eq!(bench.status(vm).await, VmStatus::Suspended);
    assert_eq!(end(&bench, vms::start(&bench.cx, vm).await.unwrap()).await.status, JobStatus::Finished);
    bench.becomes(vm, VmStatus::Up).await;
    assert_eq!(end(&bench, vms::reboot(&bench.cx, vm).await.unwrap()).await.status, JobStatus::Finished);
    bench.becomes(vm, VmStatus::Up).await;
    end(&bench, vms::suspend(&bench.cx, vm).await.unwrap()).await;
    // What the host told while it was saved, and is read afterwards.
    bench.agent.tell_late(vm, DomainState::Running, None);
    let saved = || async { vms::state::read(&bench.engine, vm).await.unwrap() };
    bench.until("alive, late", saved, |run| run.observed.is_living()).await;
    bench.agent.tell_late(vm, DomainState::Shutoff, Some(StopReason::Saved));
    bench.until("saved, late", saved, |run| !run.observed.is_living()).await;
    assert_eq!(bench.status(vm).await, VmStatus::Suspended);
    // A restore that fails leaves the saved state alone.
    bench.agent.refuse("start_vm", ErrorCode::Libvirt);
    end(&bench, vms::start(&bench.cx, vm).await.unwrap()).await;
    assert_eq!(bench.status(vm).await, VmStatus::Suspended);
    assert_eq!(bench.agent.calls("stop_vm"), 0);
    end(&bench, vms::stop(&bench.cx, vm).await.unwrap()).await;
    assert_eq!((bench.status(vm).await, bench.agent.calls("stop_vm")), (VmStatus::Down, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_ran_is_found_again_after_the_engine_was_away() {
    let mut bench = Bench::new().await;
    let (stays, ends) = (bench.vm("stays").await, bench.vm("ends").await);
    for vm in [stays, ends] {
        end(&bench, vms::start(&bench.cx, vm).await.unwrap()).await;
    }
    bench.engine.stop();
    bench.agent.end(ends, StopReason::Shutdown);
    bench.restart().await;
    bench.becomes(ends, VmStatus::Down).await;
    bench.becomes(stays, VmStatus::Up).await;
    assert_eq!(bench.agent.calls("start_vm"), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn refuses_what_makes_no_sense() {
    let bench = Bench::new().await;
    let vm = bench.vm("a").await;
    let refused = vms::stop(&bench.cx, vm).await.unwrap_err();
    assert!(matches!(refused, EngineError::Refused { because: Refusal::Status(VmStatus::Down), .. }), "{refused}");
    let huge = VmUpdate { memory_mib: Some(1 << 20), max_memory_mib: Some(1 << 20), ..VmUpdate::default() };
    vms::update(&bench.cx, vm, huge).await.unwrap();
    let refused = vms::start(&bench.cx, vm).await.unwrap_err();
    assert!(matches!(refused, EngineError::Invalid(ref all) if all[0].field == "memory"), "{refused}");
    assert_eq!(bench.status(vm).await, VmStatus::Down);
    let other = bench.vm("b").await;
    let taken = vms::update(&bench.cx, other, VmUpdate { name: Some("a".to_owned()), ..VmUpdate::default() }).await;
    assert!(taken.unwrap_err().to_string().contains("in use already"));
    bench.agent.refuse("start_vm", ErrorCode::LibvirtGone);
    vms::start(&bench.cx, other).await.unwrap();
    let locked = vms::start(&bench.cx, other).await.unwrap_err();
    assert!(matches!(locked, EngineError::Refused { because: Refusal::Locked { .. }, .. }), "{locked}");
}

macro_rules! every_way {
    ($test:ident, $kind:ty, prepare $prepare:expr, begin $begin:path, done $done:expr, clean $clean:expr) => {
        #[tokio::test(flavor = "multi_thread")]
        async fn $test() {
            struct ThisCase;
            impl Case for ThisCase {
                type Kind = $kind;
                type Subject = VmId;
                async fn prepare(bench: &Bench) -> VmId {
                    let vm = bench.vm("a").await;
                    let prepare: &[VmStatus] = $prepare;
                    for status in prepare {
                        if *status == VmStatus::Suspended {
                            end(bench, vms::suspend(&bench.cx, vm).await.unwrap()).await;
                        } else {
                            end(bench, vms::start(&bench.cx, vm).await.unwrap()).await;
                        }
                        bench.becomes(vm, *status).await;
                    }
                    vm
                }
                async fn begin(bench: &Bench, vm: &VmId) -> JobId {
                    $begin(&bench.cx, *vm).await.unwrap()
                }
                async fn done(bench: &Bench, vm: &VmId) {
                    bench.becomes(*vm, $done).await;
                }
                async fn clean(bench: &Bench, vm: &VmId) {
                    // What the guest did meanwhile its host reports in its own time.
                    bench.until("as before", || bench.status(*vm), |status| $clean.contains(status)).await;
                }
            }
            every_way::<ThisCase>().await;
        }
    };
}

every_way!(starting_every_way, StartVm, prepare &[], begin vms::start, done VmStatus::Up, clean [VmStatus::Down]);
every_way!(
    restoring_every_way, StartVm, prepare &[VmStatus::Up, VmStatus::Suspended], begin vms::start, done VmStatus::Up,
    clean [VmStatus::Suspended, VmStatus::Down]
);
every_way!(
    stopping_every_way, StopVm, prepare &[VmStatus::Up], begin vms::stop, done VmStatus::Down,
    clean [VmStatus::Down]
);
every_way!(
    shutting_down_every_way, ShutdownVm, prepare &[VmStatus::Up], begin vms::shutdown, done VmStatus::Down,
    clean [VmStatus::Down]
);
every_way!(
    rebooting_every_way, RebootVm, prepare &[VmStatus::Up], begin vms::reboot, done VmStatus::Up,
    clean [VmStatus::Up, VmStatus::PoweringUp]
);
every_way!(
    suspending_every_way, SuspendVm, prepare &[VmStatus::Up], begin vms::suspend, done VmStatus::Suspended,
    clean [VmStatus::Suspended]
);

#[tokio::test(flavor = "multi_thread")]
async fn what_lives_elsewhere_may_be_missing_here() {
    let bench = Bench::new().await;
    let vm = bench.vm("a").await;
    end(&bench, vms::start(&bench.cx, vm).await.unwrap()).await;
    let gone = DomainReport { vm, state: DomainState::Missing, stop_reason: None, agent_connected: false };
    // It was moved: the host that it left reports it as missing, over and over.
    let told = report::events(&bench.engine, HostId::random(), vec![gone]);
    tokio::time::timeout(std::time::Duration::from_secs(10), told).await.expect("that is no question").unwrap();
    bench.becomes(vm, VmStatus::Up).await;
}
