//! Hosts and migration in a browser, by oVirt's own SDK, and a screen that stays while its guest moves.

use crate::browser::{guest_is_there, mark, typing_changes_the_screen, was_not_reloaded};
use crate::chromium::Browser;
use crate::lab::Lab;
use std::process::Stdio;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader};

async fn running(lab: &Lab, name: &str) -> String {
    let vm = lab.demo_vm(name).await;
    lab.admin.act(&vm, "start").await;
    lab.admin.wait(&vm, "up").await;
    vm
}

async fn boss(lab: &Lab) -> Browser {
    let browser = Browser::start(&lab.server).await;
    browser.sign_in("admin@internal", &lab.server.password("admin")).await;
    browser
}

/// Readable for all, wide and narrow, light and dark.
pub async fn looks(browser: &Browser, what: &str) {
    for (dark, width, height) in [(false, 1440, 900), (true, 390, 844), (false, 390, 844), (true, 1440, 900)] {
        browser.size(width, height).await;
        browser.dark(dark).await;
        assert_eq!(browser.axe().await, Vec::<String>::new(), "{what}, {width} px, dark: {dark}");
        let wide = browser.run("return document.documentElement.scrollWidth - innerWidth").await;
        assert!(wide.as_i64().unwrap_or_default() <= 0, "{what}: {wide} px too wide at {width}");
    }
    browser.dark(false).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_screen_stays_while_its_guest_moves_browser() {
    let lab = Lab::with_hosts(2).await;
    let vm = running(&lab, "seen").await;
    let browser = boss(&lab).await;
    browser.go(&format!("/admin/vms/{vm}/console")).await;
    guest_is_there(&browser, &lab.admin, &vm).await;
    typing_changes_the_screen(&browser, "before it moves").await;
    mark(&browser).await;
    let first = lab.whereabouts(&vm).await.unwrap();
    for round in 0..2 {
        lab.admin.act(&vm, "migrate").await;
        lab.admin.wait(&vm, "up").await;
        let target = if round == 0 { 1 - first } else { first };
        assert_eq!((lab.whereabouts(&vm).await, lab.really_on(&vm)), (Some(target), vec![target]));
        // Its old display is gone with the old QEMU: what is drawn now comes from the new host.
        browser.find("#console[data-ready]").await;
        guest_is_there(&browser, &lab.admin, &vm).await;
        typing_changes_the_screen(&browser, "after it moved").await;
        was_not_reloaded(&browser).await;
    }
    browser.quit().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn hosts_are_looked_at_emptied_and_guests_moved_browser() {
    let lab = Lab::with_hosts(2).await;
    let (one, two) = (running(&lab, "one").await, running(&lab, "two").await);
    let down = lab.demo_vm("resting").await;
    let browser = boss(&lab).await;
    browser.go("/admin/hosts").await;
    browser.says("main", "host2").await;
    looks(&browser, "hosts").await;
    browser.go(&format!("/admin/hosts/{}", lab.hosts[0].id)).await;
    looks(&browser, "a host").await;

    // By the dialog of one: what is wrong stands at its field, and what was typed is kept.
    let first = lab.whereabouts(&one).await.unwrap();
    browser.go(&format!("/admin/vms/{one}")).await;
    browser.click("a[href$='/migrate']").await;
    browser.says("[data-explained]", "host1").await;
    looks(&browser, "migrate").await;
    browser.fill("#bandwidth", "999999999").await;
    browser.click("button[value=submit]").await;
    browser.says("#bandwidth-help", "between 1 and").await;
    browser.fill("#bandwidth", "").await;
    browser.fill("#to", &lab.hosts[1 - first].name).await;
    browser.click("button[value=submit]").await;
    browser.arrives(&format!("/admin/vms/{one}")).await;
    lab.admin.wait(&one, "up").await;
    assert_eq!(lab.whereabouts(&one).await, Some(1 - first));

    // Several from the list, to one host: who is there already, or does not run, is named with the reason.
    let target = 1 - lab.whereabouts(&two).await.unwrap();
    browser.go("/admin/vms").await;
    for vm in [&one, &two, &down] {
        browser.click(&format!("input[name=pick][value='{vm}']")).await;
    }
    browser.click("button[name=action][value=migrate]").await;
    browser.says("main", "Left out").await;
    browser.says("main", "resting").await;
    looks(&browser, "migrate several").await;
    browser.fill("#bandwidth", "0").await;
    browser.fill("#to", &lab.hosts[target].name).await;
    browser.click("button[value=submit]").await;
    lab.admin.wait(&two, "up").await;
    let refused = browser.text("main").await;
    assert!(lab.whereabouts(&two).await != Some(target) && refused.contains("between 1 and"), "{refused}");
    browser.go("/admin/vms").await;
    for vm in [&one, &two] {
        browser.click(&format!("input[name=pick][value='{vm}']")).await;
    }
    browser.click("button[name=action][value=migrate]").await;
    browser.fill("#to", &lab.hosts[target].name).await;
    browser.click("button[value=submit]").await;
    crate::api::eventually("both are there", || async {
        lab.whereabouts(&one).await == Some(target) && lab.whereabouts(&two).await == Some(target)
    })
    .await;
    for vm in [&one, &two] {
        lab.admin.wait(vm, "up").await;
    }

    // A host is emptied, once who did that has seen who goes where.
    let host = format!("/admin/hosts/{}", lab.hosts[target].id);
    browser.go(&host).await;
    browser.click("a[href$='/deactivate']").await;
    browser.says("main table", &lab.hosts[1 - target].name).await;
    looks(&browser, "maintenance").await;
    browser.click("form[action$='/deactivate'] button").await;
    lab.wait_for_host(target, "maintenance").await;
    for vm in [&one, &two] {
        lab.admin.wait(vm, "up").await;
        assert_eq!(lab.whereabouts(vm).await, Some(1 - target));
    }
    browser.go(&format!("/admin/vms/{one}/migrate")).await;
    browser.says("main", "No other host can take it").await;
    browser.says("[data-explained]", "Maintenance").await;
    looks(&browser, "nowhere to go").await;
    browser.go(&host).await;
    browser.click("form[action$='/activate'] button").await;
    lab.wait_for_host(target, "up").await;
    browser.quit().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn ovirts_own_sdk_moves_guests_and_empties_hosts() {
    let mut lab = Lab::with_hosts(2).await;
    let vm = running(&lab, "wanderer").await;
    let python = std::env::var("VIREO_TEST_PYTHON").expect("VIREO_TEST_PYTHON is set by make test");
    let mut script = tokio::process::Command::new(python);
    script.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/sdk/hosts.py"));
    script.args([format!("{}/ovirt-engine/api", lab.server.url), lab.server.password("admin"), vm]);
    let mut child = script.stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let joins = lines.next_line().await.unwrap().unwrap_or_default();
    let mut host = lab.plug_in();
    host.join(&joins);
    lab.hosts.push(host);
    let mut said = String::new();
    while let Some(line) = lines.next_line().await.unwrap() {
        said.push_str(&line);
    }
    child.stderr.take().unwrap().read_to_string(&mut said).await.unwrap();
    let done = child.wait().await.unwrap();
    assert!(done.success() && said.contains("content"), "{said} {:?}", lab.admin.messages().await);
}
