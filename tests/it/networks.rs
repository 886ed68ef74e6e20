//! Logical networks are made, and VMs move over the one that is meant for that.

use crate::api::id_of;
use crate::chromium::Browser;
use crate::lab::{Lab, LabHost};
use crate::server::{Server, Start};
use serde_json::json;
use std::process::Command;

fn received(host: &LabHost, card: &str) -> u64 {
    let out = host.command("cat").arg(format!("/sys/class/net/{card}/statistics/rx_bytes")).output().unwrap();
    String::from_utf8(out.stdout).unwrap().trim().parse().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn guests_move_over_the_migration_network() {
    let lab = Lab::with_hosts(2).await;
    lab.second_network("moves");
    let center = lab.admin.get("/datacenters").await.1["data_center"][0]["id"].clone();
    let new = json!({"name": "moves", "data_center": {"id": center}, "usages": {"usage": []}});
    let (code, network) = lab.admin.post("/networks", new).await;
    assert_eq!(code, 201, "{network}");
    let cluster = lab.admin.get("/clusters").await.1["cluster"][0]["id"].as_str().unwrap().to_owned();
    let place = format!("/clusters/{cluster}/networks/{}", id_of(&network));
    let (code, used) = lab.admin.put(&place, json!({"usages": {"usage": ["migration"]}})).await;
    assert!(code == 200 && used["usages"]["usage"][0] == "migration", "{used}");

    let vm = lab.demo_vm("mover").await;
    lab.admin.act(&vm, "start").await;
    lab.admin.wait(&vm, "up").await;
    let here = lab.whereabouts(&vm).await.unwrap();
    let target = &lab.hosts[1 - here];
    let before = (received(target, "moves"), received(target, "eth0"));
    move_it(&lab, &vm, here).await;
    let (over, usual) = (received(target, "moves") - before.0, received(target, "eth0") - before.1);
    assert!(over > 5 << 20, "its memory came over the other network: {over} bytes, {usual} over the usual one");
    assert!(usual < 1 << 20, "{usual} bytes over the usual network");
    // Virtual cables are 10 Gbit/s, of which each of two guests that leave at once gets its share.
    let log = lab.hosts[here].log();
    assert!(log.contains("mib_per_second=596"), "{log}");

    // A target without an address there is reached as usual.
    let target = &lab.hosts[here];
    assert!(target.command("ip").args(["addr", "flush", "dev", "moves"]).status().unwrap().success());
    let before = received(target, "eth0");
    move_it(&lab, &vm, 1 - here).await;
    assert!(received(target, "eth0") - before > 5 << 20, "its memory came the usual way");

    let (code, kept) = lab.admin.delete(&format!("/networks/{}", id_of(&network))).await;
    assert!(code == 409 && kept.to_string().contains("Default"), "{kept}");
    let (code, used) = lab.admin.put(&place, json!({"usages": {"usage": []}})).await;
    assert!(code == 200, "{used}");
    let (code, gone) = lab.admin.delete(&format!("/networks/{}", id_of(&network))).await;
    assert_eq!(code, 200, "{gone}");
}

async fn move_it(lab: &Lab, vm: &str, from: usize) {
    let (code, answer) = lab.admin.post(&format!("/vms/{vm}/migrate"), json!({})).await;
    assert_eq!(code, 200, "{answer}");
    lab.admin.wait(vm, "up").await;
    assert_eq!(lab.really_on(vm), [1 - from], "{:?}", lab.admin.messages().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn ovirts_sdk_makes_networks() {
    let python = std::env::var("VIREO_TEST_PYTHON").expect("VIREO_TEST_PYTHON is set by make test");
    let server = Server::start(&Start::default());
    let out = Command::new(python)
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/sdk/networks.py"))
        .arg(format!("https://localhost:{}/ovirt-engine/api", server.port))
        .arg(server.password("admin"))
        .output()
        .unwrap();
    let text = format!("{}{}", String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr));
    assert!(out.status.success() && text.contains("content"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn networks_in_a_browser() {
    let server = Server::start(&Start::default());
    let browser = Browser::start(&server).await;
    browser.sign_in("admin@internal", &server.password("admin")).await;
    browser.go("/admin/networks").await;
    browser.click("a[href$='/networks/new']").await;
    browser.fill("#name", "much-too-long-a-name").await;
    browser.click("button[value=submit]").await;
    browser.says("#name-help", "At most 15").await;
    assert_eq!(browser.axe().await, Vec::<String>::new());
    browser.fill("#name", "moves").await;
    browser.click("#vm_network").await;
    browser.click("button[value=submit]").await;
    browser.says("h1", "moves").await;
    assert_eq!(browser.axe().await, Vec::<String>::new());
    let network = browser.path().await;

    browser.go("/admin/clusters").await;
    browser.click_text("a", "Default").await;
    browser.click("a[href$='/edit']").await;
    browser.click_text("button", "Migration policy").await;
    browser.click_text("#migration_network option", "moves").await;
    assert_eq!(browser.axe().await, Vec::<String>::new());
    browser.click("button[value=submit]").await;
    browser.says("main", "Migration network").await;
    browser.click_text("main a", "moves").await;
    browser.says("main", "Migration network of the clusters").await;
    browser.click("a[href$='/remove']").await;
    browser.click("main button[type=submit]").await;
    browser.says("main", "Default").await;
    browser.size(390, 844).await;
    for path in [network.clone(), format!("{network}/edit"), format!("{network}/remove")] {
        browser.go(&path).await;
        let wide = browser.run("return document.documentElement.scrollWidth - innerWidth").await;
        assert!(wide.as_i64().unwrap_or_default() <= 0, "{path}: {wide} px too wide");
    }
    browser.quit().await;
}
