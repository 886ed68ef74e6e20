//! A host is upgraded every way.

use super::{UpgradeHost, look, upgrade};
use crate::engine::jobs::testing::{Case, every_way, pause};
use crate::engine::testing::Bench;
use crate::engine::testing::kinds::wait;
use crate::engine::{EngineError, catalog, events, hosts, jobs};
use crate::model::conflict::Conflict;
use crate::model::event::EventCode;
use crate::model::host::HostStatus;
use crate::model::ids::JobId;
use crate::model::job::JobStatus;
use crate::model::page::ListQuery;

struct Upgrade;
impl Case for Upgrade {
    type Kind = UpgradeHost;
    type Subject = ();
    async fn prepare(bench: &Bench) {
        look(&bench.engine, bench.host, true).await.unwrap();
        let known = catalog::host(&bench.cx, bench.host).await.unwrap().upgrade.found;
        assert!(known.program && known.reboot && known.packages.len() == 1, "{known:?}");
    }
    async fn begin(bench: &Bench, (): &()) -> JobId {
        upgrade(&bench.cx, bench.host, true).await.unwrap()
    }
    async fn done(bench: &Bench, (): &()) {
        assert_eq!(bench.host_status().await, HostStatus::Up);
        let known = catalog::host(&bench.cx, bench.host).await.unwrap().upgrade.found;
        assert!(!known.is_something() && !known.reboot && known.error.is_empty(), "{known:?}");
        assert_eq!(bench.agent.calls("restart_host"), 1);
        assert!(bench.agent.calls("keep_program") > 0);
    }
    async fn clean(bench: &Bench, (): &()) {
        // What failed is ended by a second one.
        pause(bench, None);
        let status = bench.host_status().await;
        assert!(matches!(status, HostStatus::Up | HostStatus::Maintenance), "{status}");
        if status == HostStatus::Maintenance {
            let why = catalog::host(&bench.cx, bench.host).await.unwrap().status_reason;
            assert!(why.contains("fails in this test"), "{why}");
        }
        wait(bench, upgrade(&bench.cx, bench.host, true).await.unwrap()).await;
        let known = catalog::host(&bench.cx, bench.host).await.unwrap();
        assert!(!known.upgrade.found.is_something() && known.status == status, "{known:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn upgrading_a_host_every_way() {
    every_way::<Upgrade>().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn packages_that_fail_leave_it_in_maintenance_with_their_last_words() {
    let bench = Bench::new().await;
    bench.agent.break_packages(true);
    let job = upgrade(&bench.cx, bench.host, false).await.unwrap();
    let view = jobs::wait(&bench.engine, job).await.unwrap();
    assert_eq!(view.status, JobStatus::Failed);
    assert!(view.error.contains("E: zip is broken"), "{}", view.error);
    let host = catalog::host(&bench.cx, bench.host).await.unwrap();
    assert_eq!(host.status, HostStatus::Maintenance);
    assert!(host.status_reason.contains("E: zip is broken"), "{}", host.status_reason);
    assert_eq!(bench.agent.calls("start_program"), 0);
    let (log, under_way) = super::log(&bench.cx, bench.host).await.unwrap();
    assert!(log.contains("E: zip is broken") && under_way.is_none(), "{log}");

    bench.agent.break_packages(false);
    wait(&bench, upgrade(&bench.cx, bench.host, false).await.unwrap()).await;
    // It rested before, and does so after it; nobody wanted a restart.
    assert_eq!(bench.host_status().await, HostStatus::Maintenance);
    assert_eq!(bench.agent.calls("restart_host"), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_takes_it_into_use_in_the_middle() {
    let bench = Bench::new().await;
    pause(&bench, Some("upgrade_host:upgrade_packages:before"));
    let job = upgrade(&bench.cx, bench.host, false).await.unwrap();
    bench.until("it rests", || bench.host_status(), |status| *status == HostStatus::Maintenance).await;
    let refused = hosts::maintenance::activate(&bench.cx, bench.host).await.unwrap_err();
    assert!(matches!(refused, EngineError::Conflict(Conflict::HostBusy { .. })), "{refused}");
    let refused = upgrade(&bench.cx, bench.host, false).await.unwrap_err();
    assert!(matches!(refused, EngineError::Refused { .. }), "{refused}");
    pause(&bench, None);
    wait(&bench, job).await;
    assert_eq!(bench.host_status().await, HostStatus::Up);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_new_is_told_once() {
    let bench = Bench::new().await;
    let told = || async {
        let all = events::list(&bench.cx, &ListQuery { max: 1000, ..ListQuery::default() }, None).await.unwrap().rows;
        all.into_iter().filter(|e| e.code == EventCode::HostUpdatesAvailable).map(|e| e.detail).collect::<Vec<_>>()
    };
    for _ in 0..2 {
        look(&bench.engine, bench.host, false).await.unwrap();
    }
    assert_eq!(told().await, ["vireo, zip"]);
}
