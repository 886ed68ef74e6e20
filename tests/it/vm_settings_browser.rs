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

#[tokio::test(flavor = "multi_thread")]
async fn an_instance_type_fills_the_form_and_its_vms_follow() {
    let server = Server::start(&Start::default());
    let admin = server.admin();
    let browser = Browser::start(&server).await;
    browser.sign_in("admin@internal", &server.password("admin")).await;
    browser.go("/admin/instance_types/new").await;
    assert_eq!(browser.axe().await, Vec::<String>::new());
    browser.fill("#name", "lab").await;
    browser.fill("#soundcard", "yes").await;
    browser.fill("#watchdog", "Reset").await;
    browser.fill("#io_threads", "99").await;
    browser.click("button[value=submit]").await;
    browser.says("#io_threads-help", "between 0 and").await;
    browser.fill("#io_threads", "").await;
    browser.click("button[value=submit]").await;
    browser.arrives("/admin/instance_types").await;
    let kinds = admin.get("/instancetypes").await.1;
    let kind = kinds["instance_type"].as_array().unwrap().iter().find(|kind| kind["name"] == "lab").unwrap().clone();
    assert_eq!((&kind["soundcard_enabled"], &kind["usb"]), (&json!("true"), &json!(null)), "{kind}");
    assert_eq!(kind["watchdogs"]["watchdog"][0]["action"], "reset", "{kind}");

    // Chosen, it fills the form; who changes such a thing has no type any more.
    browser.go("/admin/vms/new").await;
    browser.fill("#name", "desk").await;
    browser.fill("#instance_type", "lab").await;
    let now = "const f = document.querySelector('form.vireo-form').elements; \
        return [f.soundcard.checked, f.watchdog.value, f.instance_type.value]";
    let id = &kind["id"];
    assert_eq!(browser.run(now).await, json!([true, "reset", id]));
    browser.run("document.querySelector('#soundcard').click()").await;
    assert_eq!(browser.run(now).await, json!([false, "reset", ""]));
    browser.fill("#instance_type", "lab").await;
    browser.click("button[value=submit]").await;
    crate::api::eventually("it is made", || async { admin.get("/vms?search=name%3Ddesk").await.1["vm"].is_array() })
        .await;
    let own = crate::api::id_of(&admin.get("/vms?search=name%3Ddesk").await.1["vm"][0]);
    let desk = || async { admin.get(&format!("/vms/{own}")).await.1 };
    let vm = desk().await;
    assert_eq!((&vm["soundcard_enabled"], &vm["instance_type"]["id"]), (&json!("true"), id), "{vm}");

    // The type changes, and so does its VM.
    let (code, changed) =
        admin.put(&format!("/instancetypes/{}", id.as_str().unwrap()), json!({"soundcard_enabled": false})).await;
    assert_eq!(code, 200, "{changed}");
    let vm = desk().await;
    assert_eq!((&vm["soundcard_enabled"], &vm["instance_type"]["id"]), (&json!("false"), id), "{vm}");
    assert_eq!(vm["watchdogs"]["watchdog"][0]["action"], "reset", "{vm}");
    browser.quit().await;
}
