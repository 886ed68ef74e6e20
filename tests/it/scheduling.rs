//! Where guests run and why: labels, affinity groups that are mended by moving, balance, what a lost host would mean.

use crate::api::eventually;
use crate::chromium::Browser;
use crate::lab::Lab;
use crate::portal::Portal;
use crate::server::{Server, Start};
use serde_json::{Value, json};
use std::process::Command;

async fn made(lab: &Lab, path: &str, body: Value) -> String {
    let (code, answer) = lab.admin.post(path, body).await;
    assert_eq!(code, 201, "{path}: {answer}");
    answer["id"].as_str().unwrap().to_owned()
}

async fn start(lab: &Lab, vm: &str) {
    lab.admin.act(vm, "start").await;
    lab.admin.wait(vm, "up").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn labels_and_affinity_groups_rule_and_every_decision_is_explained() {
    let mut lab = Lab::with_hosts(3).await;
    let (one, two) = (lab.demo_vm("one").await, lab.demo_vm("two").await);
    let label = made(&lab, "/affinitylabels", json!({"name": "ssd"})).await;
    for vm in [&one, &two] {
        made(&lab, &format!("/affinitylabels/{label}/vms"), json!({ "id": vm })).await;
    }
    let (code, refused) = lab.admin.post(&format!("/vms/{one}/start"), json!({})).await;
    assert_eq!(code, 409, "{refused}");
    assert!(refused.to_string().contains("does not have the affinity label ssd"), "{refused}");
    made(&lab, &format!("/affinitylabels/{label}/hosts"), json!({ "id": lab.hosts[2].id })).await;
    start(&lab, &one).await;
    start(&lab, &two).await;
    assert_eq!((lab.whereabouts(&one).await, lab.whereabouts(&two).await), (Some(2), Some(2)));

    // Apart from now on: the one that may leave is moved, at once.
    let (code, answer) = lab.admin.delete(&format!("/affinitylabels/{label}/vms/{two}")).await;
    assert_eq!(code, 200, "{answer}");
    let cluster = lab.admin.get("/clusters").await.1["cluster"][0]["id"].as_str().unwrap().to_owned();
    let groups = format!("/clusters/{cluster}/affinitygroups");
    let apart = json!({
        "name": "apart", "vms_rule": {"enabled": true, "positive": false, "enforcing": true},
        "vms": {"vm": [{ "id": one }, { "id": two }]},
    });
    let group = made(&lab, &groups, apart).await;
    eventually("they are apart", || async {
        let at = lab.whereabouts(&two).await;
        at.is_some_and(|at| at != 2) && lab.admin.status(&two).await == "up"
    })
    .await;
    assert_eq!((lab.whereabouts(&one).await, lab.really_on(&one)), (Some(2), vec![2]));
    let at = lab.whereabouts(&two).await.unwrap();
    assert_eq!(lab.really_on(&two), [at]);
    let together =
        json!({"name": "together", "positive": true, "enforcing": true, "vms": {"vm": [{ "id": one }, { "id": two }]}});
    let (code, refused) = lab.admin.post(&groups, together).await;
    assert_eq!(code, 409, "{refused}");
    assert!(
        refused.to_string().contains("together keeps VMs together that affinity group apart keeps apart"),
        "{refused}"
    );

    // Told on the VM's page and before anything happens.
    let portal = Portal::sign_in(&lab.server, "admin@internal", &lab.server.password("admin")).await;
    let (code, page) = portal.get(&format!("/admin/vms/{one}/placement")).await;
    assert_eq!(code, 200);
    assert_eq!(page.matches("does not have the affinity label ssd").count(), 3, "host2 now, two hosts then: {page}");
    let (code, page) = portal.get(&format!("/admin/vms/{two}/placement")).await;
    assert_eq!(code, 200);
    assert!(page.contains("keeps apart") && page.contains("OptimalForCpuEvenDistribution"), "{page}");
    let (code, page) = portal.get(&format!("/admin/hosts/{}/loss", lab.hosts[2].id)).await;
    assert_eq!(code, 200);
    assert!(page.contains(">one</a>") && page.contains("does not have the affinity label ssd"), "{page}");

    // The storage pool manager goes, and another follows.
    let (code, _) = lab.admin.delete(&format!("{groups}/{group}")).await;
    assert_eq!(code, 200);
    // Both on one host again, and then as many VMs on each host as on the others.
    let (code, answer) = lab.admin.post(&format!("/vms/{two}/migrate"), json!({"host": {"id": lab.hosts[2].id}})).await;
    assert_eq!(code, 200, "{answer}");
    eventually("both are on one host", || async {
        lab.whereabouts(&two).await == Some(2) && lab.admin.status(&two).await == "up"
    })
    .await;
    let number = |name: &str, value: u32| json!({"name": name, "value": value.to_string()});
    let numbers = [number("HighVmCount", 1), number("MigrationThreshold", 2), number("SpmVmGrace", 0)];
    let evenly = json!({
        "scheduling_policy": {"id": "8d5d7bec-68de-4a67-b53e-0ac54686d579"},
        "custom_scheduling_policy_properties": {"property": numbers},
    });
    let (code, answer) = lab.admin.put(&format!("/clusters/{cluster}"), evenly).await;
    assert_eq!(code, 200, "{answer}");
    eventually("one of them was moved", || async {
        lab.whereabouts(&two).await != Some(2) && lab.admin.status(&two).await == "up"
    })
    .await;
    assert_eq!(lab.whereabouts(&one).await, Some(2), "its label keeps it");

    let mut manager = None;
    for index in 0..3 {
        if lab.host(index).await["spm"]["status"] == "spm" {
            manager = Some(index);
        }
    }
    let manager = manager.expect("a host is storage pool manager");
    let next = (manager + 1) % 3;
    let (code, answer) = lab.admin.post(&format!("/hosts/{}/forceselectspm", lab.hosts[next].id), json!({})).await;
    assert_eq!(code, 200, "{answer}");
    assert_eq!(lab.host(manager).await["spm"]["status"], "none");
    lab.hosts[next].pull_the_plug();
    eventually("another manager", || async {
        let mut managers = Vec::new();
        for index in 0..3 {
            if lab.host(index).await["spm"]["status"] == "spm" {
                managers.push(index);
            }
        }
        managers.len() == 1 && managers[0] != next
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn ovirts_sdk_makes_policies_groups_and_labels() {
    let python = std::env::var("VIREO_TEST_PYTHON").expect("VIREO_TEST_PYTHON is set by make test");
    let server = Server::start(&Start::default());
    let admin = server.admin();
    for name in ["one", "two"] {
        admin.small_vm(name).await;
    }
    let out = Command::new(python)
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/sdk/scheduling.py"))
        .arg(format!("https://localhost:{}/ovirt-engine/api", server.port))
        .arg(server.password("admin"))
        .output()
        .unwrap();
    let text = format!("{}{}", String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr));
    assert!(out.status.success() && text.contains("content"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_pages_of_scheduling_in_a_browser() {
    let server = Server::start(&Start::default());
    let admin = server.admin();
    let vm = admin.small_vm("placed").await;
    admin.act(&vm, "start").await;
    admin.wait_for(&vm, &["powering_up", "up"]).await;
    let browser = Browser::start(&server).await;
    browser.sign_in("admin@internal", &server.password("admin")).await;

    // A policy is copied, and what is wrong is said at its field.
    browser.go("/admin/scheduling_policies").await;
    browser.says("main", "power_saving").await;
    browser.click_text("a", "evenly_distributed").await;
    browser.says("main", "one of the policies that every engine has").await;
    assert_eq!(browser.axe().await, Vec::<String>::new());
    browser.click("a[href$='/copy']").await;
    browser.fill("#name", "ours").await;
    browser.fill("#property-HighUtilization", "10").await;
    browser.click("button[value=submit]").await;
    browser.says("#property-HighUtilization-help", "between 50 and 99").await;
    assert_eq!(browser.axe().await, Vec::<String>::new());
    browser.fill("#property-HighUtilization", "70").await;
    browser.click("button[value=submit]").await;
    browser.arrives("/admin/scheduling_policies").await;
    browser.says("main", "ours").await;

    // An affinity group, from its cluster's page.
    browser.go("/admin/clusters").await;
    browser.click_text("a", "Default").await;
    browser.click("a[href$='/affinity_groups/new']").await;
    browser.fill("#name", "pair").await;
    browser.fill("#vms", "nobody").await;
    browser.click("button[value=submit]").await;
    browser.says("#vms-help", "nobody").await;
    browser.fill("#vms", "placed").await;
    assert_eq!(browser.axe().await, Vec::<String>::new());
    browser.click("button[value=submit]").await;
    browser.says("main", "pair: VMs together: 1").await;

    // A label, and where the VM can run.
    browser.go("/admin/affinity_labels/new").await;
    browser.fill("#name", "ssd").await;
    assert_eq!(browser.axe().await, Vec::<String>::new());
    browser.click("button[value=submit]").await;
    browser.arrives("/admin/affinity_labels").await;
    for path in [format!("/admin/vms/{vm}/placement"), "/admin/scheduling_policies/new".to_owned()] {
        browser.go(&path).await;
        assert_eq!(browser.axe().await, Vec::<String>::new(), "{path}");
        browser.size(390, 844).await;
        let wide = browser.run("return document.documentElement.scrollWidth - innerWidth").await;
        assert!(wide.as_i64().unwrap_or_default() <= 0, "{path}: {wide} px too wide");
        browser.size(1440, 900).await;
    }
    browser.go(&format!("/admin/vms/{vm}/placement")).await;
    browser.says("main", "OptimalForCpuEvenDistribution").await;
    browser.quit().await;
}
