//! A cluster is upgraded every way.

use super::{UpgradeCluster, Wanted, call_off, upgrade, view};
use crate::engine::jobs::testing::{Case, every_way, pause};
use crate::engine::testing::Bench;
use crate::engine::testing::kinds::wait;
use crate::engine::{EngineError, jobs};
use crate::model::conflict::Conflict;
use crate::model::host::HostStatus;
use crate::model::host_upgrade::Turn;
use crate::model::ids::JobId;
use crate::model::job::JobStatus;

struct Whole;
impl Case for Whole {
    type Kind = UpgradeCluster;
    type Subject = ();
    async fn prepare(_: &Bench) {}
    async fn begin(bench: &Bench, (): &()) -> JobId {
        upgrade(&bench.cx, bench.cluster, Wanted::default()).await.unwrap()
    }
    async fn done(bench: &Bench, (): &()) {
        let view = view(&bench.cx, bench.cluster).await.unwrap();
        let course = view.course.unwrap();
        assert_eq!((course.done(), course.hosts.len()), (1, 1), "{course:?}");
        assert!(view.job.is_none());
        assert_eq!(bench.host_status().await, HostStatus::Up);
        assert_eq!(bench.agent.calls("start_program"), 1, "once is enough");
    }
    async fn clean(bench: &Bench, (): &()) {
        assert!(view(&bench.cx, bench.cluster).await.unwrap().job.is_none());
        assert_eq!(bench.host_status().await, HostStatus::Up);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn upgrading_a_cluster_every_way() {
    every_way::<Whole>().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_fails_ends_it_and_it_can_be_called_off() {
    let bench = Bench::new().await;
    bench.agent.break_packages(true);
    let job = upgrade(&bench.cx, bench.cluster, Wanted::default()).await.unwrap();
    let ended = jobs::wait(&bench.engine, job).await.unwrap();
    assert_eq!(ended.status, JobStatus::Failed);
    assert!(ended.error.contains("host1") && ended.error.contains("E: zip is broken"), "{}", ended.error);
    let course = view(&bench.cx, bench.cluster).await.unwrap().course.unwrap();
    assert_eq!(course.hosts[0].turn, Turn::Failed, "{course:?}");

    // It rests now: nothing is up.
    let refused = upgrade(&bench.cx, bench.cluster, Wanted::default()).await.unwrap_err();
    assert!(matches!(refused, EngineError::Conflict(Conflict::NothingToUpgrade { .. })), "{refused}");
    let refused = call_off(&bench.cx, bench.cluster).await.unwrap_err();
    assert!(matches!(refused, EngineError::Conflict(Conflict::NotUpgrading { .. })), "{refused}");

    bench.agent.break_packages(false);
    pause(&bench, Some("upgrade_cluster:upgrade_hosts:before"));
    let wanted = Wanted { maintenance: true, reboot: false };
    let job = upgrade(&bench.cx, bench.cluster, wanted).await.unwrap();
    call_off(&bench.cx, bench.cluster).await.unwrap();
    pause(&bench, None);
    let ended = jobs::wait(&bench.engine, job).await.unwrap();
    assert!(ended.status == JobStatus::Failed && ended.error.contains("called off"), "{}", ended.error);
    let course = view(&bench.cx, bench.cluster).await.unwrap().course.unwrap();
    assert_eq!(course.hosts[0].turn, Turn::Left);

    wait(&bench, upgrade(&bench.cx, bench.cluster, wanted).await.unwrap()).await;
    assert_eq!(bench.host_status().await, HostStatus::Maintenance, "it stays where it was");
}
