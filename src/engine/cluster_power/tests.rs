//! A cluster goes down and comes back every way.

use super::{ShutDownCluster, StartCluster, call_off, shut_down, start, view};
use crate::engine::jobs::testing::{Case, every_way};
use crate::engine::testing::Bench;
use crate::engine::testing::kinds::wait;
use crate::engine::{EngineError, jobs, vms};
use crate::model::conflict::Conflict;
use crate::model::host::HostStatus;
use crate::model::ids::{JobId, VmId};
use crate::model::job::JobStatus;
use crate::model::vm::VmStatus;
use crate::wire::ErrorCode;

async fn running_vm(bench: &Bench) -> VmId {
    let vm = bench.vm("desk").await;
    wait(bench, vms::start(&bench.cx, vm).await.unwrap()).await;
    bench.becomes(vm, VmStatus::Up).await;
    vm
}

/// The host does as it is told, and is silent then.
async fn go_down(bench: &Bench) -> JobId {
    bench.agent.refuse("host_info", ErrorCode::LibvirtGone);
    shut_down(&bench.cx, bench.cluster).await.unwrap()
}

struct Down;
impl Case for Down {
    type Kind = ShutDownCluster;
    type Subject = VmId;
    async fn prepare(bench: &Bench) -> VmId {
        running_vm(bench).await
    }
    async fn begin(bench: &Bench, _: &VmId) -> JobId {
        go_down(bench).await
    }
    async fn done(bench: &Bench, vm: &VmId) {
        assert_eq!(bench.status(*vm).await, VmStatus::Down);
        assert_eq!(bench.host_status().await, HostStatus::Down);
        let power = view(&bench.cx, bench.cluster).await.unwrap();
        assert!(power.rests && power.remembered == 1, "{power:?}");
        let refused = vms::start(&bench.cx, *vm).await.unwrap_err();
        assert!(matches!(refused, EngineError::Conflict(Conflict::ClusterRests { .. })), "{refused}");
    }
    async fn clean(bench: &Bench, _: &VmId) {
        assert!(!view(&bench.cx, bench.cluster).await.unwrap().rests);
    }
}

struct Up;
impl Case for Up {
    type Kind = StartCluster;
    type Subject = VmId;
    async fn prepare(bench: &Bench) -> VmId {
        let vm = running_vm(bench).await;
        let job = go_down(bench).await;
        wait(bench, job).await;
        bench.agent.obey();
        vm
    }
    async fn begin(bench: &Bench, _: &VmId) -> JobId {
        start(&bench.cx, bench.cluster).await.unwrap()
    }
    async fn done(bench: &Bench, vm: &VmId) {
        bench.becomes(*vm, VmStatus::Up).await;
        let power = view(&bench.cx, bench.cluster).await.unwrap();
        assert!(!power.rests && power.remembered == 0, "{power:?}");
    }
    async fn clean(bench: &Bench, _: &VmId) {
        // What was not started yet can be.
        bench.agent.obey();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn shutting_a_cluster_down_every_way() {
    every_way::<Down>().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn starting_a_cluster_every_way() {
    every_way::<Up>().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn it_can_be_called_off_and_a_guest_that_stays_is_named() {
    let bench = Bench::new().await;
    let vm = running_vm(&bench).await;
    bench.agent.deafen_guests();
    let job = shut_down(&bench.cx, bench.cluster).await.unwrap();
    let view_of = jobs::wait(&bench.engine, job).await.unwrap();
    assert_eq!(view_of.status, JobStatus::Failed);
    assert!(view_of.error.contains("desk"), "{}", view_of.error);
    assert_eq!(bench.status(vm).await, VmStatus::Up);

    let job = shut_down(&bench.cx, bench.cluster).await.unwrap();
    call_off(&bench.cx, bench.cluster).await.unwrap();
    let view_of = jobs::wait(&bench.engine, job).await.unwrap();
    assert_eq!(view_of.status, JobStatus::Failed, "{}", view_of.error);
    let power = view(&bench.cx, bench.cluster).await.unwrap();
    assert!(!power.rests && power.remembered == 0, "{power:?}");
}
