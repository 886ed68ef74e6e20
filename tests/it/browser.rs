//! What people do with the portals, in a real Chromium, down to the guest's screen.

use crate::api::{Api, id_of};
use crate::chromium::Browser;
use crate::server::{Server, Start};
use serde_json::Value;
use std::path::Path;
use std::time::{Duration, Instant};

pub fn pictures() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("target/pictures")
}

/// The state that the page shows, without a reload, until it is this one; returns all that it showed.
async fn shows(browser: &Browser, state: &str) -> Vec<String> {
    let end = Instant::now() + Duration::from_secs(90);
    let mut seen: Vec<String> = Vec::new();
    while Instant::now() < end {
        let script = "const at = document.querySelector('main [data-status]'); return at ? at.dataset.status : ''";
        let now = browser.run(script).await.as_str().unwrap_or_default().to_owned();
        if seen.last() != Some(&now) {
            seen.push(now.clone());
        }
        if now == state {
            return seen;
        }
        if browser.gave_up().await {
            // What was clicked has reached the engine; the page that came back has not reached the browser.
            let path = browser.path().await;
            browser.go(&path.split('/').take(4).collect::<Vec<_>>().join("/")).await;
        }
        tokio::time::sleep(Duration::from_millis(30)).await;
    }
    panic!("the page never showed {state}, but {seen:?}: {}", browser.text("main").await);
}

/// Whether the page was loaded anew since it was marked.
pub async fn mark(browser: &Browser) {
    browser.run("window.marked = true").await;
}

async fn is_loaded_anew(browser: &Browser) {
    let end = Instant::now() + Duration::from_secs(30);
    while browser.run("return window.marked === true || document.readyState !== 'complete'").await == Value::Bool(true)
    {
        assert!(Instant::now() < end, "the page was not loaded anew");
        tokio::time::sleep(Duration::from_millis(30)).await;
    }
}

pub async fn was_not_reloaded(browser: &Browser) {
    assert_eq!(browser.run("return window.marked === true").await, Value::Bool(true), "the page was reloaded");
}

/// How many pixels of the shell's part of the guest's screen (text mode: 25 rows of 16 pixels; name, address and a running clock are
/// above row 7) differ from the last call.
pub async fn changed(browser: &Browser) -> u64 {
    let script = "const canvas = document.querySelector('#screen canvas'); const top = 6 * 16; \
        if (!canvas || canvas.height <= top) return 1000000; \
        const now = canvas.getContext('2d').getImageData(0, top, canvas.width, canvas.height - top).data; \
        const before = window.before ?? []; window.before = now; \
        if (before.length !== now.length) return 1000000; \
        let n = 0; for (let i = 0; i < now.length; i += 4) if (now[i] !== before[i] || now[i + 1] !== before[i + 1]) n++; \
        return n";
    browser.run(script).await.as_u64().unwrap()
}

/// In a console: connected to the guest, which has come up and waits for keys. (Only its cursor blinks.)
pub async fn guest_is_there(browser: &Browser, admin: &Api, id: &str) {
    browser.find("#console[data-ready]").await;
    admin.wait(id, "up").await;
    let end = Instant::now() + Duration::from_secs(60);
    let mut still = 0;
    while still < 8 {
        assert!(Instant::now() < end, "the guest's screen never stands still");
        tokio::time::sleep(Duration::from_millis(250)).await;
        still = if changed(browser).await < 64 { still + 1 } else { 0 };
    }
}

pub async fn typing_changes_the_screen(browser: &Browser, text: &str) {
    changed(browser).await;
    browser.click("#screen canvas").await;
    browser.find("#screen canvas").await.send_keys(text).await.unwrap();
    let (end, mut total) = (Instant::now() + Duration::from_secs(10), 0);
    // One letter has two dozen pixels.
    while total < 20 * text.len() as u64 {
        assert!(Instant::now() < end, "typing changed {total} pixels only");
        tokio::time::sleep(Duration::from_millis(200)).await;
        total += changed(browser).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_administrator_and_his_vm() {
    let server = Server::start(&Start { demo: true, ..Start::default() });
    let admin = server.admin();
    let browser = Browser::start(&server).await;
    browser.sign_in("admin@internal", &server.password("admin")).await;
    browser.arrives("/admin").await;

    // New VM, from the template.
    browser.go("/admin/vms/new").await;
    browser.fill("[name=template]", "demo-linux").await;
    browser.fill("[name=name]", "first").await;
    browser.click("form button[type=submit].pf-m-primary").await;
    let end = Instant::now() + Duration::from_secs(20);
    while admin.get("/vms?search=name%3Dfirst").await.1["vm"].as_array().is_none_or(Vec::is_empty) {
        assert!(Instant::now() < end, "no VM was made: {}", browser.text("main").await);
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let id = id_of(&admin.get("/vms?search=name%3Dfirst").await.1["vm"][0]);
    admin.wait(&id, "down").await;

    // Started, it comes up on the page without a reload.
    let page = format!("/admin/vms/{id}");
    browser.go(&page).await;
    mark(&browser).await;
    browser.click("form[action$='/start'] button").await;
    // It comes back to the address it left from.
    is_loaded_anew(&browser).await;
    mark(&browser).await;
    let seen = shows(&browser, "up").await;
    assert!(seen.iter().any(|s| s == "powering_up"), "{seen:?}");
    let end = Instant::now() + Duration::from_secs(30);
    while !browser.text("main").await.contains("192.168.") {
        assert!(Instant::now() < end, "the guest's address is not shown: {}", browser.text("main").await);
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    was_not_reloaded(&browser).await;

    console_of_the_administrator(&browser, &admin, &id).await;
    states_on_the_page(&browser, &admin, &id).await;

    // Edited and removed.
    browser.go(&format!("{page}/edit")).await;
    browser.fill("[name=description]", "changed in the browser").await;
    browser.click("form button[type=submit].pf-m-primary").await;
    browser.arrives(&page).await;
    browser.says("main", "changed in the browser").await;
    browser.go(&format!("{page}/remove")).await;
    let warning = browser.text("main").await;
    assert!(warning.contains("first") && warning.contains("first_Disk1"), "what will be lost is named: {warning}");
    browser.click("form[action$='/remove'] button").await;
    admin.wait(&id, "404").await;

    a_vm_that_boots_from_a_cd(&browser, &admin).await;
    browser.quit().await;
}

/// Blank, with a disk of its own, and a CD to boot from.
async fn a_vm_that_boots_from_a_cd(browser: &Browser, admin: &Api) {
    browser.go("/admin/vms/new").await;
    browser.fill("[name=template]", "Blank").await;
    // A mistake first: what was typed stays, and the field says what is wrong.
    browser.fill("[name=name]", "from cd").await;
    browser.fill("[name=disk]", "1").await;
    browser.click("form button[type=submit].pf-m-primary").await;
    browser.find("[name=name][aria-invalid=true]").await;
    assert_eq!(browser.run("return document.querySelector('[name=disk]').value").await, Value::from("1"));
    browser.fill("[name=name]", "from-cd").await;
    browser.click("form [role=tab]:nth-of-type(2)").await;
    browser.fill("[name=memory]", "256").await;
    browser.click("form [role=tab]:nth-of-type(4)").await;
    browser.fill("[name=boot]", "CD").await;
    browser.fill("[name=cd]", "demo.iso").await;
    browser.click("form button[type=submit].pf-m-primary").await;
    let end = Instant::now() + Duration::from_secs(20);
    let found =
        || async { admin.get("/vms?search=name%3Dfrom-cd").await.1["vm"].as_array().cloned().unwrap_or_default() };
    while found().await.is_empty() {
        assert!(Instant::now() < end, "no VM was made: {}", browser.text("main").await);
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let id = id_of(&found().await[0]);
    admin.wait(&id, "down").await;
    admin.act(&id, "start").await;
    // Its guest agent is on the CD: up means that the CD was booted.
    admin.wait(&id, "up").await;
    let (_, disks) = admin.get(&format!("/vms/{id}/diskattachments")).await;
    assert_eq!(disks["disk_attachment"].as_array().unwrap().len(), 1);
    crate::api::eventually("the guest tells its name", || async {
        admin.get(&format!("/vms/{id}")).await.1["fqdn"].as_str().is_some_and(|n| !n.is_empty())
    })
    .await;
}

async fn console_of_the_administrator(browser: &Browser, admin: &Api, id: &str) {
    browser.go(&format!("/admin/vms/{id}/console")).await;
    guest_is_there(browser, admin, id).await;
    typing_changes_the_screen(browser, "hello from the browser").await;
    browser.click("#full").await;
    let end = Instant::now() + Duration::from_secs(5);
    while browser.run("return document.fullscreenElement !== null").await != Value::Bool(true) {
        assert!(Instant::now() < end, "no full screen");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    browser.run("document.exitFullscreen()").await;
    browser.click("#ctrl-alt-del").await;
    // The guest restarts: it is not up for a while.
    admin.wait(id, "powering_up").await;
    guest_is_there(browser, admin, id).await;
}

/// Suspend, resume, reboot, shut down, power off: by the page's buttons.
async fn states_on_the_page(browser: &Browser, admin: &Api, id: &str) {
    let page = format!("/admin/vms/{id}");
    browser.go(&page).await;
    for (action, state) in [
        ("suspend", "suspended"),
        ("start", "up"),
        ("reboot", "powering_up"),
        ("", "up"),
        ("shutdown", "down"),
        ("start", "powering_up"),
    ] {
        if !action.is_empty() {
            admin.nothing_is_locked().await;
            browser.click(&format!("form[action$='/{action}'] button")).await;
        }
        shows(browser, state).await;
    }
    admin.nothing_is_locked().await;
    browser.click("a[href$='/confirm/stop']").await;
    browser.says("main", "first").await;
    browser.click("main form button.pf-m-danger").await;
    admin.wait(id, "down").await;
}

/// The picture is live: it has come, and what is the same is not sent again.
async fn its_screen_is_on_its_card(browser: &Browser) {
    let colours = "const c = document.querySelector('article[data-vm] canvas[data-screen]'); \
        const all = c.getContext('2d').getImageData(0, 0, c.width, c.height).data; \
        return c.width > 300 ? new Set(new Uint32Array(all.buffer)).size : 0;";
    let end = Instant::now() + Duration::from_secs(20);
    while browser.run(colours).await.as_u64().unwrap_or(0) < 2 {
        assert!(Instant::now() < end, "no picture of the screen came");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    browser.screenshot(&pictures().join("user-portal-screens.png")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn alice_takes_a_desktop_and_gives_it_back() {
    let server = Server::start(&Start { demo: true, ..Start::default() });
    let browser = Browser::start(&server).await;
    browser.sign_in("alice@internal", &server.password("alice")).await;
    browser.arrives("/user").await;
    browser.screenshot(&pictures().join("user-portal.png")).await;
    browser.click("article[data-pool] button").await;
    browser.arrives("/console").await;
    let hers = id_of(&server.alice().get("/vms").await.1["vm"][0]);
    guest_is_there(&browser, &server.admin(), &hers).await;
    typing_changes_the_screen(&browser, "my own desktop").await;
    browser.screenshot(&pictures().join("console.png")).await;

    // What is not hers is not there, whatever she types into the address bar.
    let (_, all) = server.admin().get("/vms?search=pool%3Ddesktops").await;
    let other = all["vm"].as_array().unwrap().iter().map(id_of).find(|id| *id != hers).unwrap();
    for (path, code) in [
        ("/admin".to_owned(), 403),
        ("/admin/vms".to_owned(), 403),
        (format!("/admin/vms/{hers}"), 403),
        (format!("/user/vms/{other}"), 404),
        (format!("/user/vms/{other}/console"), 404),
        ("/nothing".to_owned(), 404),
    ] {
        browser.go(&path).await;
        let status = browser.run("return performance.getEntriesByType('navigation')[0].responseStatus").await;
        assert_eq!(status, Value::from(code), "{path}: {}", browser.text("body").await);
    }

    browser.go("/user").await;
    its_screen_is_on_its_card(&browser).await;
    mark(&browser).await;
    browser.click("article[data-vm] a[href$='/confirm/shutdown']").await;
    let warning = browser.text("main").await;
    assert!(warning.contains("thrown away"), "what is lost is said: {warning}");
    browser.click("main form button.pf-m-danger").await;
    browser.go("/user").await;
    mark(&browser).await;
    let end = Instant::now() + Duration::from_secs(60);
    while browser.has("article[data-vm]").await {
        assert!(Instant::now() < end, "the desktop is still hers");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    was_not_reloaded(&browser).await;
    browser.quit().await;
}

/// Pages that everybody must be able to use.
const PAGES: &[&str] = &[
    "/admin",
    "/admin/data_centers",
    "/admin/clusters",
    "/admin/hosts",
    "/admin/domains",
    "/admin/networks",
    "/admin/profiles",
    "/admin/mac_pools",
    "/admin/instance_types",
    "/admin/instance_types/new",
    "/admin/quotas",
    "/admin/quotas/new",
    "/admin/vms",
    "/admin/vms?search=status%3Dup",
    "/admin/vms?search=%3D%3D",
    "/admin/vms/new",
    "/admin/templates",
    "/admin/pools",
    "/admin/pools/new",
    "/admin/disks",
    "/admin/disks/upload",
    "/admin/users",
    "/admin/users/new",
    "/admin/roles",
    "/admin/events",
    "/admin/jobs",
    "/admin/sessions",
    "/admin/settings",
    "/security",
    "/user",
    "/user/class",
    "/user/preferences",
    "/nothing",
];

#[tokio::test(flavor = "multi_thread")]
async fn every_page_is_accessible_in_light_and_dark_large_and_small() {
    let server = Server::start(&Start { demo: true, ..Start::default() });
    let admin = server.admin();
    let mut pages: Vec<String> = PAGES.iter().map(|p| (*p).to_owned()).collect();
    for (noun, one, page) in [
        ("vms", "vm", "vms"),
        ("vmpools", "vm_pool", "pools"),
        ("templates", "template", "templates"),
        ("hosts", "host", "hosts"),
        ("disks", "disk", "disks"),
        ("users", "user", "users"),
        ("roles", "role", "roles"),
        ("clusters", "cluster", "clusters"),
        ("datacenters", "data_center", "data_centers"),
        ("storagedomains", "storage_domain", "domains"),
        ("networks", "network", "networks"),
        ("jobs", "job", "jobs"),
        ("events", "event", "events"),
    ] {
        let id = id_of(&admin.get(&format!("/{noun}")).await.1[one][0]);
        pages.push(format!("/admin/{page}/{id}"));
        if ["vms", "pools", "disks", "users"].contains(&page) {
            pages.push(format!("/admin/{page}/{id}/remove"));
        }
        if page == "vms" {
            pages.extend(
                ["edit", "console", "first_run", "run_once", "copy?what=template"]
                    .map(|p| format!("/admin/vms/{id}/{p}")),
            );
        }
        if page == "pools" {
            let vm = id_of(&admin.get("/vms?search=pool%3Ddesktops").await.1["vm"][0]);
            pages.extend([format!("/admin/pools/{id}/edit"), format!("/admin/pools/{id}/vms/{vm}/detach")]);
        }
    }
    let browser = Browser::start(&server).await;
    let mut wrong = Vec::new();
    let mut look = async |page: &str, language: &str| {
        for (dark, width, height) in [(false, 1440, 900), (true, 390, 844)] {
            browser.size(width, height).await;
            browser.dark(dark).await;
            browser.go(page).await;
            wrong.extend(browser.axe().await.into_iter().map(|v| format!("{language} {page} {width} px: {v}")));
            let overflow = browser.run("return document.documentElement.scrollWidth - innerWidth").await;
            if overflow.as_i64().unwrap_or(0) > 0 {
                wrong.push(format!("{language} {page}: {overflow} px wider than a window of {width} px"));
            }
            let narrow = "return [...document.querySelectorAll('main select, main input:not([type=checkbox]):not([type=radio])')] \
                .filter((e) => e.offsetParent && e.offsetWidth < 60).map((e) => e.name)";
            let narrow = browser.run(narrow).await;
            if narrow != Value::Array(Vec::new()) {
                wrong.push(format!("{language} {page} {width} px: too narrow: {narrow}"));
            }
            let name = page.trim_matches('/').replace(['/', '?', '=', '%'], "-");
            if page.len() < 30 {
                browser.screenshot(&pictures().join(format!("{language}-{name}-{width}.png"))).await;
            }
        }
    };
    look("/sign-in", "en").await;
    browser.size(1440, 900).await;
    browser.sign_in("admin@internal", &server.password("admin")).await;
    for page in &pages {
        look(page, "en").await;
    }
    browser.go("/language?to=zh-CN&then=/admin").await;
    for page in ["/admin", "/admin/vms", "/admin/vms/new", "/admin/hosts", "/user"] {
        look(page, "zh-CN").await;
        let text = browser.text("main").await;
        assert!(text.chars().any(|c| ('\u{4e00}'..'\u{9fff}').contains(&c)), "{page} is in Chinese: {text}");
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    browser.quit().await;
}
