//! Decisions over hosts that are not there, and the commands around them over a real database.

use super::{Candidate, Cluster, Membership, Need, Tie, affinity, choose, explain, placement, policies, what_if};
use crate::engine::EngineError;
use crate::engine::testing::Bench;
use crate::engine::vms;
use crate::model::cluster_settings::{ClusterSettings, MemoryOvercommit};
use crate::model::host::{HostFacts, HostStatus};
use crate::model::ids::{AffinityGroupId, ClusterId, HostId, VmId};
use crate::model::scheduling::*;
use crate::model::vm::{VmStatus, VmUpdate};
use crate::model::vm_settings::SettingsChange;
use crate::store::scheduling::places::Promised;
use std::sync::Arc;
use std::time::Duration;

fn host(name: &str, memory_mib: u64, promised_mib: u64) -> Candidate {
    Candidate {
        id: HostId::random(),
        name: name.to_owned(),
        status: HostStatus::Up,
        facts: Arc::new(HostFacts {
            memory_mib,
            sockets: 1,
            cores_per_socket: 2,
            threads_per_core: 2,
            max_vcpus: 8,
            cpu_models: vec!["Haswell".to_owned()],
            machines: vec!["q35".to_owned()],
            network_mode: "bridge".to_owned(),
            ..HostFacts::default()
        }),
        promised: Promised { memory_mib: promised_mib, guaranteed_mib: promised_mib, ..Promised::default() },
        spm: false,
        cpu_percent: 0.0,
        busy_for: Duration::ZERO,
    }
}

fn cluster(policy: &str, hosts: Vec<Candidate>) -> Cluster {
    let policy = SchedulingPolicy::predefined().into_iter().find(|known| known.name == policy).unwrap();
    Cluster { policy, settings: ClusterSettings::default(), hosts }
}

fn need(memory_mib: u64) -> Need {
    Need {
        name: "a".to_owned(),
        memory_mib,
        guaranteed_mib: memory_mib,
        vcpus: 1,
        machine: String::new(),
        cpu_type: String::new(),
        chosen: Vec::new(),
        pinned: false,
        cpu_number: None,
        networked: true,
        highly_available: false,
        local: Vec::new(),
        tie: Tie::None,
        tried: Vec::new(),
        groups: Vec::new(),
        labels: Vec::new(),
    }
}

/// Why the first host refuses it.
fn refused(cluster: &Cluster, need: &Need) -> String {
    explain(cluster, need)[0].fits.as_ref().unwrap_err().to_string()
}

#[test]
fn takes_the_host_with_most_room() {
    let all = cluster("none", vec![host("full", 4096, 3000), host("wide", 4096, 0), host("small", 2048, 0)]);
    assert_eq!(choose(&all, &need(1024)).unwrap().0, all.hosts[1].id);
    let there = Need { tie: Tie::To(all.hosts[2].id), ..need(512) };
    assert_eq!(choose(&all, &there).unwrap().0, all.hosts[2].id);
}

#[test]
fn says_for_each_host_why_not() {
    let mut all = cluster("none", vec![host("full", 4096, 3500), host("away", 4096, 0)]);
    all.hosts[1].status = HostStatus::NonResponsive;
    let said = choose(&all, &need(1024)).unwrap_err().to_string();
    assert!(said.contains("full has 340 MiB") && said.contains("away is non responsive"), "{said}");
    let said = choose(&cluster("none", Vec::new()), &need(1024)).unwrap_err().to_string();
    assert!(said.contains("no host"), "{said}");
    let error = choose(&all, &need(9000)).unwrap_err();
    assert!(matches!(error, EngineError::Invalid(ref all) if all[0].field == "memory"), "{error}");
}

#[test]
fn each_filter_refuses_for_its_own_reason() {
    let mut all = cluster("cluster_maintenance", vec![host("h", 4096, 0), host("i", 4096, 0)]);
    let other = all.hosts[1].id;
    let cases = [
        (Need { pinned: true, chosen: vec![other], ..need(64) }, "none of the hosts that the VM may run on"),
        (Need { vcpus: 5, ..need(64) }, "2 virtual CPUs, not 5"),
        (Need { cpu_type: "Skylake".to_owned(), ..need(64) }, "CPU type Skylake"),
        (Need { cpu_number: Some(4), ..need(64) }, "has no CPU 4"),
        (Need { machine: "pc".to_owned(), ..need(64) }, "machine type pc"),
        (Need { labels: vec![("ssd".to_owned(), vec![other])], ..need(64) }, "affinity label ssd"),
        (need(64), "only highly available VMs"),
        (Need { local: vec![(other, "d".to_owned(), "x".to_owned())], ..need(64) }, "storage domain d"),
        (Need { tie: Tie::From(all.hosts[0].id, None), ..need(64) }, "runs already"),
    ];
    for (need, said) in cases {
        assert!(refused(&all, &need).contains(said), "{said}: {}", refused(&all, &need));
    }
    all.settings.threads_as_cores = true;
    let available = Need { highly_available: true, vcpus: 4, ..need(64) };
    assert!(choose(&all, &available).is_ok(), "threads count as cores");
    all.hosts[0].busy_for = Duration::from_secs(120);
    assert!(refused(&all, &available).contains("more than 80 % for more than 2 minutes"));
    all.hosts[1].busy_for = Duration::from_secs(120);
    assert!(choose(&all, &available).is_ok(), "both are too busy: better slow than not at all");
    all.hosts[1].busy_for = Duration::ZERO;
    Arc::make_mut(&mut all.hosts[1].facts).network_mode = "nat".to_owned();
    let moving = Need { tie: Tie::From(other, None), highly_available: true, ..need(64) };
    all.hosts[0].busy_for = Duration::ZERO;
    assert!(refused(&all, &moving).contains("in another way (bridge)"));
}

#[test]
fn memory_is_promised_beyond_what_is_there_but_not_what_is_guaranteed() {
    let mut all = cluster("none", vec![host("h", 4096, 3000)]);
    assert!(refused(&all, &need(2048)).contains("840 MiB"));
    all.settings.memory_overcommit = MemoryOvercommit::Desktop;
    let thin = Need { guaranteed_mib: 512, ..need(2048) };
    assert!(choose(&all, &thin).is_ok());
    assert!(refused(&all, &need(2048)).contains("the VM needs 2113"), "what is guaranteed must be there");
}

fn member(affinity: Affinity, enforcing: bool, others: &[HostId], hosts: &[HostId]) -> Membership {
    let rule = |there: bool| AffinityRule { affinity: if there { affinity } else { Affinity::Disabled }, enforcing };
    Membership {
        group: "g".to_owned(),
        vms_rule: rule(!others.is_empty()),
        hosts_rule: rule(!hosts.is_empty()),
        hosts: hosts.to_vec(),
        others: others.to_vec(),
    }
}

#[test]
fn affinity_is_kept_where_it_is_enforced_and_weighs_where_it_is_not() {
    let all = cluster("none", vec![host("wide", 4096, 0), host("narrow", 4096, 2000)]);
    let (wide, narrow) = (all.hosts[0].id, all.hosts[1].id);
    let with = |group: Membership| Need { groups: vec![group], ..need(512) };
    let chosen = |need: &Need| choose(&all, need).unwrap().0;
    assert_eq!(chosen(&with(member(Affinity::Positive, true, &[narrow], &[]))), narrow);
    assert_eq!(chosen(&with(member(Affinity::Negative, true, &[wide], &[]))), narrow);
    assert_eq!(chosen(&with(member(Affinity::Positive, true, &[], &[narrow]))), narrow);
    assert_eq!(chosen(&with(member(Affinity::Negative, true, &[], &[wide]))), narrow);
    // The hosts' rule weighs ten times: more than memory.
    assert_eq!(chosen(&with(member(Affinity::Positive, false, &[], &[narrow]))), narrow);
    assert_eq!(chosen(&with(member(Affinity::Negative, false, &[wide, narrow], &[]))), wide);
    let nowhere = with(member(Affinity::Negative, true, &[wide, narrow], &[]));
    assert!(choose(&all, &nowhere).unwrap_err().to_string().contains("affinity group g keeps apart"));
}

#[test]
fn chosen_hosts_are_preferred_and_power_is_saved() {
    let mut all = cluster("none", vec![host("wide", 4096, 0), host("narrow", 4096, 2000)]);
    let preferring = Need { chosen: vec![all.hosts[1].id], ..need(512) };
    assert_eq!(choose(&all, &preferring).unwrap().0, all.hosts[1].id);
    all.hosts[1].status = HostStatus::Maintenance;
    assert_eq!(choose(&all, &preferring).unwrap().0, all.hosts[0].id);
    let mut saving = cluster("power_saving", vec![host("empty", 4096, 0), host("works", 4096, 2000)]);
    saving.hosts[1].promised.vms = 2;
    assert_eq!(choose(&saving, &need(512)).unwrap().0, saving.hosts[1].id);
}

fn group(cluster: ClusterId, name: &str, affinity: Affinity, vms: Vec<VmId>) -> AffinityGroup {
    AffinityGroup {
        id: AffinityGroupId::random(),
        cluster,
        name: name.to_owned(),
        description: String::new(),
        vms_rule: AffinityRule { affinity, enforcing: true },
        hosts_rule: AffinityRule { affinity: Affinity::Disabled, enforcing: false },
        vms,
        hosts: Vec::new(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn groups_bind_starts_and_every_start_leaves_its_reasons() {
    let bench = Bench::new().await;
    let (one, two) = (bench.vm("one").await, bench.vm("two").await);
    let apart = group(bench.cluster, "apart", Affinity::Negative, vec![one, two]);
    affinity::add_group(&bench.cx, apart.clone()).await.unwrap();
    let taken = affinity::add_group(&bench.cx, apart).await.unwrap_err().to_string();
    assert!(taken.contains("in use already"), "{taken}");
    let together = group(bench.cluster, "together", Affinity::Positive, vec![one, two]);
    let against = affinity::add_group(&bench.cx, together).await.unwrap_err().to_string();
    assert!(against.contains("together keeps VMs together that affinity group apart keeps apart"), "{against}");
    let stranger = group(bench.cluster, "strange", Affinity::Positive, vec![VmId::random()]);
    assert!(affinity::add_group(&bench.cx, stranger).await.unwrap_err().to_string().contains("vms"));

    vms::start(&bench.cx, one).await.unwrap();
    bench.becomes(one, VmStatus::Up).await;
    let said = vms::start(&bench.cx, two).await.unwrap_err().to_string();
    assert!(said.contains("host1 runs a VM that affinity group apart keeps apart"), "{said}");
    let found = placement::placement(&bench.cx, one).await.unwrap();
    let (_, decision) = found.last.unwrap();
    assert_eq!((decision.policy.as_str(), decision.chosen.as_str()), ("none", "host1"));
    assert!(!decision.fitted[0].2.is_empty() && found.hosts.len() == 1);

    let all = affinity::groups(&bench.cx, bench.cluster).await.unwrap();
    affinity::remove_group(&bench.cx, all[0].id).await.unwrap();
    let id = affinity::add_label(&bench.cx, "ssd".to_owned(), vec![two], Vec::new()).await.unwrap();
    let said = vms::start(&bench.cx, two).await.unwrap_err().to_string();
    assert!(said.contains("does not have the affinity label ssd"), "{said}");
    let host = bench.host;
    affinity::edit_label(&bench.cx, id, move |old| AffinityLabel { hosts: vec![host], ..old }).await.unwrap();
    vms::start(&bench.cx, two).await.unwrap();
    bench.becomes(two, VmStatus::Up).await;

    let settings = SettingsChange { high_availability: Some(true), ..SettingsChange::default() };
    vms::update(&bench.cx, two, VmUpdate { settings, ..VmUpdate::default() }).await.unwrap();
    let losses = what_if::loss_of(&bench.cx, bench.host).await.unwrap();
    let told: Vec<_> = losses.iter().map(|one| (one.name.as_str(), one.restarts, one.to.is_ok())).collect();
    assert_eq!(told, [("two", true, false), ("one", false, false)], "the only host is lost");
}

#[tokio::test(flavor = "multi_thread")]
async fn policies_are_copied_changed_and_removed() {
    let bench = Bench::new().await;
    let model = policies::model(&bench.cx, EVENLY_DISTRIBUTED).await.unwrap();
    let id = policies::add(&bench.cx, SchedulingPolicy { name: "mine".to_owned(), ..model.clone() }).await.unwrap();
    let again = policies::add(&bench.cx, SchedulingPolicy { name: "none".to_owned(), ..model }).await.unwrap_err();
    assert!(again.to_string().contains("in use already"), "{again}");
    let high = |value| {
        move |mut old: SchedulingPolicy| {
            old.properties.insert(Property::HighUtilization, value);
            old
        }
    };
    policies::edit(&bench.cx, id, high(60)).await.unwrap();
    let wrong = policies::edit(&bench.cx, id, high(20)).await.unwrap_err().to_string();
    assert!(wrong.contains("HighUtilization: must be between 50 and 99"), "{wrong}");
    let unread = policies::edit(&bench.cx, id, |mut old| {
        old.properties.insert(Property::HighVmCount, 3);
        old
    });
    assert!(unread.await.unwrap_err().to_string().contains("\"HighVmCount\" is not one of: HighUtilization"));
    let locked = policies::edit(&bench.cx, NONE, |old| old).await.unwrap_err().to_string();
    assert!(locked.contains("copy it and change the copy"), "{locked}");
    assert!(policies::remove(&bench.cx, NONE).await.is_err());
    policies::remove(&bench.cx, id).await.unwrap();
    assert_eq!(policies::list(&bench.cx).await.unwrap().len(), 5);
}
