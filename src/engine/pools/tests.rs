//! Pools as commands see them.

use super::{create, detach, get, members, reclaim, remove, take, take_or_go_on, update};
use crate::engine::testing::Bench;
use crate::engine::testing::kinds::{new_pool, template, wait};
use crate::engine::testing::people::person;
use crate::engine::{Cx, EngineError, jobs, permissions, templates, vms};
use crate::model::conflict::Conflict;
use crate::model::host::HostStatus;
use crate::model::ids::{BLANK_TEMPLATE, PoolId, VmId};
use crate::model::job::JobStatus;
use crate::model::permission::ObjectKind;
use crate::model::pool::{NewPool, PoolKind, PoolUpdate, PoolView, Surplus};
use crate::model::role::USER_ROLE;
use crate::model::setting::Setting;
use crate::model::valid::Problem;
use crate::model::vm::{Refusal, VmStatus};
use crate::wire::ErrorCode;
use std::collections::BTreeSet;

async fn pool(bench: &Bench, change: impl Fn(&mut NewPool)) -> PoolId {
    let mut new = new_pool(template(bench).await);
    change(&mut new);
    let created = create(&bench.cx, new).await.unwrap();
    wait(bench, created.job).await;
    created.id
}

/// Somebody who may take of the pool.
async fn user(bench: &Bench, name: &str, pool: PoolId) -> Cx {
    let cx = person(bench, name).await;
    permissions::grant(&bench.cx, USER_ROLE, cx.actor.user.into(), ObjectKind::Pool, pool.object()).await.unwrap();
    crate::engine::testing::people::again(bench, &cx).await
}

async fn view(bench: &Bench, pool: PoolId) -> PoolView {
    get(&bench.cx, pool).await.unwrap()
}

async fn taken(bench: &Bench, cx: &Cx, pool: PoolId) -> VmId {
    let taken = take(cx, pool).await.unwrap();
    wait(bench, taken.job).await;
    taken.id
}

fn size(size: u32, surplus: Option<Surplus>) -> PoolUpdate {
    PoolUpdate { size: Some(size), surplus, ..PoolUpdate::default() }
}

fn fields(error: EngineError) -> Vec<&'static str> {
    let EngineError::Invalid(wrong) = error else { panic!("{error}") };
    wrong.into_iter().map(|w| w.field).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_pool_is_made_of_rows() {
    let bench = Bench::new().await;
    let begun = std::time::Instant::now();
    let pool = pool(&bench, |new| (new.size, new.name) = (600, "desk-???".to_owned())).await;
    assert!(begun.elapsed().as_secs() < 20, "{:?}", begun.elapsed());
    assert_eq!(bench.agent.images().len(), 1, "the template's only");
    let all = members(&bench.cx, pool).await.unwrap();
    let names: BTreeSet<&str> = all.iter().map(|m| m.vm.name.as_str()).collect();
    assert_eq!((names.len(), names.first().copied(), names.last().copied()), (600, Some("desk-001"), Some("desk-600")));
    assert!(all.iter().all(|m| m.vm.status == VmStatus::Down && m.vm.locked_by.is_none() && m.vm.stateless));
    let one = vms::get(&bench.cx, all[599].vm.id).await.unwrap();
    assert_eq!((one.disks.len(), one.nics.len()), (1, 1));
    assert_eq!(one.disks[0].disk.alias, format!("{}_Disk1", one.row.name));
    assert_eq!(view(&bench, pool).await.free, 600);
    let taken = taken(&bench, &bench.cx, pool).await;
    assert_eq!(bench.agent.images().len(), 3, "its layers are made as it first starts");
    wait(&bench, vms::stop(&bench.cx, taken).await.unwrap()).await;
    bench.until("it is back", || view(&bench, pool), |v| v.free == 600).await;
    wait(&bench, remove(&bench.cx, pool).await.unwrap()).await;
    assert_eq!(bench.agent.images().len(), 1);
    assert!(vms::list(&bench.cx, &Default::default()).await.unwrap().rows.is_empty());
    bench.assert_no_locks().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_made_is_refused_and_leaves_nothing() {
    let bench = Bench::new().await;
    let golden = template(&bench).await;
    let blank = create(&bench.cx, new_pool(BLANK_TEMPLATE)).await.unwrap_err();
    assert!(blank.to_string().contains("has no disk"), "{blank}");
    let many = NewPool { size: 2000, ..new_pool(golden) };
    assert_eq!(fields(create(&bench.cx, many.clone()).await.unwrap_err()), ["size"]);
    crate::engine::settings::set(&bench.cx, vec![(Setting::MaxVmsInPool, "1".to_owned())]).await.unwrap();
    assert_eq!(fields(create(&bench.cx, new_pool(golden)).await.unwrap_err()), ["size"]);
    crate::engine::settings::set(&bench.cx, vec![(Setting::MaxVmsInPool, "70000".to_owned())]).await.unwrap();
    let addresses = create(&bench.cx, NewPool { size: 70_000, ..many }).await.unwrap_err().to_string();
    assert!(addresses.contains("MAC pool"), "{addresses}");
    let long = NewPool { name: "?".repeat(70) + "desk", ..new_pool(golden) };
    assert_eq!(fields(create(&bench.cx, long).await.unwrap_err()), ["name"]);
    bench.agent.refuse("inspect_image", ErrorCode::NotFound);
    let created = create(&bench.cx, new_pool(golden)).await.unwrap();
    let job = jobs::wait(&bench.engine, created.job).await.unwrap();
    assert_eq!(job.status, JobStatus::Failed);
    assert!(job.error.contains("is gone from its storage"), "{}", job.error);
    assert!(matches!(get(&bench.cx, created.id).await, Err(EngineError::Auth(_) | EngineError::NotFound { .. })));
    assert!(vms::list(&bench.cx, &Default::default()).await.unwrap().rows.is_empty());
    bench.agent.obey();
    let created = create(&bench.cx, NewPool { size: 1, ..new_pool(golden) }).await.unwrap();
    wait(&bench, created.job).await;
    let pool = created.id;
    let used = templates::remove(&bench.cx, golden).await.unwrap_err().to_string();
    assert!(used.contains("desks, desks-1"), "{used}");
    wait(&bench, remove(&bench.cx, pool).await.unwrap()).await;
    // Its removal has begun: nothing new is made of it.
    jobs::testing::pause(&bench, Some("remove_template:remove_images:before"));
    let removal = templates::remove(&bench.cx, golden).await.unwrap();
    let locked = create(&bench.cx, new_pool(golden)).await.unwrap_err().to_string();
    assert!(locked.contains("the template golden is locked"), "{locked}");
    jobs::testing::pause(&bench, None);
    wait(&bench, removal).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pool_is_changed_within_its_limits() {
    let bench = Bench::new().await;
    let pool = pool(&bench, |new| (new.size, new.max_user_vms) = (4, 2)).await;
    let alice = user(&bench, "alice", pool).await;
    let (first, second) = (taken(&bench, &alice, pool).await, taken(&bench, &alice, pool).await);
    let fixed = PoolUpdate {
        kind: Some(PoolKind::Manual),
        stateful: Some(true),
        cluster: Some(crate::model::ids::ClusterId::random()),
        template: Some(BLANK_TEMPLATE),
        ..PoolUpdate::default()
    };
    assert_eq!(fields(update(&bench.cx, pool, fixed).await.unwrap_err()), ["type", "stateful", "cluster", "template"]);
    let hers = update(&alice, pool, size(9, None)).await.unwrap_err();
    assert!(matches!(hers, EngineError::Auth(_)), "{hers}");
    let unsaid = update(&bench.cx, pool, size(3, None)).await.unwrap_err();
    assert!(matches!(&unsaid, EngineError::Invalid(w) if w[0].problem == Problem::NoSurplus), "{unsaid}");
    let below = update(&bench.cx, pool, size(1, Some(Surplus::Remove))).await.unwrap_err();
    assert!(matches!(below, EngineError::Conflict(Conflict::PoolTaken { taken: 2, busy: 0, size: 4, .. })), "{below}");
    let prestarted = PoolUpdate { prestarted: Some(5), ..PoolUpdate::default() };
    assert_eq!(fields(update(&bench.cx, pool, prestarted).await.unwrap_err()), ["prestarted_vms"]);
    assert_eq!(view(&bench, pool).await.size, 4, "a refusal changes nothing");

    // She has two and may have one from now on: she keeps them and gets no more.
    let less = PoolUpdate { max_user_vms: Some(1), name: Some("seats-??".to_owned()), ..PoolUpdate::default() };
    assert_eq!(update(&bench.cx, pool, less).await.unwrap(), None);
    let no_more = take(&alice, pool).await.unwrap_err();
    assert!(matches!(no_more, EngineError::Conflict(Conflict::PoolShare { mine: 2, most: 1, .. })), "{no_more}");
    assert!([first, second].contains(&take_or_go_on(&alice, pool).await.unwrap()));
    wait(&bench, vms::stop(&alice, first).await.unwrap()).await;
    bench.until("one is back", || view(&bench, pool), |v| v.assigned == 1 && v.free == 3).await;
    assert!(take(&alice, pool).await.is_err());

    wait(&bench, update(&bench.cx, pool, size(6, None)).await.unwrap().unwrap()).await;
    let all = members(&bench.cx, pool).await.unwrap();
    let names: BTreeSet<String> = all.iter().map(|m| m.vm.name.clone()).collect();
    assert!(names.contains("seats-01") && names.contains("seats-02") && names.contains("desks-4"), "{names:?}");
    assert_eq!(all[0].holder.as_ref().unwrap().name, "alice@internal");
    wait(&bench, update(&bench.cx, pool, size(2, Some(Surplus::Detach))).await.unwrap().unwrap()).await;
    assert_eq!(view(&bench, pool).await.size, 2);
    let all = vms::list(&bench.cx, &Default::default()).await.unwrap().rows;
    assert_eq!((all.len(), all.iter().filter(|vm| vm.pool.is_none() && !vm.stateless).count()), (6, 4));
    bench.assert_no_locks().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_detached_vm_is_an_ordinary_one() {
    let bench = Bench::new().await;
    let pool = pool(&bench, |new| new.kind = PoolKind::Manual).await;
    let alice = user(&bench, "alice", pool).await;
    let vm = taken(&bench, &alice, pool).await;
    let runs = detach(&bench.cx, vm).await.unwrap_err();
    assert!(matches!(runs, EngineError::Refused { because: Refusal::Status(_), .. }), "{runs}");
    wait(&bench, vms::stop(&alice, vm).await.unwrap()).await;
    assert_eq!(bench.status(vm).await, VmStatus::Down);
    let kept = vms::remove(&bench.cx, vm, false).await.unwrap_err().to_string();
    assert!(kept.contains("belongs to the pool desks; detach it from the pool first"), "{kept}");
    assert!(matches!(detach(&alice, vm).await, Err(EngineError::Auth(_))));
    wait(&bench, detach(&bench.cx, vm).await.unwrap()).await;
    let row = vms::get(&bench.cx, vm).await.unwrap().row;
    assert_eq!((row.pool, row.stateless), (None, false));
    assert!(vms::get(&alice, vm).await.is_err(), "it is hers no more");
    let other = taken(&bench, &alice, pool).await;
    assert_ne!(other, vm);
    let alone = detach(&bench.cx, vm).await.unwrap_err().to_string();
    assert!(alone.contains("belongs to no pool"), "{alone}");
    wait(&bench, vms::remove(&bench.cx, vm, false).await.unwrap()).await;
    wait(&bench, vms::stop(&alice, other).await.unwrap()).await;
    wait(&bench, detach(&bench.cx, other).await.unwrap()).await;
    assert!(get(&bench.cx, pool).await.is_err(), "the last VM took the pool with it");
    bench.assert_no_locks().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_taken_back_goes_back_and_its_user_gets_another() {
    let bench = Bench::new().await;
    for kind in [PoolKind::Automatic, PoolKind::Manual] {
        let pool = if kind == PoolKind::Automatic {
            pool(&bench, |_| ()).await
        } else {
            let all = templates_of(&bench).await;
            let new = NewPool { kind, name: "manual".to_owned(), ..new_pool(all) };
            let created = create(&bench.cx, new).await.unwrap();
            wait(&bench, created.job).await;
            created.id
        };
        let alice = user(&bench, kind.as_str(), pool).await;
        let vm = taken(&bench, &alice, pool).await;
        let nobody = members(&bench.cx, pool).await.unwrap().into_iter().find(|m| m.holder.is_none()).unwrap().vm.id;
        assert!(reclaim(&bench.cx, nobody).await.unwrap_err().to_string().contains("Nobody has"));
        assert!(matches!(reclaim(&alice, vm).await, Err(EngineError::Auth(_))));
        reclaim(&bench.cx, vm).await.unwrap();
        assert!(vms::get(&alice, vm).await.is_err());
        let other = taken(&bench, &alice, pool).await;
        // The first is not given to anybody before it is fresh; it may be that by now.
        if other != vm {
            bench.becomes(vm, VmStatus::Down).await;
        }
        bench.until("it is back", || view(&bench, pool), |v| v.assigned == 1 && v.free == 1).await;
        // Of one that is down, too.
        if kind == PoolKind::Manual {
            wait(&bench, vms::stop(&alice, other).await.unwrap()).await;
            reclaim(&bench.cx, other).await.unwrap();
            bench.until("both are back", || view(&bench, pool), |v| v.assigned == 0 && v.free == 2).await;
        }
    }
    assert!(bench.events().await.contains(&"VM_POOL_ASSIGNMENT_ENDED".to_owned()));
}

async fn templates_of(bench: &Bench) -> crate::model::ids::TemplateId {
    let all = crate::engine::catalog::templates(&bench.cx, &Default::default()).await.unwrap().rows;
    all.into_iter().find(|t| t.id != BLANK_TEMPLATE).unwrap().id
}

#[tokio::test(flavor = "multi_thread")]
async fn who_lost_his_host_gets_another_one() {
    let bench = Bench::new().await;
    let pool = pool(&bench, |_| ()).await;
    let alice = user(&bench, "alice", pool).await;
    let vm = taken(&bench, &alice, pool).await;
    host(&bench, HostStatus::NonResponsive).await;
    bench
        .engine
        .db
        .write({
            let engine = bench.engine.clone();
            move |db| vms::state::change(&engine, db, vm, |_| Ok(())).map(drop)
        })
        .await
        .unwrap();
    assert_eq!(bench.status(vm).await, VmStatus::Unknown);
    assert_eq!(get(&alice, pool).await.unwrap().mine, 0, "it counts no more");
    // Another host would take it; here the only one is back by then.
    host(&bench, HostStatus::Up).await;
    let other = take(&alice, pool).await.unwrap();
    assert_ne!(other.id, vm);
    wait(&bench, other.job).await;
    assert!(bench.events().await.contains(&"VM_POOL_ASSIGNMENT_LOST".to_owned()));
    bench
        .engine
        .db
        .write({
            let engine = bench.engine.clone();
            move |db| vms::state::change(&engine, db, vm, |_| Ok(())).map(drop)
        })
        .await
        .unwrap();
    bench.engine.refill.sweep();
    bench.until("the lost one is back in the pool", || view(&bench, pool), |v| v.assigned == 1 && v.free == 1).await;
    assert_eq!(bench.status(vm).await, VmStatus::Down);
}

/// As if the host had fallen silent, or was back.
async fn host(bench: &Bench, status: HostStatus) {
    let id = bench.host;
    bench
        .engine
        .db
        .write(move |db| {
            let row = crate::store::hosts::write::row(db, id)?.unwrap();
            Ok::<_, EngineError>(crate::store::hosts::write::set_status(db, &row, status, "")?)
        })
        .await
        .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_promised_number_runs_and_is_refilled_at_once() {
    let bench = Bench::new().await;
    let pool = pool(&bench, |new| (new.size, new.prestarted) = (5, 2)).await;
    let ahead = |v: &PoolView| v.running - v.assigned;
    bench.until("two run", || view(&bench, pool), |v| ahead(v) == 2 && v.assigned == 0).await;
    let alice = user(&bench, "alice", pool).await;
    let begun = std::time::Instant::now();
    let vm = take(&alice, pool).await.unwrap();
    assert!(bench.status(vm.id).await.is_running(), "she gets one of those");
    bench.until("two others run", || view(&bench, pool), |v| ahead(v) == 2 && v.assigned == 1).await;
    assert!(begun.elapsed().as_secs() < 5, "{:?}", begun.elapsed());
    // Taken while it came up: its start has the last word first.
    let held = || async { jobs::list(&bench.cx).await.unwrap().iter().any(|job| job.locks.contains(&vm.id.object())) };
    bench.until("its start has ended", held, |held| !held).await;
    wait(&bench, vms::stop(&alice, vm.id).await.unwrap()).await;
    bench.until("it is back", || view(&bench, pool), |v| v.assigned == 0).await;
    let none = PoolUpdate { prestarted: Some(0), ..PoolUpdate::default() };
    update(&bench.cx, pool, none).await.unwrap();
    wait(&bench, remove(&bench.cx, pool).await.unwrap()).await;
    bench.assert_no_locks().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn starts_that_fail_are_not_tried_all_the_time() {
    let bench = Bench::new().await;
    bench.agent.refuse("start_vm", ErrorCode::Libvirt);
    let pool = pool(&bench, |new| (new.size, new.prestarted) = (3, 3)).await;
    let trouble = |v: &PoolView| v.prestart_trouble.clone();
    let seen = bench.until("it failed", || view(&bench, pool), |v| trouble(v).is_some()).await;
    assert!(trouble(&seen).unwrap().why.contains("refused by this test"), "{seen:?}");
    bench.until("all three were tried", || async { bench.agent.calls("start_vm") }, |calls| *calls >= 3).await;
    tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    if bench.engine.clock.now() < trouble(&seen).unwrap().next {
        assert_eq!(bench.agent.calls("start_vm"), 3, "it waits");
    }
    assert_eq!(bench.events().await.iter().filter(|e| *e == "VM_FAILED_TO_PRESTART_IN_POOL").count(), 1);
    bench.agent.obey();
    // Whoever changes the pool does not want to wait.
    let change = PoolUpdate { prestarted: Some(2), ..PoolUpdate::default() };
    update(&bench.cx, pool, change).await.unwrap();
    bench.until("it goes again", || view(&bench, pool), |v| v.running == 2 && trouble(v).is_none()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn too_much_for_the_host_is_told_on_the_pool() {
    let bench = Bench::new().await;
    // The host has 8 GiB, each VM needs half of one and a bit.
    let pool = pool(&bench, |new| (new.size, new.prestarted) = (30, 30)).await;
    let full = |v: &PoolView| v.prestart_trouble.as_ref().is_some_and(|t| t.why.contains("MiB of memory left"));
    let seen = bench.until("the host is full", || view(&bench, pool), full).await;
    assert!(seen.running >= 10, "{seen:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_is_just_being_started_ahead_is_taken() {
    let bench = Bench::new().await;
    jobs::testing::pause(&bench, Some("start_vm:launch:before"));
    let pool = pool(&bench, |new| (new.size, new.prestarted) = (1, 1)).await;
    let only = members(&bench.cx, pool).await.unwrap()[0].vm.id;
    bench.becomes(only, VmStatus::WaitForLaunch).await;
    let alice = user(&bench, "alice", pool).await;
    assert!(get(&alice, pool).await.unwrap().can_take);
    let hers = take(&alice, pool).await.unwrap();
    assert_eq!(hers.id, only);
    let bob = user(&bench, "bob", pool).await;
    let none = take(&bob, pool).await.unwrap_err();
    assert!(matches!(none, EngineError::Conflict(Conflict::PoolEmpty { taken: 1, size: 1, .. })), "{none}");
    jobs::testing::pause(&bench, None);
    wait(&bench, hers.job).await;
    bench.becomes(only, VmStatus::Up).await;
    assert!(vms::get(&alice, only).await.is_ok());
    wait(&bench, vms::stop(&alice, only).await.unwrap()).await;
    bench.until("it is started for the next one", || view(&bench, pool), |v| v.assigned == 0 && v.running == 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_read_of_pools_while_nothing_happens() {
    let bench = Bench::new().await;
    let pool = pool(&bench, |new| (new.size, new.prestarted) = (2, 1)).await;
    bench.until("one runs", || view(&bench, pool), |v| v.running == 1).await;
    let one = members(&bench.cx, pool).await.unwrap()[0].vm.id;
    bench.becomes(one, VmStatus::Up).await;
    bench.assert_no_locks().await;
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    // A change behind the engine's back is not seen before the next sweep, which is half a minute away.
    let raised = move |db: &mut crate::db::Db| {
        let config = crate::store::pools::write::config(db, pool)?.unwrap();
        let more = crate::store::pools::write::PoolConfig { prestarted: 2, ..config };
        Ok::<_, EngineError>(crate::store::pools::write::update(db, &more)?)
    };
    bench.engine.db.write(raised).await.unwrap();
    tokio::time::sleep(std::time::Duration::from_millis(2500)).await;
    assert_eq!(view(&bench, pool).await.running, 1);
    bench.engine.refill.sweep();
    bench.until("the sweep sees it", || view(&bench, pool), |v| v.running == 2).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_removed_user_had_goes_back() {
    let bench = Bench::new().await;
    let pool = pool(&bench, |new| new.kind = PoolKind::Manual).await;
    let alice = user(&bench, "alice", pool).await;
    let vm = taken(&bench, &alice, pool).await;
    wait(&bench, vms::stop(&alice, vm).await.unwrap()).await;
    assert_eq!(view(&bench, pool).await.assigned, 1, "it stays hers while it is down");
    crate::engine::users::remove(&bench.cx, alice.actor.user).await.unwrap();
    bench.engine.refill.sweep();
    bench.until("it is back", || view(&bench, pool), |v| v.assigned == 0 && v.free == 2).await;
}
