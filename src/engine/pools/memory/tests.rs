//! Pools whose VMs start from one memory.

use super::{SaveMemory, keep, store};
use crate::engine::EngineError;
use crate::engine::jobs::testing::{Case, every_way};
use crate::engine::testing::Bench;
use crate::engine::testing::kinds::{new_pool, stock, template, wait};
use crate::engine::{pools, vms};
use crate::model::ids::{JobId, PoolId};
use crate::model::job::JobStatus;
use crate::model::pool::{MemoryState, NewPool, PoolKind, PoolUpdate};
use crate::model::vm::VmStatus;
use crate::wire::ErrorCode;
use std::collections::BTreeSet;

async fn instant_pool(bench: &Bench) -> PoolId {
    bench.agent.equip_guests();
    let new = NewPool { instant_start: true, ..new_pool(template(bench).await) };
    let created = pools::create(&bench.cx, new).await.unwrap();
    wait(bench, created.job).await;
    created.id
}

async fn save(bench: &Bench, pool: PoolId) -> JobId {
    let engine = bench.engine.clone();
    let job = bench.engine.db.write(move |db| super::save::begin(&engine, db, pool, "desks")).await.unwrap().unwrap();
    crate::engine::jobs::kick(&bench.engine, job);
    job
}

async fn memory_state(bench: &Bench, pool: PoolId) -> Option<MemoryState> {
    let found = bench.engine.db.read(move |db| Ok::<_, EngineError>(store::of_pool(db, pool)?)).await.unwrap();
    found.map(|memory| memory.state)
}

async fn ready_pool(bench: &Bench) -> PoolId {
    let pool = instant_pool(bench).await;
    let job = save(bench, pool).await;
    wait(bench, job).await;
    pool
}

/// Takes a VM and gives it back.
async fn used(bench: &Bench, pool: PoolId) {
    let taken = pools::take(&bench.cx, pool).await.unwrap();
    wait(bench, taken.job).await;
    wait(bench, vms::stop(&bench.cx, taken.id).await.unwrap()).await;
    let assigned = || async { pools::get(&bench.cx, pool).await.unwrap().assigned };
    bench.until("it is back", assigned, |n| *n == 0).await;
}

struct Saving;

impl Case for Saving {
    type Kind = SaveMemory;
    type Subject = (PoolId, BTreeSet<String>);
    async fn prepare(bench: &Bench) -> Self::Subject {
        (instant_pool(bench).await, bench.agent.images())
    }
    async fn begin(bench: &Bench, (pool, _): &Self::Subject) -> JobId {
        save(bench, *pool).await
    }
    async fn done(bench: &Bench, (pool, before): &Self::Subject) {
        assert_eq!(memory_state(bench, *pool).await, Some(MemoryState::Ready));
        assert_eq!(bench.agent.images().len(), before.len() + 2, "the memory, and what the guest wrote");
    }
    async fn clean(bench: &Bench, (pool, before): &Self::Subject) {
        assert_eq!(memory_state(bench, *pool).await, Some(MemoryState::Failed));
        assert_eq!(&bench.agent.images(), before);
        assert!(bench.events().await.contains(&"VM_POOL_INSTANT_START_FAILED".to_owned()));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn saving_a_memory_every_way() {
    every_way::<Saving>().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_vm_goes_on_from_its_pools_memory_and_leaves_nothing() {
    let bench = Bench::new().await;
    let pool = ready_pool(&bench).await;
    let before = stock(&bench).await;
    let taken = pools::take(&bench.cx, pool).await.unwrap();
    wait(&bench, taken.job).await;
    assert_eq!((bench.agent.calls("start_from_memory"), bench.agent.calls("start_vm")), (1, 1), "it did not boot");
    assert_eq!(bench.agent.images().len(), before.files.len() + 1, "one throw-away layer, none of its own");
    wait(&bench, vms::shutdown(&bench.cx, taken.id).await.unwrap()).await;
    bench.until("all is as it was", || stock(&bench), |now| *now == before).await;
    bench.assert_no_locks().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_vm_boots_when_it_cannot_go_on_and_the_memory_is_saved_anew() {
    let bench = Bench::new().await;
    let pool = ready_pool(&bench).await;
    bench.agent.refuse("start_from_memory", ErrorCode::Libvirt);
    let taken = pools::take(&bench.cx, pool).await.unwrap();
    let view = crate::engine::jobs::wait(&bench.engine, taken.job).await.unwrap();
    assert_eq!(view.status, JobStatus::Finished, "{}", view.error);
    bench.becomes(taken.id, VmStatus::Up).await;
    assert_eq!(memory_state(&bench, pool).await, Some(MemoryState::Failed));
    assert!(bench.events().await.contains(&"VM_POOL_INSTANT_START_FAILED".to_owned()));
    // The next one does not try it.
    wait(&bench, vms::stop(&bench.cx, taken.id).await.unwrap()).await;
    let calls = bench.agent.calls("start_from_memory");
    let assigned = || async { pools::get(&bench.cx, pool).await.unwrap().assigned };
    bench.until("it is back", assigned, |n| *n == 0).await;
    used(&bench, pool).await;
    assert_eq!(bench.agent.calls("start_from_memory"), calls);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_wanted_any_more_goes_when_no_vm_lies_on_it() {
    let bench = Bench::new().await;
    let pool = ready_pool(&bench).await;
    let files = bench.agent.images().len();
    let taken = pools::take(&bench.cx, pool).await.unwrap();
    wait(&bench, taken.job).await;
    let off = PoolUpdate { instant_start: Some(false), ..PoolUpdate::default() };
    pools::update(&bench.cx, pool, off).await.unwrap();
    keep(&bench.engine).await.unwrap();
    assert_eq!(bench.agent.images().len(), files + 1, "a guest lies on it");
    wait(&bench, vms::stop(&bench.cx, taken.id).await.unwrap()).await;
    let gone = || async {
        keep(&bench.engine).await.unwrap();
        bench.agent.images().len()
    };
    bench.until("its files are gone", gone, |n| *n == files - 2).await;
    assert_eq!(memory_state(&bench, pool).await, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn only_fresh_vms_can_start_from_a_memory() {
    let bench = Bench::new().await;
    let template = template(&bench).await;
    for (kind, stateful) in [(PoolKind::Manual, false), (PoolKind::Automatic, true)] {
        let new = NewPool { instant_start: true, kind, stateful, ..new_pool(template) };
        let error = pools::create(&bench.cx, new).await.unwrap_err().to_string();
        assert!(error.contains("instant_start: only VMs of an automatic, stateless pool"), "{error}");
    }
}
