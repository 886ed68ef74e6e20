//! Who may make and change VMs does so in the User Portal, and chooses how his screen comes to him.

use crate::api::{Api, id_of};
use crate::browser::pictures;
use crate::chromium::Browser;
use crate::portal::Portal;
use crate::server::{Server, Start};
use serde_json::{Value, json};

const PASSWORD: &str = "Secret-4-Walk";

fn named(list: &Value, one: &str, name: &str) -> String {
    let all = list[one].as_array().unwrap();
    all.iter().find(|o| o["name"] == name || o["principal"] == name).map(id_of).unwrap()
}

async fn person(server: &Server, admin: &Api, boss: &Portal, name: &str, grant: Option<(&str, &str, &str)>) -> Portal {
    let form = [("user_name", name), ("password", PASSWORD), ("first_name", ""), ("last_name", ""), ("email", "")];
    assert_eq!(boss.post("/admin/users/new", &form).await.0, 303);
    let principal = named(&admin.get("/users").await.1, "user", name);
    if let Some((role, kind, object)) = grant {
        let role = named(&admin.get("/roles").await.1, "role", role);
        let grant = [("role", role.as_str()), ("principal", &principal), ("kind", kind), ("object", object)];
        assert_eq!(boss.post("/admin/permissions", &grant).await.0, 303);
    }
    Portal::sign_in(server, &format!("{name}@internal"), PASSWORD).await
}

/// The console comes up with this driver.
async fn opens(browser: &Browser, path: &str, kind: &str) {
    browser.go(path).await;
    let end = std::time::Instant::now() + std::time::Duration::from_secs(60);
    while !browser.has("#console[data-ready]").await {
        assert!(std::time::Instant::now() < end, "{path}: {}", browser.text("#console-state").await);
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    assert!(browser.has(&format!("#console[data-kind={kind}]")).await, "{path} is no {kind}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_power_user_makes_changes_and_looks_at_a_vm() {
    let server = Server::start(&Start { demo: true, without_iso: true, ..Start::default() });
    let admin = server.admin();
    let boss = Portal::sign_in(&server, "admin@internal", &server.password("admin")).await;
    let center = named(&admin.get("/datacenters").await.1, "data_center", "Default");
    let pia = person(&server, &admin, &boss, "pia", Some(("PowerUserRole", "data_center", &center))).await;
    let template = named(&admin.get("/templates").await.1, "template", "demo-linux");

    // Who may make none is not shown a form.
    let tim = person(&server, &admin, &boss, "tim", None).await;
    assert!(!tim.get("/user").await.1.contains("/user/vms/new"));
    let (code, shown) = tim.get("/user/vms/new").await;
    assert!(code == 403 && shown.contains("tim@internal may not"), "{code} {shown}");
    // Made from a template; what is wrong is said beside the field.
    assert!(pia.get("/user").await.1.contains("href=\"/user/vms/new\""));
    let form = [("template", template.as_str()), ("name", "a b"), ("memory", "lots")];
    let (code, shown) = pia.post("/user/vms/new", &form).await;
    assert!(code == 200 && shown.contains("value=\"a b\"") && shown.contains("is not a number"), "{code} {shown}");
    let form = [("template", template.as_str()), ("name", "mine"), ("description", "for the exam"), ("memory", "")];
    assert_eq!(pia.post("/user/vms/new", &form).await.0, 303);
    let vm = id_of(&admin.get("/vms?search=name%3Dmine").await.1["vm"][0]);
    admin.wait(&vm, "down").await;
    let page = format!("/user/vms/{vm}");
    let (_, shown) = pia.get(&page).await;
    assert!(shown.contains(&format!("href=\"{page}/edit\"")) && shown.contains("for the exam"), "{shown}");
    let form = [
        ("name", "mine"),
        ("description", "smaller"),
        ("memory", "384"),
        ("sockets", "1"),
        ("cores", "2"),
        ("threads", "99"),
    ];
    let (code, shown) = pia.post(&format!("{page}/edit"), &form).await;
    assert!(code == 200 && shown.contains("between 1 and 8") && shown.contains("value=\"99\""), "{code} {shown}");
    let form = [
        ("name", "mine"),
        ("description", "smaller"),
        ("memory", "384"),
        ("sockets", "1"),
        ("cores", "2"),
        ("threads", "1"),
    ];
    assert_eq!(pia.post(&format!("{page}/edit"), &form).await.0, 303);
    let (_, view) = admin.get(&format!("/vms/{vm}")).await;
    assert!(view["description"] == "smaller" && view["cpu"]["topology"]["cores"] == "2", "{view}");
    assert_eq!(view["memory"], 384u64 << 20, "{view}");

    // Who only uses one neither makes nor changes any.
    let ulla = person(&server, &admin, &boss, "ulla", Some(("UserRole", "vm", &vm))).await;
    assert!(!ulla.get("/user").await.1.contains("/user/vms/new"));
    assert!(!ulla.get(&page).await.1.contains("/edit"));
    assert_eq!(ulla.post(&format!("{page}/edit"), &form).await.0, 403);
    let form = [("template", template.as_str()), ("name", "hers")];
    let (code, shown) = ulla.post("/user/vms/new", &form).await;
    assert!(code != 303 && admin.get("/vms?search=name%3Dhers").await.1["vm"].is_null(), "{code} {shown}");

    // Both ways to a screen, one of them preferred; no serial line.
    let consoles = format!("/vms/{vm}/graphicsconsoles");
    let (code, added) = admin.post(&consoles, json!({"protocol": "spice"})).await;
    assert!(code == 201 && added["protocol"] == "spice", "{code} {added}");
    let (code, view) =
        admin.put(&format!("/vms/{vm}"), json!({"display": {"type": "spice"}, "console": {"enabled": false}})).await;
    assert!(code == 200 && view["display"]["type"] == "spice", "{view}");
    let (_, both) = admin.get(&consoles).await;
    assert_eq!(both["graphics_console"].as_array().map(Vec::len), Some(2), "{both}");
    admin.act(&vm, "start").await;
    admin.wait(&vm, "up").await;
    let (_, shown) = pia.get("/user").await;
    for protocol in ["vnc", "spice"] {
        assert!(shown.contains(&format!("{page}/console?protocol={protocol}")), "{shown}");
    }
    assert!(!shown.contains(&format!("{page}/serial")), "the serial line is off");
    let (_, boss_sees) = boss.get(&format!("/admin/vms/{vm}")).await;
    assert!(!boss_sees.contains(&format!("/admin/vms/{vm}/serial")), "{boss_sees}");
    let (code, refused) = pia.post(&format!("/console/{vm}/ticket"), &[("of", "serial")]).await;
    assert!(code == 409 && refused.contains("serial console is off"), "{code} {refused}");

    let browser = Browser::start(&server).await;
    browser.sign_in("pia@internal", PASSWORD).await;
    opens(&browser, &format!("{page}/console"), "vnc").await;
    opens(&browser, &format!("{page}/console?protocol=spice"), "spice").await;
    browser.screenshot(&pictures().join("console-both.png")).await;
    let form = [("console", "browser"), ("protocol", "spice")];
    assert_eq!(pia.post("/user/preferences", &form).await.0, 303);
    opens(&browser, &format!("{page}/console"), "spice").await;
    opens(&browser, &format!("{page}/console?protocol=vnc"), "vnc").await;
    for (path, name) in [
        ("/user".to_owned(), "user-both"),
        (format!("{page}/edit"), "user-edit"),
        ("/user/vms/new".to_owned(), "user-new"),
    ] {
        browser.go(&path).await;
        let wrong = browser.axe().await;
        assert!(wrong.is_empty(), "{path}: {wrong:#?}");
        browser.screenshot(&pictures().join(format!("{name}.png"))).await;
    }

    // The last one stays.
    for (id, code) in [("564e43", 200), ("5350494345", 409)] {
        assert_eq!(admin.delete(&format!("{consoles}/{id}")).await.0, code, "{id}");
    }
    admin.act(&vm, "stop").await;
}
