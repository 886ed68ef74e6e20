//! What the User Portal lets those do who may do more than use a VM: snapshots, and the CD in the drive.

use crate::api::{eventually, id_of};
use crate::chromium::Browser;
use crate::portal::Portal;
use crate::server::{Server, Start};
use serde_json::{Value, json};

const PASSWORD: &str = "Secret-4-Walk";

fn named(list: &Value, one: &str, name: &str) -> String {
    let all = list[one].as_array().unwrap();
    all.iter().find(|o| o["name"] == name || o["principal"] == name).map(id_of).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn snapshots_and_the_cd_for_those_who_may() {
    let server = Server::start(&Start { demo: true, ..Start::default() });
    let admin = server.admin();
    let boss = Portal::sign_in(&server, "admin@internal", &server.password("admin")).await;
    let vm = admin.small_vm("doras").await;
    let roles = admin.get("/roles").await.1;
    let iso = named(&admin.get("/disks").await.1, "disk", "demo.iso");
    let mut portals = Vec::new();
    for (user, role) in [("dora", "UserVmManager"), ("ulla", "UserRole")] {
        let form = [("user_name", user), ("password", PASSWORD), ("first_name", ""), ("last_name", ""), ("email", "")];
        assert_eq!(boss.post("/admin/users/new", &form).await.0, 303);
        let principal = named(&admin.get("/users").await.1, "user", user);
        for (role, kind, object) in [(role, "vm", &vm), ("DiskOperator", "disk", &iso)] {
            let role = named(&roles, "role", role);
            let grant = [("role", role.as_str()), ("principal", &principal), ("kind", kind), ("object", object)];
            assert_eq!(boss.post("/admin/permissions", &grant).await.0, 303);
        }
        portals.push(Portal::sign_in(&server, &format!("{user}@internal"), PASSWORD).await);
    }
    // Who only uses it is shown neither, and the commands say why not.
    let (dora, ulla) = (&portals[0], &portals[1]);
    let page = format!("/user/vms/{vm}");
    let (code, text) = ulla.get(&page).await;
    assert!(code == 200 && !text.contains("Snapshots") && !text.contains("/snapshots/"), "{text}");
    assert_eq!(ulla.post(&format!("{page}/snapshots/new"), &[("description", "x")]).await.0, 403);
    let (code, text) = dora.get(&page).await;
    assert!(code == 200 && text.contains("Snapshots"), "{code} {text}");

    let browser = Browser::start(&server).await;
    browser.sign_in("dora@internal", PASSWORD).await;
    browser.go(&page).await;
    browser.click(&format!("a[href='{page}/snapshots/new']")).await;
    browser.fill("[name=description]", "before the exam").await;
    browser.click("form button[type=submit].pf-m-primary").await;
    browser.arrives(&page).await;
    let end = std::time::Instant::now() + std::time::Duration::from_secs(60);
    while !browser.text("main").await.contains("before the exam") {
        assert!(std::time::Instant::now() < end, "the snapshot is not shown: {}", browser.text("main").await);
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    admin.nothing_is_locked().await;
    assert!(!browser.has("a[href^='/admin']").await, "nothing leads to a portal that is not hers");
    let wrong = browser.axe().await;
    assert!(wrong.is_empty(), "{wrong:#?}");
    browser.size(390, 844).await;
    let fits = browser.run("return document.documentElement.scrollWidth <= innerWidth").await;
    assert_eq!(fits, Value::Bool(true), "it fits a phone");
    browser.screenshot(&crate::browser::pictures().join("user-vm.png")).await;
    browser.go(&page).await;
    browser.click("a[href$='/remove']").await;
    browser.says("main", "before the exam").await;
    browser.click("form[action$='/remove'] button, form button.pf-m-primary").await;
    eventually("the snapshot is gone", || async {
        let (_, kept) = admin.get(&format!("/vms/{vm}/snapshots")).await;
        kept["snapshot"].as_array().is_some_and(|all| all.len() == 1)
    })
    .await;

    // The CD of a running VM.
    admin.nothing_is_locked().await;
    admin.act(&vm, "start").await;
    admin.wait_for(&vm, &["powering_up", "up"]).await;
    browser.go(&page).await;
    browser.fill("[name=cd]", "demo.iso").await;
    browser.click("form[action$='/cd'] button").await;
    browser.arrives(&page).await;
    let chosen = "return document.querySelector('[name=cd]').selectedOptions[0].textContent.trim()";
    assert_eq!(browser.run(chosen).await, json!("demo.iso"));
    // oVirt's UserRole changes CDs, too.
    assert_eq!(ulla.post(&format!("{page}/cd"), &[("cd", "")]).await.0, 303);
    browser.go(&page).await;
    assert_ne!(browser.run(chosen).await, json!("demo.iso"));
    straight_to_the_desktop(&browser, &vm).await;
    browser.quit().await;
}

/// Who wants to comes to his only desktop when he signs in, and gets back to the portal.
async fn straight_to_the_desktop(browser: &Browser, vm: &str) {
    browser.go("/user").await;
    browser.click("a[href='/user/preferences']").await;
    browser.click("#auto_connect").await;
    browser.click("#full_screen").await;
    assert!(browser.axe().await.is_empty(), "{:?}", browser.axe().await);
    browser.click("form button[type=submit].pf-m-primary").await;
    browser.arrives("/user").await;
    browser.click("form[action='/sign-out'] button").await;
    browser.arrives("/sign-in").await;
    browser.sign_in("dora@internal", PASSWORD).await;
    browser.arrives(&format!("/user/vms/{vm}/console")).await;
    browser.find("#console[data-ready][data-full]").await;
    browser.click("header a.pf-m-link").await;
    browser.arrives("/user/vms").await;
    browser.go("/user").await;
    browser.arrives("/user").await;
    browser.says("main", "doras").await;
}
