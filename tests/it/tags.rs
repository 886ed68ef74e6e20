//! Tags: oVirt's SDK, both forms of the API, and the portal's pages in a browser.

use crate::chromium::Browser;
use crate::portal::Portal;
use crate::server::{Server, Start};
use serde_json::json;
use std::process::Command;

#[tokio::test(flavor = "multi_thread")]
async fn ovirts_sdk_makes_tags_and_searches_by_them() {
    let python = std::env::var("VIREO_TEST_PYTHON").expect("VIREO_TEST_PYTHON is set by make test");
    let server = Server::start(&Start::default());
    let admin = server.admin();
    for name in ["one", "two"] {
        admin.small_vm(name).await;
    }
    let out = Command::new(python)
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/sdk/tags.py"))
        .arg(format!("https://localhost:{}/ovirt-engine/api", server.port))
        .arg(server.password("admin"))
        .output()
        .unwrap();
    let text = format!("{}{}", String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr));
    assert!(out.status.success() && text.contains("content"), "{text}");
}

/// The page is as wide as a phone, and no tool finds fault with it.
async fn fits(browser: &Browser, path: &str) {
    assert_eq!(browser.axe().await, Vec::<String>::new(), "{path}");
    browser.size(390, 844).await;
    let wide = browser.run("return document.documentElement.scrollWidth - innerWidth").await;
    assert!(wide.as_i64().unwrap_or_default() <= 0, "{path}: {wide} px too wide");
    browser.size(1440, 900).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_pages_of_tags_in_a_browser() {
    let server = Server::start(&Start::default());
    let admin = server.admin();
    let (one, two) = (admin.small_vm("desk-1").await, admin.small_vm("desk-2").await);
    let browser = Browser::start(&server).await;
    browser.sign_in("admin@internal", &server.password("admin")).await;

    // A tree, from its first tag on.
    browser.go("/admin/tags").await;
    browser.says("main", "No tag yet").await;
    browser.click("a[href='/admin/tags/new']").await;
    browser.fill("#name", "no spaces").await;
    browser.click("button[value=submit]").await;
    browser.says("#name-help", "is not allowed").await;
    fits(&browser, "new tag").await;
    browser.fill("#name", "city").await;
    browser.click("button[value=submit]").await;
    browser.says("h1", "city").await;
    browser.click("a[href*='new?below=']").await;
    browser.fill("#name", "berlin").await;
    browser.fill("#description", "north").await;
    browser.click("button[value=submit]").await;
    browser.says("h1", "berlin").await;
    browser.go("/admin/tags").await;
    browser.says(".vireo-tree .vireo-tree", "berlin").await;
    fits(&browser, "/admin/tags").await;

    // On one VM from its page, then on several from their list.
    browser.go(&format!("/admin/vms/{one}")).await;
    browser.click(&format!("a[href='/admin/vms/{one}/tags']")).await;
    browser.says("h1", "Tags of desk-1").await;
    fits(&browser, "assign").await;
    browser.click_text("span", "berlin").await;
    browser.click("form.vireo-form button[type=submit]").await;
    browser.arrives(&format!("/admin/vms/{one}")).await;
    browser.says("dl", "berlin").await;
    browser.go("/admin/vms").await;
    browser.click(&format!("input[name=pick][value='{one}']")).await;
    browser.click(&format!("input[name=pick][value='{two}']")).await;
    browser.click("button[formaction='/admin/vms/tags']").await;
    browser.says("main", "on 1 of 2").await;
    fits(&browser, "assign to several").await;
    browser.click_text("span", "city").await;
    browser.click("form.vireo-form button[type=submit]").await;
    browser.arrives("/admin/vms").await;
    let admin = &admin;
    let tags = |vm: String| async move {
        let (_, list) = admin.get(&format!("/vms/{vm}/tags")).await;
        let mut names: Vec<String> =
            list["tag"].as_array().into_iter().flatten().map(|tag| tag["name"].as_str().unwrap().to_owned()).collect();
        names.sort();
        names
    };
    assert_eq!(tags(one.clone()).await, ["berlin", "city"], "what only one carried stays");
    assert_eq!(tags(two.clone()).await, ["city"]);

    // Found, in the list and on the tag's page.
    browser.go("/admin/vms?search=tag%3Dberlin").await;
    browser.says("main", "desk-1").await;
    let rows = browser.run("return document.querySelectorAll('tbody tr').length").await;
    assert_eq!(rows.as_i64(), Some(1));
    browser.go("/admin/tags").await;
    browser.click_text("a", "city").await;
    browser.says("main", "desk-2").await;
    fits(&browser, "a tag").await;
    browser.click("a[href$='/remove']").await;
    browser.says("main", "berlin").await;
    browser.says("main", "desk-1").await;
    fits(&browser, "removal").await;
    browser.click("main form button[type=submit]").await;
    browser.says("main", "No tag yet").await;
    assert_eq!(tags(one).await, [""; 0]);
    browser.go("/language?to=zh-CN&then=/admin/tags").await;
    browser.says("h1", "标签").await;
    browser.says("main", "还没有标签").await;
    browser.quit().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_cannot_hang_a_tag_below_itself_or_do_what_its_sender_may_not() {
    let server = Server::start(&Start::default());
    let admin = server.admin();
    let (code, city) = admin.post("/tags", json!({"name": "city"})).await;
    assert_eq!(code, 201, "{city}");
    let city = city["id"].as_str().unwrap().to_owned();
    let (code, lab) = admin.post("/tags", json!({"name": "lab", "parent": {"id": city}})).await;
    assert_eq!(code, 201, "{lab}");
    let lab = lab["id"].as_str().unwrap().to_owned();
    let (code, refused) = admin.post("/tags", json!({"name": "x", "colour": "red"})).await;
    assert_eq!(code, 400, "{refused}");
    assert!(refused.to_string().contains("colour"), "{refused}");
    let boss = Portal::sign_in(&server, "admin@internal", &server.password("admin")).await;
    let form = [("name", "city"), ("description", ""), ("parent", lab.as_str())];
    let (code, page) = boss.post(&format!("/admin/tags/{city}/edit"), &form).await;
    assert_eq!(code, 200);
    assert!(page.contains("cannot lie below itself"), "{page}");
    let (_, again) = admin.get(&format!("/tags/{city}")).await;
    assert_eq!(again["parent"]["id"], "00000000-0000-0000-0000-000000000000");
}
