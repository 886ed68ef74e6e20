//! Quotas as commands meet them.

use super::{Choosable, add, assign, choices, details, edit, get, list, mine, remove, set_mode};
use crate::engine::testing::Bench;
use crate::engine::testing::kinds::{new_pool, template, wait};
use crate::engine::testing::people::{again, person};
use crate::engine::{Cx, EngineError, disks, permissions, pools, vms};
use crate::model::conflict::Conflict;
use crate::model::disk::{DiskInterface, GIB, NewDisk};
use crate::model::ids::{DataCenterId, PoolId, QuotaId, VmId};
use crate::model::page::ListQuery;
use crate::model::permission::ObjectKind;
use crate::model::pool::{NewPool, PoolUpdate};
use crate::model::predefined_roles::QUOTA_CONSUMER;
use crate::model::quota::*;
use crate::model::role::USER_ROLE;
use crate::model::valid::Problem;
use crate::model::vm::{NewVm, VmStatus, VmUpdate};
use crate::store::{catalog, scope::Scope};

async fn center(bench: &Bench) -> DataCenterId {
    let all = bench.engine.db.read(|db| Ok::<_, EngineError>(catalog::data_centers(db, &Scope::All)?)).await.unwrap();
    all[0].id
}

fn config(name: &str) -> QuotaConfig {
    QuotaConfig {
        name: name.to_owned(),
        description: String::new(),
        cluster: Margin { threshold: 80, grace: 0 },
        storage: Margin { threshold: 80, grace: 0 },
        clusters: Shares::All(ClusterLimit::default()),
        domains: Shares::All(None),
        person: PersonLimit::default(),
    }
}

/// A quota of an enforcing data center.
async fn quota(bench: &Bench, change: impl FnOnce(&mut QuotaConfig)) -> QuotaId {
    let mut new = config("lab");
    change(&mut new);
    let center = center(bench).await;
    set_mode(&bench.cx, center, QuotaMode::Enabled).await.unwrap();
    add(&bench.cx, center, new).await.unwrap()
}

fn vcpus(n: u64) -> Shares<crate::model::ids::ClusterId, ClusterLimit> {
    Shares::All(ClusterLimit { vcpus: Some(n), memory_mib: None })
}

async fn vm(bench: &Bench, name: &str, quota: QuotaId) -> VmId {
    let id = bench.vm(name).await;
    vms::update(&bench.cx, id, VmUpdate { quota: Some(quota), ..VmUpdate::default() }).await.unwrap();
    id
}

fn disk(alias: &str, gib: u64, quota: Option<QuotaId>) -> NewDisk {
    NewDisk {
        alias: alias.to_owned(),
        description: String::new(),
        virtual_bytes: gib * GIB,
        sparse: true,
        interface: DiskInterface::Virtio,
        bootable: false,
        storage_domain: None,
        quota,
    }
}

fn excess(error: EngineError) -> Excess {
    match error {
        EngineError::Conflict(Conflict::Quota(excess)) => *excess,
        other => panic!("{other}"),
    }
}

async fn up(bench: &Bench, vm: VmId) {
    vms::start(&bench.cx, vm).await.unwrap();
    bench.becomes(vm, VmStatus::Up).await;
}

/// Whether an event of this name was told.
async fn told(bench: &Bench, name: &str) -> bool {
    bench.events().await.iter().any(|code| code == name)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_start_beyond_the_limit_is_refused_with_all_numbers() {
    let bench = Bench::new().await;
    let lab = quota(&bench, |q| q.clusters = vcpus(2)).await;
    let (a, b, c) = (vm(&bench, "a", lab).await, vm(&bench, "b", lab).await, vm(&bench, "c", lab).await);
    up(&bench, a).await;
    up(&bench, b).await;
    let refused = vms::start(&bench.cx, c).await.unwrap_err();
    assert_eq!(refused.to_string(), "Quota lab gives 2 vCPUs in all: 2 used, 1 asked for, 0 left.");
    assert_eq!(bench.status(c).await, VmStatus::Down);
    bench.until("it is told", || told(&bench, "USER_EXCEEDED_QUOTA_CLUSTER_GRACE_LIMIT"), |told| *told).await;
    assert!(told(&bench, "USER_EXCEEDED_QUOTA_CLUSTER_THRESHOLD").await, "2 of 2 is more than 80 %");
    // Who shuts down makes room; a suspended one takes nothing, and asks again when it goes on.
    wait(&bench, vms::suspend(&bench.cx, a).await.unwrap()).await;
    bench.becomes(a, VmStatus::Suspended).await;
    up(&bench, c).await;
    assert_eq!(excess(vms::start(&bench.cx, a).await.unwrap_err()).left(), 0);
    let view = get(&bench.cx, lab).await.unwrap();
    assert_eq!((view.used.vcpus, view.used.memory_mib, view.used.bytes), (2, 1024, 3 * GIB));
    bench.assert_no_locks().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_at_once_do_not_pass_together() {
    let bench = Bench::new().await;
    let lab = quota(&bench, |q| q.clusters = vcpus(3)).await;
    let mut all = Vec::new();
    for n in 0..8 {
        all.push(vm(&bench, &format!("v{n}"), lab).await);
    }
    let started = all.into_iter().map(|vm| {
        let cx = bench.cx.clone();
        tokio::spawn(async move { vms::start(&cx, vm).await })
    });
    let mut passed = 0;
    for one in futures_util::future::join_all(started).await {
        match one.unwrap() {
            Ok(_) => passed += 1,
            Err(error) => assert_eq!(excess(error).most, 3),
        }
    }
    assert_eq!(passed, 3);
    // Storage, the same.
    edit(&bench.cx, lab, |q| QuotaConfig { domains: Shares::All(Some(10)), ..q }).await.unwrap();
    let made = (0..8).map(|n| {
        let cx = bench.cx.clone();
        tokio::spawn(async move { disks::add(&cx, disk(&format!("d{n}"), 1, Some(lab)), None).await })
    });
    let made = futures_util::future::join_all(made).await;
    let passed = made.into_iter().filter(|one| one.as_ref().unwrap().is_ok()).count();
    assert_eq!(passed, 2, "eight VMs have eight of the ten GiB");
}

#[tokio::test(flavor = "multi_thread")]
async fn disabled_asks_nothing_and_audit_only_tells() {
    let bench = Bench::new().await;
    let lab = quota(&bench, |q| {
        (q.clusters, q.domains) = (vcpus(0), Shares::All(Some(0)));
    })
    .await;
    let center = center(&bench).await;
    set_mode(&bench.cx, center, QuotaMode::Disabled).await.unwrap();
    let a = vm(&bench, "a", lab).await;
    up(&bench, a).await;
    let free = |events: &[String]| events.iter().all(|code| !code.contains("EXCEEDED_QUOTA"));
    assert!(free(&bench.events().await));
    assert!(choices(&bench.cx).await.unwrap().is_empty() && mine(&bench.cx).await.unwrap().is_empty());
    set_mode(&bench.cx, center, QuotaMode::Audit).await.unwrap();
    let b = vm(&bench, "b", lab).await;
    up(&bench, b).await;
    let storage = "USER_EXCEEDED_QUOTA_STORAGE_GRACE_LIMIT_PERMISSIVE_MODE";
    assert!(told(&bench, storage).await && told(&bench, "QUOTA_MODE_CHANGED").await);
    assert!(told(&bench, "USER_EXCEEDED_QUOTA_CLUSTER_GRACE_LIMIT_PERMISSIVE_MODE").await);
}

#[tokio::test(flavor = "multi_thread")]
async fn grace_lets_pass_and_tells() {
    let bench = Bench::new().await;
    let lab = quota(&bench, |q| {
        q.cluster = Margin { threshold: 100, grace: 50 };
        q.clusters = vcpus(2);
    })
    .await;
    for name in ["a", "b"] {
        up(&bench, vm(&bench, name, lab).await).await;
    }
    assert!(!told(&bench, "USER_EXCEEDED_QUOTA_CLUSTER_LIMIT").await);
    up(&bench, vm(&bench, "c", lab).await).await;
    assert!(told(&bench, "USER_EXCEEDED_QUOTA_CLUSTER_LIMIT").await);
    let d = vm(&bench, "d", lab).await;
    let over = excess(vms::start(&bench.cx, d).await.unwrap_err());
    assert_eq!((over.used, over.asked, over.most), (3, 1, 3));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_running_vm_grows_within_its_quota() {
    let bench = Bench::new().await;
    let lab = quota(&bench, |q| {
        q.clusters = Shares::All(ClusterLimit { vcpus: Some(2), memory_mib: Some(768) });
    })
    .await;
    let a = vm(&bench, "a", lab).await;
    up(&bench, a).await;
    let grown = |sockets, memory| VmUpdate { sockets, memory_mib: memory, ..VmUpdate::default() };
    let over = excess(vms::update(&bench.cx, a, grown(Some(3), None)).await.unwrap_err());
    assert_eq!((over.resource, over.used, over.asked, over.left()), (QuotaResource::Vcpus, 1, 2, 1));
    let over = excess(vms::update(&bench.cx, a, grown(None, Some(1024))).await.unwrap_err());
    assert_eq!((over.resource, over.left()), (QuotaResource::Memory, 256));
    vms::update(&bench.cx, a, grown(Some(2), None)).await.unwrap();
    assert_eq!(get(&bench.cx, lab).await.unwrap().used.vcpus, 2);
    // What it will have after its next start counts, too.
    let later = VmUpdate { next_run: true, ..grown(Some(1), Some(768)) };
    vms::update(&bench.cx, a, later).await.unwrap();
    let used = get(&bench.cx, lab).await.unwrap().used;
    assert_eq!((used.vcpus, used.memory_mib), (2, 768));
    // Another quota that has no room for it.
    let small = add(&bench.cx, center(&bench).await, QuotaConfig { clusters: vcpus(1), ..config("small") }).await;
    let moved = VmUpdate { quota: Some(small.unwrap()), ..VmUpdate::default() };
    assert_eq!(excess(vms::update(&bench.cx, a, moved.clone()).await.unwrap_err()).quota, "small");
    assert_eq!(get(&bench.cx, lab).await.unwrap().used.vcpus, 2);
    wait(&bench, vms::stop(&bench.cx, a).await.unwrap()).await;
    vms::update(&bench.cx, a, moved).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn limits_are_of_clusters_and_domains() {
    let bench = Bench::new().await;
    let (cluster, domain) = (bench.cluster, bench.domain);
    let lab = quota(&bench, |q| {
        q.clusters = Shares::Each(Vec::new());
        q.domains = Shares::Each(vec![(domain, Some(3))]);
    })
    .await;
    let a = vm(&bench, "a", lab).await;
    let nothing = vms::start(&bench.cx, a).await.unwrap_err().to_string();
    assert_eq!(nothing, "Quota lab gives nothing in Default. Choose another quota, or give it a limit there.");
    let one = ClusterLimit { vcpus: Some(1), memory_mib: None };
    edit(&bench.cx, lab, move |q| QuotaConfig { clusters: Shares::Each(vec![(cluster, one)]), ..q }).await.unwrap();
    up(&bench, a).await;
    let b = vm(&bench, "b", lab).await;
    let over = vms::start(&bench.cx, b).await.unwrap_err().to_string();
    assert_eq!(over, "Quota lab gives 1 vCPUs in cluster Default: 1 used, 1 asked for, 0 left.");
    let over = excess(disks::add(&bench.cx, disk("big", 2, Some(lab)), None).await.unwrap_err());
    assert_eq!((over.used, over.left(), over.share), (2 * GIB, GIB, Share::Of("local".to_owned())));
    // A VM with a disk: what its VM counts on.
    let new = NewVm { name: "n".to_owned(), quota: Some(lab), disks: vec![disk("", 2, None)], ..NewVm::default() };
    assert_eq!(excess(vms::create(&bench.cx, new.clone()).await.unwrap_err()).asked, 2 * GIB);
    assert!(vms::list(&bench.cx, &Default::default()).await.unwrap().rows.iter().all(|vm| vm.name != "n"));
    let small = NewVm { disks: vec![disk("", 1, None)], ..new };
    wait(&bench, vms::create(&bench.cx, small).await.unwrap().job).await;
    let copied = vms::copy::clone(&bench.cx, vms::copy::Origin { vm: b, snapshot: None }, "copy".to_owned()).await;
    assert_eq!(excess(copied.unwrap_err()).left(), 0, "a clone counts on what its original counts on");
}

#[tokio::test(flavor = "multi_thread")]
async fn disks_keep_their_quota_and_go_to_others() {
    let bench = Bench::new().await;
    let lab = quota(&bench, |q| q.domains = Shares::All(Some(3))).await;
    let a = vm(&bench, "a", lab).await;
    let added = disks::add(&bench.cx, disk("extra", 1, None), Some(a)).await.unwrap();
    wait(&bench, added.job).await;
    let used = || async { get(&bench.cx, lab).await.unwrap().used.bytes / GIB };
    assert_eq!(used().await, 2);
    let default = list(&bench.cx, &ListQuery::default()).await.unwrap().rows;
    let default = default.iter().find(|q| q.quota.is_default).unwrap().quota.id;
    assign(&bench.cx, Choosable::Disk(added.id), default).await.unwrap();
    assert_eq!(used().await, 1, "it can leave its VM's quota");
    assign(&bench.cx, Choosable::Disk(added.id), lab).await.unwrap();
    disks::detach(&bench.cx, a, added.id).await.unwrap();
    assert_eq!(used().await, 2, "it counts on what it counted on");
    let other =
        add(&bench.cx, center(&bench).await, QuotaConfig { domains: Shares::All(Some(0)), ..config("b") }).await;
    let other = other.unwrap();
    assert_eq!(excess(assign(&bench.cx, Choosable::Disk(added.id), other).await.unwrap_err()).quota, "b");
    edit(&bench.cx, other, |q| QuotaConfig { domains: Shares::All(Some(1)), ..q }).await.unwrap();
    assign(&bench.cx, Choosable::Disk(added.id), other).await.unwrap();
    assert_eq!((used().await, get(&bench.cx, other).await.unwrap().used.bytes), (1, GIB));
    // One that counts on no quota comes to a VM of one that is full.
    edit(&bench.cx, lab, |q| QuotaConfig { domains: Shares::All(Some(1)), ..q }).await.unwrap();
    let free = disks::add(&bench.cx, disk("free", 1, None), None).await.unwrap();
    wait(&bench, free.job).await;
    let attach = disks::Attach { disk: free.id, interface: DiskInterface::Virtio, bootable: false, active: true };
    assert_eq!(excess(disks::attach(&bench.cx, a, attach).await.unwrap_err()).left(), 0);
    let kept = remove(&bench.cx, other).await.unwrap_err().to_string();
    assert_eq!(kept, "The quota b is used by extra; choose another quota for them first.");
}

/// A pool of a quota, and somebody who may take of it.
async fn desks(bench: &Bench, size: u32, quota: QuotaId) -> PoolId {
    let new = NewPool { size, quota: Some(quota), ..new_pool(template(bench).await) };
    let created = pools::create(&bench.cx, new).await.unwrap();
    wait(bench, created.job).await;
    created.id
}

async fn user(bench: &Bench, name: &str, pool: PoolId) -> Cx {
    let cx = person(bench, name).await;
    permissions::grant(&bench.cx, USER_ROLE, cx.actor.user.into(), ObjectKind::Pool, pool.object()).await.unwrap();
    again(bench, &cx).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pools_vm_counts_for_whom_it_is_given_to() {
    let bench = Bench::new().await;
    let lab = quota(&bench, |q| {
        q.clusters = vcpus(3);
        q.person.vcpus = Some(1);
    })
    .await;
    let pool = desks(&bench, 4, lab).await;
    let change = PoolUpdate { max_user_vms: Some(2), ..PoolUpdate::default() };
    pools::update(&bench.cx, pool, change).await.unwrap();
    let (ann, bob) = (user(&bench, "ann", pool).await, user(&bench, "bob", pool).await);
    let taken = pools::take(&ann, pool).await.unwrap();
    wait(&bench, taken.job).await;
    let refused = pools::take(&ann, pool).await.unwrap_err().to_string();
    let wanted = "Quota lab gives each person 1 vCPUs, and this counts for ann@internal: 1 used, 1 asked for, 0 left.";
    assert_eq!(refused, wanted);
    // A VM that runs ahead is the quota's already, and becomes his.
    pools::update(&bench.cx, pool, PoolUpdate { prestarted: Some(1), ..PoolUpdate::default() }).await.unwrap();
    let ahead = || async { details(&bench.cx, lab).await.unwrap().view.used.vcpus };
    bench.until("one runs ahead", ahead, |n| *n == 2).await;
    let his = pools::take(&bob, pool).await.unwrap();
    wait(&bench, his.job).await;
    let people = details(&bench.cx, lab).await.unwrap().people;
    let used: Vec<(&str, u64)> = people.iter().map(|(_, name, used)| (name.as_str(), used.vcpus)).collect();
    assert_eq!(used, [("ann@internal", 1), ("bob@internal", 1)]);
    assert!(excess(pools::take(&bob, pool).await.unwrap_err()).share == Share::Person("bob@internal".to_owned()));
    permissions::grant(&bench.cx, QUOTA_CONSUMER, ann.actor.user.into(), ObjectKind::Quota, lab.object())
        .await
        .unwrap();
    let own = mine(&again(&bench, &ann).await).await.unwrap();
    assert_eq!((own.len(), own[0].mine.vcpus, own[0].view.quota.config.person.vcpus), (1, 1, Some(1)));
    assert!(mine(&bob).await.unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pool_is_as_large_as_its_quota_stores() {
    let bench = Bench::new().await;
    let lab = quota(&bench, |q| q.domains = Shares::All(Some(4))).await;
    let golden = template(&bench).await;
    let many = NewPool { size: 5, quota: Some(lab), ..new_pool(golden) };
    let over = excess(pools::create(&bench.cx, many.clone()).await.unwrap_err());
    assert_eq!((over.used, over.asked, over.most), (0, 5 * GIB, 4 * GIB));
    let made = pools::create(&bench.cx, NewPool { size: 3, ..many }).await.unwrap();
    wait(&bench, made.job).await;
    let pool = made.id;
    assert_eq!(get(&bench.cx, lab).await.unwrap().used.bytes, 3 * GIB);
    let grown = |size| PoolUpdate { size: Some(size), ..PoolUpdate::default() };
    assert_eq!(excess(pools::update(&bench.cx, pool, grown(5)).await.unwrap_err()).left(), GIB);
    let job = pools::update(&bench.cx, pool, grown(4)).await.unwrap().unwrap();
    wait(&bench, job).await;
    // Detached, a VM counts on what its pool counts on.
    let one = pools::members(&bench.cx, pool).await.unwrap()[0].vm.id;
    wait(&bench, pools::detach(&bench.cx, one).await.unwrap()).await;
    assert_eq!(get(&bench.cx, lab).await.unwrap().used.bytes, 4 * GIB);
    let other =
        add(&bench.cx, center(&bench).await, QuotaConfig { domains: Shares::All(Some(2)), ..config("b") }).await;
    let moved = PoolUpdate { quota: Some(other.unwrap()), ..PoolUpdate::default() };
    assert_eq!(excess(pools::update(&bench.cx, pool, moved).await.unwrap_err()).asked, 3 * GIB);
    // Nothing that is gone keeps a quota.
    wait(&bench, vms::remove(&bench.cx, one, false).await.unwrap()).await;
    wait(&bench, pools::remove(&bench.cx, pool).await.unwrap()).await;
    remove(&bench.cx, lab).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_not_use_a_quota_gets_nothing_of_it() {
    let bench = Bench::new().await;
    let lab = quota(&bench, |_| {}).await;
    let ann = person(&bench, "ann").await;
    let a = bench.vm("a").await;
    let manager = crate::model::predefined_roles::USER_VM_MANAGER;
    permissions::grant(&bench.cx, manager, ann.actor.user.into(), ObjectKind::Vm, a.object()).await.unwrap();
    let ann = again(&bench, &ann).await;
    let moved = VmUpdate { quota: Some(lab), ..VmUpdate::default() };
    let EngineError::Invalid(wrong) = vms::update(&ann, a, moved.clone()).await.unwrap_err() else { panic!() };
    assert!(wrong[0].field == "quota" && matches!(wrong[0].problem, Problem::NoSuch { .. }));
    permissions::grant(&bench.cx, QUOTA_CONSUMER, ann.actor.user.into(), ObjectKind::Quota, lab.object())
        .await
        .unwrap();
    let ann = again(&bench, &ann).await;
    vms::update(&ann, a, moved).await.unwrap();
    assert!(choices(&ann).await.unwrap().iter().any(|quota| quota.id == lab));
    // Nobody but the administrator makes quotas, and nobody changes the default one.
    let hers = add(&ann, center(&bench).await, config("hers")).await.unwrap_err();
    assert!(matches!(hers, EngineError::Auth(_)), "{hers}");
    let all = list(&bench.cx, &Default::default()).await.unwrap().rows;
    let default = all.iter().find(|q| q.quota.is_default).unwrap();
    for refused in [
        edit(&bench.cx, default.quota.id, |q| QuotaConfig { name: "x".to_owned(), ..q }).await.unwrap_err(),
        remove(&bench.cx, default.quota.id).await.unwrap_err(),
    ] {
        assert!(refused.to_string().contains("default one"), "{refused}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_wrong_field_of_a_quota_is_named() {
    let bench = Bench::new().await;
    let center = center(&bench).await;
    let mut bad = config("a b");
    bad.cluster.threshold = 101;
    bad.person.memory_mib = Some(u64::MAX);
    bad.clusters = Shares::Each(vec![(crate::model::ids::ClusterId::random(), ClusterLimit::default())]);
    bad.domains = Shares::All(Some(u64::MAX));
    let EngineError::Invalid(wrong) = add(&bench.cx, center, bad).await.unwrap_err() else { panic!() };
    let fields: Vec<_> = wrong.iter().map(|w| w.field).collect();
    assert_eq!(fields, ["name", "cluster_soft_limit_pct", "person.memory", "limit", "cluster"]);
    add(&bench.cx, center, config("lab")).await.unwrap();
    let EngineError::Invalid(wrong) = add(&bench.cx, center, config("lab")).await.unwrap_err() else { panic!() };
    assert!(matches!(wrong[0].problem, Problem::Taken { .. }));
    let named = ListQuery { search: "Quotas: name=lab".to_owned(), ..ListQuery::default() };
    assert_eq!(list(&bench.cx, &named).await.unwrap().rows.len(), 1);
}
