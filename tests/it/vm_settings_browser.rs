//! The dialog of a VM's settings in Chromium: its menu, what is folded away, and the mark of what waits.

use crate::chromium::Browser;
use crate::server::{Server, Start};
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn the_dialog_folds_and_what_waits_is_shown() {
    let server = Server::start(&Start::default());
    let admin = server.admin();
    let vm = admin.small_vm("settings").await;
    admin.act(&vm, "start").await;
    admin.wait_for(&vm, &["powering_up", "up"]).await;
    admin.nothing_is_locked().await;
    let browser = Browser::start(&server).await;
    browser.sign_in("admin@internal", &server.password("admin")).await;

    browser.go(&format!("/admin/vms/{vm}/edit")).await;
    let shown = "return [...document.querySelectorAll('[role=tab]')].filter((t) => t.offsetParent).length";
    assert_eq!(browser.run(shown).await, json!(4));
    assert_eq!(browser.axe().await, Vec::<String>::new());
    browser.click(".vireo-advanced").await;
    assert_eq!(browser.run(shown).await, json!(9));
    for tab in ["host-part", "ha-part", "resource-part", "random-part", "custom-part"] {
        browser.click(&format!("#{tab}-tab")).await;
        assert_eq!(browser.axe().await, Vec::<String>::new(), "{tab}");
    }
    browser.click("#host-part-tab").await;
    browser.fill("#cpu_pinning", "9#0").await;
    browser.click("button[value=submit]").await;
    browser.says("#cpu_pinning-help", "is not a pinning").await;

    browser.fill("#cpu_pinning", "").await;
    browser.click("#console-part-tab").await;
    browser.click("label[for=soundcard]").await;
    browser.click("button[value=submit]").await;
    browser.arrives(&format!("/admin/vms/{vm}")).await;
    assert!(browser.has("[data-waits]").await);
    let row = browser.text("[data-waiting=soundcard]").await;
    assert!(row.contains("Sound card") && row.contains("no") && row.contains("yes"), "{row}");
    assert_eq!(browser.axe().await, Vec::<String>::new());
    browser.size(390, 844).await;
    let wide = browser.run("return document.documentElement.scrollWidth - innerWidth").await;
    assert!(wide.as_i64().unwrap_or_default() <= 0, "{wide} px too wide");
    browser.go("/admin/vms").await;
    assert!(browser.has("[data-waits]").await);

    admin.act(&vm, "stop").await;
    admin.wait(&vm, "down").await;
    browser.go(&format!("/admin/vms/{vm}")).await;
    assert!(!browser.has("[data-waits]").await);
    browser.quit().await;
}
