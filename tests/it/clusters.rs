//! Clusters: their CPU with real hosts, what leaves a host that cannot work on, and the dialog in Chromium.

use crate::api::{eventually, id_of};
use crate::chromium::Browser;
use crate::lab::Lab;
use crate::server::{Server, Start};
use serde_json::{Value, json};

async fn cluster(lab: &Lab, name: &str) -> String {
    let (_, all) = lab.admin.get("/clusters").await;
    id_of(all["cluster"].as_array().unwrap().iter().find(|one| one["name"] == name).unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn hosts_offer_their_clusters_cpu_or_fall_out() {
    let lab = Lab::with_hosts(2).await;
    // Guests have the cluster's CPU, but for those that have their own.
    let default = format!("/clusters/{}", cluster(&lab, "Default").await);
    let with = |model: &str| json!({"cpu": {"type": model}});
    let (code, answer) = lab.admin.put(&default, with("Nehalem")).await;
    assert_eq!(code, 200, "{answer}");
    let vm = lab.demo_vm("plain").await;
    lab.admin.act(&vm, "start").await;
    lab.admin.wait(&vm, "up").await;
    let here = lab.whereabouts(&vm).await.unwrap();
    let seen = lab.hosts[here].virsh(&["dumpxml", &vm]);
    assert!(seen.contains(">Nehalem</model>"), "{seen}");

    // A cluster without hosts may have a CPU that no host here offers; the host that comes to it falls out, and it is said what lacks.
    let (_, centers) = lab.admin.get("/datacenters").await;
    let center = json!({"id": centers["data_center"][0]["id"]});
    let new = json!({"name": "modern", "data_center": center, "cpu": {"type": "Skylake-Server"}});
    let (code, modern) = lab.admin.post("/clusters", new).await;
    assert_eq!(code, 201, "{modern}");
    let other = 1 - here;
    let path = format!("/hosts/{}", lab.hosts[other].id);
    let there = json!({"cluster": {"name": "modern"}, "comment": "moved"});
    let (code, refused) = lab.admin.put(&path, there.clone()).await;
    assert!(code == 409 && refused.to_string().contains("maintenance"), "{refused}");
    lab.admin.post(&format!("{path}/deactivate"), json!({})).await;
    lab.wait_for_host(other, "maintenance").await;
    let (code, moved) = lab.admin.put(&path, there).await;
    assert_eq!((code, &moved["comment"]), (200, &json!("moved")), "{moved}");
    lab.admin.post(&format!("{path}/activate"), json!({})).await;
    let fallen: Value = lab.wait_for_host(other, "non_operational").await;
    let why = fallen["status_detail"].as_str().unwrap();
    assert!(why.contains("CPU type Skylake-Server of its cluster; its CPU lacks ") && why.contains("avx512f"), "{why}");

    // With a CPU that it offers it is back by itself.
    let modern = format!("/clusters/{}", id_of(&modern));
    let (code, refused) = lab.admin.put(&modern, with("Icelake-Server")).await;
    assert!(code == 400 && refused.to_string().contains("cpu.type"), "{refused}");
    let (code, answer) = lab.admin.put(&modern, with("Westmere")).await;
    assert_eq!(code, 200, "{answer}");
    lab.wait_for_host(other, "up").await;
    let (code, refused) = lab.admin.delete(&modern).await;
    assert!(code == 409 && refused.to_string().contains(&lab.hosts[other].name), "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_can_leaves_a_host_that_cannot_work_on() {
    let lab = Lab::with_hosts(2).await;
    let default = format!("/clusters/{}", cluster(&lab, "Default").await);
    let only = json!({"error_handling": {"on_error": "migrate_highly_available"}});
    let (code, answer) = lab.admin.put(&default, only).await;
    assert_eq!(code, 200, "{answer}");
    let (marked, plain) = (lab.demo_vm("marked").await, lab.demo_vm("plain").await);
    let available = json!({"high_availability": {"enabled": true, "priority": 50}});
    assert_eq!(lab.admin.put(&format!("/vms/{marked}"), available).await.0, 200);
    for vm in [&marked, &plain] {
        lab.admin.act(vm, "start").await;
        lab.admin.wait(vm, "up").await;
    }
    let here = lab.whereabouts(&marked).await.unwrap();
    if lab.whereabouts(&plain).await != Some(here) {
        lab.admin.act(&plain, "migrate").await;
        lab.admin.wait(&plain, "up").await;
    }
    // Its storage is gone from its sight; what runs goes on with what it has open.
    let shared = lab.shared.to_str().unwrap();
    assert!(lab.hosts[here].command("mount").args(["-t", "tmpfs", "none", shared]).status().unwrap().success());
    lab.wait_for_host(here, "non_operational").await;
    eventually("the marked one is elsewhere", || async { lab.really_on(&marked) == [1 - here] }).await;
    assert_eq!(lab.really_on(&plain), [here], "who is not marked stays");
    assert!(lab.hosts[here].command("umount").arg(shared).status().unwrap().success());
    lab.wait_for_host(here, "up").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_dialog_of_a_cluster_in_a_browser() {
    let server = Server::start(&Start::default());
    let admin = server.admin();
    let browser = Browser::start(&server).await;
    browser.sign_in("admin@internal", &server.password("admin")).await;
    let narrow = "return document.documentElement.scrollWidth - innerWidth";

    browser.go("/admin/data_centers").await;
    browser.click("[data-new]").await;
    browser.arrives("/admin/data_centers/new").await;
    assert_eq!(browser.axe().await, Vec::<String>::new());
    browser.fill("#name", "Campus").await;
    browser.click("button[value=submit]").await;
    browser.says("h1", "Campus").await;
    assert_eq!(browser.axe().await, Vec::<String>::new());
    browser.click("a[href^='/admin/clusters/new?']").await;
    browser.arrives("/admin/clusters/new").await;
    for tab in ["general", "optimization", "migration", "scheduling", "fencing"] {
        browser.click(&format!("#{tab}-tab")).await;
        assert_eq!(browser.axe().await, Vec::<String>::new(), "{tab}");
    }
    // A number is asked for where the policy reads it.
    browser.click("#scheduling-tab").await;
    let shown = "return Boolean(document.getElementById('p_HighVmCount').offsetParent)";
    assert_eq!(browser.run(shown).await, json!(false));
    let choose = "const p = document.getElementById('policy'); \
        p.value = [...p.options].find((o) => o.text === 'vm_evenly_distributed').value; \
        p.dispatchEvent(new Event('change', { bubbles: true }));";
    browser.run(choose).await;
    assert_eq!(browser.run(shown).await, json!(true));
    browser.fill("#p_HighVmCount", "3").await;
    browser.fill("#p_MigrationThreshold", "1").await;
    browser.click("button[value=submit]").await;
    // The first that is wrong is shown, in its tab.
    browser.says("#name-help", "Fill this in").await;
    browser.fill("#name", "lab").await;
    browser.click("#scheduling-tab").await;
    browser.says("#p_MigrationThreshold-help", "between 2 and 9999").await;
    browser.fill("#p_MigrationThreshold", "4").await;
    browser.click("button[value=submit]").await;
    browser.says("h1", "lab").await;
    assert_eq!(browser.axe().await, Vec::<String>::new());
    browser.size(390, 844).await;
    assert!(browser.run(narrow).await.as_i64().unwrap_or_default() <= 0);
    browser.go("/admin/clusters").await;
    assert!(browser.run(narrow).await.as_i64().unwrap_or_default() <= 0);

    let (_, all) = admin.get("/clusters").await;
    let made = all["cluster"].as_array().unwrap().iter().find(|one| one["name"] == "lab").unwrap().clone();
    let numbers = &made["custom_scheduling_policy_properties"]["property"];
    assert!(numbers.as_array().unwrap().contains(&json!({"name": "HighVmCount", "value": "3"})), "{made}");

    // Another CPU: it is said first what it means.
    let default = id_of(all["cluster"].as_array().unwrap().iter().find(|one| one["name"] == "Default").unwrap());
    let vm = admin.small_vm("old").await;
    admin.act(&vm, "start").await;
    admin.wait_for(&vm, &["powering_up", "up"]).await;
    browser.go(&format!("/admin/clusters/{default}/edit")).await;
    assert!(browser.run(narrow).await.as_i64().unwrap_or_default() <= 0);
    browser.run("document.getElementById('cpu_type').value = 'Nehalem'").await;
    browser.click("button[value=submit]").await;
    browser.says("#cpu-change", "old").await;
    assert_eq!(browser.axe().await, Vec::<String>::new());
    browser.click("button[value=submit]").await;
    browser.arrives(&format!("/admin/clusters/{default}")).await;
    assert_eq!(admin.get(&format!("/clusters/{default}")).await.1["cpu"]["type"], "Nehalem");

    // What its hosts have in common, as libvirt computes it; a guest starts with that.
    browser.go(&format!("/admin/clusters/{default}/edit")).await;
    browser.run("document.getElementById('cpu_type').value = '?'").await;
    browser.click("button[value=submit]").await;
    browser.says("#cpu-change", "Computed:").await;
    browser.click("button[value=submit]").await;
    browser.arrives(&format!("/admin/clusters/{default}")).await;
    browser.says("main", "Computed:").await;
    let common = admin.small_vm("common").await;
    admin.act(&common, "start").await;
    admin.wait_for(&common, &["powering_up", "up"]).await;

    // Not empty: it stays, and it is said why. The other goes.
    browser.go(&format!("/admin/clusters/{default}/remove")).await;
    browser.click(".vireo-actions button[type=submit]").await;
    browser.says(".pf-m-danger", "it is not empty").await;
    browser.go(&format!("/admin/clusters/{}/remove", id_of(&made))).await;
    browser.click(".vireo-actions button[type=submit]").await;
    browser.arrives("/admin/clusters").await;
    browser.quit().await;
}
