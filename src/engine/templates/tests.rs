//! Versions of templates, and the VMs that follow them.

use super::{RenewVm, TemplateOf, VersionOf, create_of, dependants, remove};
use crate::engine::jobs::testing::{Case, every_way};
use crate::engine::pools;
use crate::engine::testing::Bench;
use crate::engine::testing::kinds::{Stock, case, new_pool, stock, template, wait};
use crate::engine::testing::people::person;
use crate::engine::vms::copy::{self, Origin};
use crate::engine::{EngineError, catalog, jobs, vms};
use crate::model::ids::*;
use crate::model::job::{JobKind, JobView};
use crate::model::pool::{NewPool, PoolUpdate};
use crate::model::template::TemplateView;
use crate::model::vm::{NewVm, VmStatus, VmUpdate};
use crate::wire::ErrorCode;

async fn vm(bench: &Bench, name: &str, template: TemplateId, change: impl Fn(&mut NewVm)) -> VmId {
    let mut new = NewVm { name: name.to_owned(), template: Some(template), ..NewVm::default() };
    change(&mut new);
    let made = vms::create(&bench.cx, new).await.unwrap();
    wait(bench, made.job).await;
    made.id
}

fn next(base: TemplateId, master: VmId) -> TemplateOf {
    TemplateOf {
        origin: Origin { vm: master, snapshot: None },
        name: String::new(),
        version: Some(VersionOf { base, name: "updates".to_owned() }),
        description: String::new(),
        seal: false,
        quota: None,
        everyone: false,
    }
}

async fn version(bench: &Bench, base: TemplateId, master: VmId) -> TemplateId {
    let made = create_of(&bench.cx, next(base, master)).await.unwrap();
    wait(bench, made.job).await;
    made.id
}

/// A pool of one VM that was used already, which follows the template; and a VM to make versions of.
async fn following(bench: &Bench) -> (TemplateId, VmId, PoolId, VmId) {
    let golden = template(bench).await;
    let master = vm(bench, "master", golden, |_| {}).await;
    let new = NewPool { size: 1, use_latest: true, ..new_pool(golden) };
    let pool = pools::create(&bench.cx, new).await.unwrap();
    wait(bench, pool.job).await;
    let taken = pools::take(&bench.cx, pool.id).await.unwrap();
    wait(bench, taken.job).await;
    wait(bench, vms::stop(&bench.cx, taken.id).await.unwrap()).await;
    free(bench, pool.id).await;
    (golden, master, pool.id, taken.id)
}

async fn free(bench: &Bench, pool: PoolId) {
    bench
        .until("all are back", || pools::get(&bench.cx, pool), |p| p.as_ref().is_ok_and(|p| p.free == p.size))
        .await
        .unwrap();
}

async fn template_of(bench: &Bench, vm: VmId) -> String {
    vms::get(&bench.cx, vm).await.unwrap().row.template_name
}

async fn is_of(bench: &Bench, vm: VmId, name: &str) {
    bench.until(name, || template_of(bench, vm), |now| now == name).await;
}

async fn view(bench: &Bench, id: TemplateId) -> TemplateView {
    catalog::template(&bench.cx, id).await.unwrap()
}

async fn renewal(bench: &Bench) -> Option<JobView> {
    jobs::list(&bench.cx).await.unwrap().into_iter().find(|job| job.kind == JobKind::RenewVm)
}

case!(
    taking_a_vm_to_a_newer_version_every_way,
    RenewVm,
    (TemplateId, VmId, PoolId, VmId),
    |bench| following(bench).await,
    |bench, subject| {
        let made = create_of(&bench.cx, next(subject.0, subject.1)).await.unwrap();
        wait(bench, made.job).await;
        bench.until("its task", || renewal(bench), Option::is_some).await.unwrap().id
    },
    |bench, subject| {
        assert_eq!(template_of(bench, subject.0.3).await, "golden/2");
        // The new version's file is there, and the layer's is made when the VM starts.
        assert_eq!(bench.agent.images().len(), subject.1.files.len());
        let taken = pools::take(&bench.cx, subject.0.2).await.unwrap();
        wait(bench, taken.job).await;
        assert_eq!(bench.agent.images().len(), subject.1.files.len() + 2);
    },
    |bench, subject| {
        // It starts as before, and goes along then.
        let taken = pools::take(&bench.cx, subject.0.2).await.unwrap();
        wait(bench, taken.job).await;
        assert_eq!(template_of(bench, subject.0.3).await, "golden/2");
    }
);

#[tokio::test(flavor = "multi_thread")]
async fn who_runs_stays_until_he_comes_back() {
    let bench = Bench::new().await;
    let (golden, master, pool, desk) = following(&bench).await;
    let taken = pools::take(&bench.cx, pool).await.unwrap();
    wait(&bench, taken.job).await;
    let second = version(&bench, golden, master).await;
    let (base, new) = (view(&bench, golden).await, view(&bench, second).await);
    assert_eq!((base.versions, base.pools, new.name.as_str()), (1, 1, "golden/2"));
    assert_eq!((new.version.base, new.version.number, new.version.name.as_str()), (golden, 2, "updates"));
    let told = pools::get(&bench.cx, pool).await.unwrap();
    assert_eq!((told.behind, told.newest_name.as_str()), (1, "golden/2"));
    assert_eq!(template_of(&bench, desk).await, "golden", "it runs");
    wait(&bench, vms::stop(&bench.cx, desk).await.unwrap()).await;
    is_of(&bench, desk, "golden/2").await;
    free(&bench, pool).await;
    assert_eq!(pools::get(&bench.cx, pool).await.unwrap().behind, 0);

    // What the pool grows by is of the newest at once.
    let grown = pools::update(&bench.cx, pool, PoolUpdate { size: Some(2), ..PoolUpdate::default() }).await.unwrap();
    wait(&bench, grown.unwrap()).await;
    let names: Vec<String> =
        pools::vms(&bench.cx, pool).await.unwrap().into_iter().map(|row| row.template_name).collect();
    assert_eq!(names, ["golden/2", "golden/2"]);

    // A pool that does not follow any more stays where it is.
    let stays = PoolUpdate { use_latest: Some(false), ..PoolUpdate::default() };
    pools::update(&bench.cx, pool, stays).await.unwrap();
    version(&bench, golden, master).await;
    let told = pools::get(&bench.cx, pool).await.unwrap();
    assert_eq!((told.template_name.as_str(), told.use_latest), ("golden/2", false));
    assert_eq!(template_of(&bench, desk).await, "golden/2");
    bench.assert_no_locks().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_start_that_breaks_off_half_way_goes_on_later() {
    let bench = Bench::new().await;
    let golden = template(&bench).await;
    let master = vm(&bench, "master", golden, |_| {}).await;
    let kiosk = vm(&bench, "kiosk", golden, |new| (new.stateless, new.use_latest) = (true, true)).await;
    version(&bench, golden, master).await;
    let files = bench.agent.images().len();
    // Its layer has no file any more when the host refuses to remove it.
    bench.agent.refuse("remove_disk", ErrorCode::Io);
    let failed = jobs::wait(&bench.engine, vms::start(&bench.cx, kiosk).await.unwrap()).await.unwrap();
    assert!(failed.error.contains("refused by this test"), "{}", failed.error);
    bench.becomes(kiosk, VmStatus::Down).await;
    assert_eq!(template_of(&bench, kiosk).await, "golden");
    bench.agent.obey();
    wait(&bench, vms::start(&bench.cx, kiosk).await.unwrap()).await;
    assert_eq!(template_of(&bench, kiosk).await, "golden/2");
    assert_eq!(bench.agent.images().len(), files + 1, "its layer, anew, and what it throws away at its end");
    bench.assert_no_locks().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_something_hangs_on_stays() {
    let bench = Bench::new().await;
    let golden = template(&bench).await;
    let master = vm(&bench, "master", golden, |_| {}).await;
    let second = version(&bench, golden, master).await;
    let thin = vm(&bench, "thin", second, |_| {}).await;
    let whole = vm(&bench, "whole", second, |new| new.clone = true).await;
    let refused = |id| {
        let cx = bench.cx.clone();
        async move { remove(&cx, id).await.unwrap_err().to_string() }
    };
    let why = refused(golden).await;
    assert!(why.contains("golden/2") && why.contains("master"), "{why}");
    let why = refused(second).await;
    assert!(why.contains("used by thin;"), "whole copies need nothing: {why}");
    let on = dependants(&bench.cx, second).await.unwrap();
    assert_eq!(on.names(), ["thin"]);
    wait(&bench, vms::remove(&bench.cx, thin, false).await.unwrap()).await;
    wait(&bench, remove(&bench.cx, second).await.unwrap()).await;
    assert_eq!(template_of(&bench, whole).await, "Blank");
    // Numbers go on from the last that is there.
    let third = version(&bench, golden, master).await;
    assert_eq!(view(&bench, third).await.version.number, 2);
    assert_eq!(stock(&bench).await.vms.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_versions_are_refused() {
    let bench = Bench::new().await;
    let golden = template(&bench).await;
    let master = vm(&bench, "master", golden, |_| {}).await;
    let fields = |error: EngineError| -> Vec<&'static str> {
        let EngineError::Invalid(wrong) = error else { panic!("{error}") };
        wrong.into_iter().map(|w| w.field).collect()
    };
    let blank = create_of(&bench.cx, next(BLANK_TEMPLATE, master)).await.unwrap_err();
    assert_eq!(fields(blank), ["version.base_template"]);
    let stateful = NewPool { stateful: true, use_latest: true, ..new_pool(golden) };
    assert_eq!(fields(pools::create(&bench.cx, stateful).await.unwrap_err()), ["use_latest_template_version"]);
    let follow = VmUpdate { use_latest: Some(true), ..VmUpdate::default() };
    assert_eq!(
        fields(vms::update(&bench.cx, master, follow.clone()).await.unwrap_err()),
        ["use_latest_template_version"]
    );
    let copied = copy::clone(&bench.cx, Origin { vm: master, snapshot: None }, "twin".to_owned()).await.unwrap();
    wait(&bench, copied.job).await;
    let stateless = VmUpdate { stateless: Some(true), ..follow.clone() };
    let whole = vms::update(&bench.cx, copied.id, stateless.clone()).await.unwrap_err();
    assert_eq!(fields(whole), ["use_latest_template_version"], "its disks lie on nothing");
    vms::update(&bench.cx, master, stateless).await.unwrap();
    // Who may not edit a template does not change what pools are made of.
    let bob = person(&bench, "bob").await;
    let refused = create_of(&bob, next(golden, master)).await.unwrap_err();
    assert!(matches!(refused, EngineError::Auth(_)), "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_sealed_is_not_made() {
    let bench = Bench::new().await;
    let golden = template(&bench).await;
    let master = vm(&bench, "master", golden, |_| {}).await;
    let sealed = TemplateOf { seal: true, version: None, name: "sealed".to_owned(), ..next(golden, master) };
    let before = stock(&bench).await;

    // Copies that are lost half sealed are made anew, a few times.
    bench.agent.refuse("seal_images", ErrorCode::NotFound);
    let made = create_of(&bench.cx, sealed.clone()).await.unwrap();
    let failed = jobs::wait(&bench.engine, made.job).await.unwrap();
    assert!(failed.error.contains("lost again and again"), "{}", failed.error);
    assert_eq!(bench.agent.calls("copy_image"), 4);
    assert_eq!(stock(&bench).await, before);
    bench.agent.obey();

    let made = create_of(&bench.cx, sealed.clone()).await.unwrap();
    wait(&bench, made.job).await;
    assert!(view(&bench, made.id).await.sealed);
    let log = super::seal_log(&bench.cx, made.id).await.unwrap().unwrap();
    assert_eq!(super::seal_log_of_job(&bench.cx, made.job).await.unwrap(), Some(log));

    let windows = vm(&bench, "windows", golden, |new| new.os = Some("windows_10x64".to_owned())).await;
    let origin = Origin { vm: windows, snapshot: None };
    let refused = create_of(&bench.cx, TemplateOf { origin, ..sealed.clone() }).await.unwrap_err().to_string();
    assert!(refused.contains("Linux"), "{refused}");
    bench.agent.forget_sealing();
    let other = TemplateOf { name: "other".to_owned(), ..sealed };
    let refused = create_of(&bench.cx, other).await.unwrap_err().to_string();
    assert!(refused.contains("host1") && refused.contains("guestfs-tools"), "{refused}");
}
