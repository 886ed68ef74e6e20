//! An upgrade in a browser, and by oVirt's own SDK.

use crate::api::id_of;
use crate::chromium::Browser;
use crate::hosts_browser::looks;
use crate::lab_packages::{PACKAGE, lab_with_old_hosts};

#[tokio::test(flavor = "multi_thread")]
async fn a_host_and_its_cluster_are_upgraded_browser() {
    let (lab, repository) = lab_with_old_hosts(1, Vec::new()).await;
    let go = lab.shared.join("go");
    repository.publish("2.0", &format!("until [ -e {} ]; do sleep 0.1; done; exit 0", go.display()));
    let browser = Browser::start(&lab.server).await;
    browser.sign_in("admin@internal", &lab.server.password("admin")).await;
    let page = format!("/admin/hosts/{}", lab.hosts[0].id);
    browser.go(&page).await;
    browser.click("form[action$='/check_upgrade'] button").await;
    browser.says("main", PACKAGE).await;
    browser.says("main", "Upgrade available").await;
    looks(&browser, "a host that can be upgraded").await;
    browser.click("a[href$='/upgrade']").await;
    browser.says("main", "emptied first").await;
    looks(&browser, "upgrade of a host").await;
    browser.click("button[value=submit]").await;
    // Its steps, and what apt says, come by themselves.
    browser.says("main", "Upgrade its packages").await;
    browser.says(".vireo-log", PACKAGE).await;
    looks(&browser, "an upgrade").await;
    std::fs::write(&go, "").unwrap();
    browser.says(".vireo-log", "Setting up").await;
    browser.says("main .vireo-heading", "Finished").await;
    lab.wait_for_host(0, "up").await;

    repository.publish("3.0", "exit 0");
    let (_, clusters) = lab.admin.get("/clusters?search=name%3DDefault").await;
    let cluster = format!("/admin/clusters/{}", id_of(&clusters["cluster"][0]));
    browser.go(&cluster).await;
    browser.click("a[href$='/upgrade']").await;
    browser.says("main table", "host1").await;
    looks(&browser, "upgrade of a cluster").await;
    browser.click("button[value=submit]").await;
    browser.says("[data-progress]", "1 of 1: host1").await;
    looks(&browser, "a cluster that is being upgraded").await;
    browser.says("main", "The last upgrade").await;
    browser.says("main", "upgraded").await;
    looks(&browser, "a cluster that was upgraded").await;
    assert_eq!(lab.hosts[0].package(), "3.0 installed");
    browser.quit().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn ovirts_own_sdk_upgrades_a_host() {
    let (lab, repository) = lab_with_old_hosts(1, Vec::new()).await;
    repository.publish("2.0", "exit 0");
    let python = std::env::var("VIREO_TEST_PYTHON").expect("VIREO_TEST_PYTHON is set by make test");
    let mut script = tokio::process::Command::new(python);
    script.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/sdk/upgrade.py"));
    script.args([format!("{}/ovirt-engine/api", lab.server.url), lab.server.password("admin")]);
    let out = script.output().await.unwrap();
    let text = format!("{}{}", String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr));
    assert!(out.status.success() && text.contains("content"), "{text} {:?}", lab.admin.messages().await);
    assert_eq!(lab.hosts[0].package(), "2.0 installed");
}
