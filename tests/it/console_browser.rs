//! Consoles in a real Chromium: SPICE, the serial line, several people before one screen, an engine that comes back.

use crate::api::{Api, eventually, id_of};
use crate::browser::{changed, guest_is_there, mark, pictures, typing_changes_the_screen, was_not_reloaded};
use crate::chromium::Browser;
use crate::server::{Server, Start};
use serde_json::{Value, json};

/// What the pages' policy kept from happening since the page was loaded.
async fn nothing_was_blocked(browser: &Browser) {
    let script =
        "return performance.getEntriesByType('resource').filter((e) => e.responseStatus >= 400).map((e) => e.name)";
    assert_eq!(browser.run(script).await, Value::Array(Vec::new()), "every script is there");
}

/// A VM of the demo's template with the display of this name, made in the dialog.
async fn new_vm(browser: &Browser, admin: &Api, name: &str, display: &str) -> String {
    browser.go("/admin/vms/new").await;
    browser.fill("[name=template]", "demo-linux").await;
    browser.fill("[name=name]", name).await;
    browser.click("form [role=tab]:nth-of-type(3)").await;
    browser.fill("[name=display]", display).await;
    browser.click("form button[type=submit].pf-m-primary").await;
    let path = format!("/vms?search=name%3D{name}");
    eventually("the VM is made", || async { admin.get(&path).await.1["vm"].is_array() }).await;
    let id = id_of(&admin.get(&path).await.1["vm"][0]);
    admin.wait(&id, "down").await;
    admin.act(&id, "start").await;
    admin.wait_for(&id, &["powering_up", "up"]).await;
    id
}

#[tokio::test(flavor = "multi_thread")]
async fn spice_draws_types_and_restarts() {
    let server = Server::start(&Start { demo: true, without_iso: true, ..Start::default() });
    let admin = server.admin();
    let browser = Browser::start(&server).await;
    browser.sign_in("admin@internal", &server.password("admin")).await;
    let id = new_vm(&browser, &admin, "spicy", "SPICE").await;
    let (_, consoles) = admin.get(&format!("/vms/{id}/graphicsconsoles")).await;
    assert_eq!(consoles["graphics_console"][0]["protocol"], "spice");

    browser.go(&format!("/admin/vms/{id}/console")).await;
    guest_is_there(&browser, &admin, &id).await;
    nothing_was_blocked(&browser).await;
    typing_changes_the_screen(&browser, "hello from spice").await;
    // Typed faster than a keyboard takes it, and not a letter is lost: the guest tells its new name.
    browser.find("#screen canvas").await.send_keys("\nhostname every-letter-of-it-came\n").await.unwrap();
    eventually("the guest has its new name", || async {
        admin.get(&format!("/vms/{id}")).await.1["fqdn"] == "every-letter-of-it-came"
    })
    .await;
    browser.screenshot(&pictures().join("console-spice.png")).await;
    // The picture fills the window and keeps its shape.
    let shape = "const c = document.querySelector('#screen canvas'); \
        return [c.clientWidth <= innerWidth, Math.abs(c.clientWidth / c.clientHeight - c.width / c.height) < 0.01, \
        c.clientWidth > innerWidth * 0.9 || c.clientHeight > document.getElementById('screen').clientHeight * 0.9]";
    assert_eq!(browser.run(shape).await, json!([true, true, true]));
    let own = admin.get("/events?max=50").await.1.to_string();
    // Chromium cuts its connections when a network card comes, as a guest's does: then the page opens its console anew.
    let times = |what| own.matches(what).count();
    let opened = times("is connected to VM spicy") - times("disconnected from VM spicy");
    assert_eq!(opened, 1, "one console, however many connections: {own}");

    browser.click("#ctrl-alt-del").await;
    admin.wait(&id, "powering_up").await;
    guest_is_there(&browser, &admin, &id).await;
    changed(&browser).await;

    // A second window of the same person takes it over; the first does not fight for it.
    let portal = crate::portal::Portal::sign_in(&server, "admin@internal", &server.password("admin")).await;
    let (code, issued) = portal.post(&format!("/console/{id}/ticket"), &[]).await;
    assert_eq!(code, 200, "{issued}");
    let ticket = crate::portal::between(&issued, "\"ticket\":\"", "\"").unwrap();
    let taken = crate::consoles::open(&server, &id, &ticket, None).await.unwrap();
    browser.says("#console-state", "took this console over").await;
    drop(taken);
    browser.click("#again").await;
    guest_is_there(&browser, &admin, &id).await;
    typing_changes_the_screen(&browser, "back again").await;
    browser.quit().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_serial_line_takes_a_login_and_answers() {
    let server = Server::start(&Start { demo: true, without_iso: true, ..Start::default() });
    let admin = server.admin();
    let browser = Browser::start(&server).await;
    browser.sign_in("admin@internal", &server.password("admin")).await;
    let id = new_vm(&browser, &admin, "liney", "VNC").await;
    admin.wait(&id, "up").await;
    browser.go(&format!("/admin/vms/{id}")).await;
    let link = browser.find("a[href$='/serial']").await;
    assert_eq!(link.text().await.unwrap(), "Serial console");
    browser.go(&format!("/admin/vms/{id}/serial")).await;
    browser.find("#console[data-ready]").await;
    for (typed, answer) in [("\n", "login:"), ("root\n", "#"), ("echo answer-$((40 + 2))\n", "answer-42")] {
        browser.find("#screen textarea").await.send_keys(typed).await.unwrap();
        browser.says("#screen .xterm-rows", answer).await;
    }
    nothing_was_blocked(&browser).await;
    let styled = "return getComputedStyle(document.querySelector('#screen .xterm-rows')).fontFamily";
    assert!(browser.run(styled).await.as_str().unwrap().contains("monospace"), "the package's styles hold");
    browser.screenshot(&pictures().join("console-serial.png")).await;
    let wrong = browser.axe().await;
    assert!(wrong.is_empty(), "{wrong:#?}");
    browser.quit().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_people_before_one_screen_and_an_engine_that_comes_back() {
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let start = Start { demo: true, without_iso: true, port: Some(port), ..Start::default() };
    let server = Server::start(&start);
    let admin = server.admin();
    let (hers, his) = (Browser::start(&server).await, Browser::start(&server).await);
    hers.sign_in("alice@internal", &server.password("alice")).await;
    hers.click("article[data-pool] button").await;
    hers.arrives("/console").await;
    let vm = id_of(&server.alice().get("/vms").await.1["vm"][0]);
    guest_is_there(&hers, &admin, &vm).await;

    // He is asked, and looks on.
    his.sign_in("admin@internal", &server.password("admin")).await;
    his.go(&format!("/admin/vms/{vm}")).await;
    his.says("[data-watcher]", "alice@internal").await;
    his.go(&format!("/admin/vms/{vm}/console")).await;
    his.says("#console-asked", "alice@internal has the console").await;
    assert!(his.axe().await.is_empty(), "{:?}", his.axe().await);
    his.click("#console-question:not([hidden]) [data-manner=together]").await;
    guest_is_there(&his, &admin, &vm).await;
    hers.says("#console-others", "admin@internal").await;
    his.says("#console-others", "alice@internal").await;
    changed(&his).await;
    typing_changes_the_screen(&hers, "we both see it").await;
    assert!(changed(&his).await > 50, "he sees what she types");

    // He takes it over: hers ends and does not come back by itself.
    his.go(&format!("/admin/vms/{vm}/console")).await;
    his.click("#console-question:not([hidden]) [data-manner=take_over]").await;
    his.find("#console[data-ready]").await;
    hers.says("#console-state", "took this console over").await;
    hers.click("#again").await;
    hers.says("#console-state", "no permission to take consoles over").await;

    hers.quit().await;

    // The engine dies and comes back: the console draws again, without a reload.
    guest_is_there(&his, &admin, &vm).await;
    mark(&his).await;
    let data = server.kill();
    his.says("#console-state", "trying again in").await;
    assert!(!his.has("#console[data-ready]").await);
    let server = Server::spawn(data, &start).ready();
    let admin = server.admin();
    his.find("#console[data-ready]").await;
    guest_is_there(&his, &admin, &vm).await;
    typing_changes_the_screen(&his, "here again").await;
    was_not_reloaded(&his).await;
    his.quit().await;
}

/// The demo's guest has no SPICE agent: its part is played here, by the messages of vd_agent.h.
const AGENT: &str = r#"
const done = arguments[arguments.length - 1];
const root = document.querySelector('script[src*="/static/"]').src.match(/.*\/static\/[^/]+\//)[0];
const { clipboard } = await import(`${root}console/spice-clipboard.js`);
const { Constants: C } = await import(`${root}@spice-project/spice-html5/src/enums.js`);
const sent = [];
const main = {
  agent_connected: true,
  send_agent_message(type, data) {
    const bytes = new ArrayBuffer(data.buffer_size());
    data.to_buffer(bytes, 0);
    sent.push([type, ...new Uint8Array(bytes)]);
  },
  process_channel_message: () => 'usual',
};
const shared = clipboard(main);
const says = (type, bytes, pieces = 1) => {
  const whole = new Uint8Array(20 + bytes.length);
  const view = new DataView(whole.buffer);
  view.setUint32(0, 1, true); view.setUint32(4, type, true); view.setUint32(16, bytes.length, true);
  whole.set(bytes, 20);
  const size = Math.ceil(whole.length / pieces);
  for (let at = 0; at < whole.length; at += size) {
    main.process_channel_message({ type: C.SPICE_MSG_MAIN_AGENT_DATA, data: whole.slice(at, at + size).buffer });
  }
  return new Promise((later) => setTimeout(later, 100));
};
await navigator.clipboard.writeText('aé');
await shared.offer();
await shared.offer();
await says(C.VD_AGENT_CLIPBOARD_REQUEST, [1, 0, 0, 0]);
await says(C.VD_AGENT_CLIPBOARD_GRAB, [1, 0, 0, 0]);
await says(C.VD_AGENT_CLIPBOARD, [1, 0, 0, 0, ...new TextEncoder().encode('out of the guest')], 2);
main.announce_agent_capabilities(1);
const other = main.process_channel_message({ type: C.SPICE_MSG_MAIN_NAME });
done([sent, await navigator.clipboard.readText(), other]);
"#;

#[tokio::test(flavor = "multi_thread")]
async fn spice_and_the_browser_have_one_clipboard() {
    let server = Server::start(&Start::default());
    let browser = Browser::start(&server).await;
    browser.sign_in("admin@internal", &server.password("admin")).await;
    browser.arrives("/admin").await;
    let cdp = browser.driver.cdp();
    let allowed = json!({"origin": browser.url, "permissions": ["clipboardReadWrite", "clipboardSanitizedWrite"]});
    cdp.send_raw("Browser.grantPermissions", allowed).await.unwrap();
    cdp.send_raw("Emulation.setFocusEmulationEnabled", json!({"enabled": true})).await.unwrap();
    let script = AGENT.replacen("const done", "(async () => { const done", 1) + "})()";
    let script = script.replace("arguments[arguments.length - 1]", "given");
    let heard =
        browser.driver.execute_async(format!("const given = arguments[arguments.length - 1]; {script}"), vec![]);
    let heard: Value = heard.await.unwrap().json().clone();
    let expected = json!([
        // Grab once, the text that is asked for, the question for the guest's, what we can: pointer, monitors, replies, texts by demand.
        [[7, 1, 0, 0, 0], [4, 1, 0, 0, 0, 97, 0xc3, 0xa9], [8, 1, 0, 0, 0], [6, 1, 0, 0, 0, 0b10_0111, 0, 0, 0]],
        "out of the guest",
        "usual"
    ]);
    assert_eq!(heard, expected);
    browser.quit().await;
}
