//! Quotas over the whole program: by the API, in both portals, with real guests, and when it is killed.

use crate::api::{Api, eventually, id_of};
use crate::chromium::Browser;
use crate::portal::Portal;
use crate::server::{Server, Start};
use serde_json::{Value, json};

const PASSWORD: &str = "Secret-4-Walk";

fn named(list: &Value, one: &str, name: &str) -> String {
    let all = list[one].as_array().unwrap();
    all.iter().find(|o| o["name"] == name || o["principal"] == name).map(id_of).unwrap()
}

/// The data center's address.
async fn center(admin: &Api) -> String {
    format!("/datacenters/{}", named(&admin.get("/datacenters").await.1, "data_center", "Default"))
}

async fn refused(admin: &Api, vm: &str) -> String {
    let (code, fault) = admin.post(&format!("/vms/{vm}/start"), json!({})).await;
    assert_eq!(code, 409, "{fault}");
    detail(&fault)
}

/// A fault's sentence; an action's answer has it inside.
fn detail(answer: &Value) -> String {
    let fault = if answer["detail"].is_string() { answer } else { &answer["fault"] };
    fault["detail"].as_str().unwrap_or_default().trim_matches(['[', ']']).to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_quota_holds_also_after_a_crash() {
    let start = Start::default();
    let server = Server::start(&start);
    let admin = server.admin();
    let dc = center(&admin).await;
    let (code, changed) = admin.put(&dc, json!({"quota_mode": "enabled"})).await;
    assert_eq!((code, &changed["quota_mode"]), (200, &json!("enabled")));
    assert_eq!(admin.put(&dc, json!({"quota_mode": "perhaps"})).await.0, 400);
    let exact = json!({"name": "lab", "cluster_hard_limit_pct": 0, "storage_hard_limit_pct": 0});
    let (code, lab) = admin.post(&format!("{dc}/quotas"), exact).await;
    assert_eq!(code, 201, "{lab}");
    let quota = id_of(&lab);
    let here = format!("{dc}/quotas/{quota}");
    let limit = json!({"vcpu_limit": 1, "memory_limit": 0.125});
    let (code, limit) = admin.post(&format!("{here}/quotaclusterlimits"), limit).await;
    assert_eq!((code, &limit["id"], &limit["memory_limit"]), (201, &json!(quota), &json!(0.125)), "{limit}");
    assert_eq!(admin.post(&format!("{here}/quotastoragelimits"), json!({"limit": 1})).await.0, 201);
    let mut vms = Vec::new();
    for name in ["one", "two"] {
        let vm = admin.small_vm(name).await;
        let (code, changed) = admin.put(&format!("/vms/{vm}"), json!({"quota": {"id": quota}})).await;
        assert_eq!((code, &changed["quota"]["id"]), (200, &json!(quota)), "{changed}");
        vms.push(vm);
    }
    admin.act(&vms[0], "start").await;
    assert_eq!(refused(&admin, &vms[1]).await, "Quota lab gives 1 vCPUs in all: 1 used, 1 asked for, 0 left.");
    let disk = json!({"name": "big", "provisioned_size": 1_u64 << 30, "quota": {"id": quota}});
    let (code, fault) = admin.post("/disks", disk).await;
    let text = "Quota lab gives 1 GiB of storage in all: 0.13 GiB used, 1 GiB asked for, 0.88 GiB left.";
    assert_eq!((code, detail(&fault).as_str()), (409, text), "{fault}");

    // In a form it stands at the quota's field, and all that was typed is kept.
    let boss = Portal::sign_in(&server, "admin@internal", &server.password("admin")).await;
    let blank = "00000000-0000-0000-0000-000000000000";
    let typed = [("name", "kept"), ("template", blank), ("quota", &quota), ("disks", "1"), ("disk", "2")];
    let (code, page) = boss.post("/admin/vms/new", &typed).await;
    let at = page.find("id=\"quota-help\"").map_or("", |at| &page[at..]);
    let text = "Quota lab gives 1 GiB of storage in all: 0.13 GiB used, 2 GiB asked for";
    assert!(code == 200 && at[..400].contains(text) && page.contains("value=\"kept\""), "{code} {page}");

    let server = Server::spawn(server.kill(), &start).ready();
    let admin = server.admin();
    admin.wait_for(&vms[0], &["powering_up", "up"]).await;
    assert!(refused(&admin, &vms[1]).await.contains("1 used"));
    let messages = admin.messages().await;
    assert!(messages.iter().any(|m| m.starts_with("What admin@internal asked for was refused.")), "{messages:?}");
    // The limit of the one cluster in place of that of all.
    let cluster = named(&admin.get("/clusters").await.1, "cluster", "Default");
    let own = json!({"cluster": {"id": cluster}, "vcpu_limit": 2, "memory_limit": -1});
    assert_eq!(admin.post(&format!("{here}/quotaclusterlimits"), own).await.0, 201);
    let limits = admin.get(&format!("{here}/quotaclusterlimits")).await.1;
    let all = limits["quota_cluster_limit"].as_array().unwrap();
    assert_eq!((all.len(), &all[0]["cluster"]["id"], &all[0]["vcpu_usage"]), (1, &json!(cluster), &json!("1")));
    admin.act(&vms[1], "start").await;
    for vm in &vms {
        admin.wait_for(vm, &["powering_up", "up"]).await;
    }
    admin.nothing_is_locked().await;
    assert_eq!(admin.delete(&here).await.0, 409, "two VMs count on it");
    assert_eq!(admin.delete(&format!("{here}/quotaclusterlimits/{cluster}")).await.0, 200);
    for vm in &vms {
        admin.act(vm, "stop").await;
        admin.wait(vm, "down").await;
    }
    assert!(refused(&admin, &vms[0]).await.contains("gives nothing in Default"));
    assert_eq!(admin.put(&dc, json!({"quota_mode": "disabled"})).await.0, 200);
    admin.act(&vms[0], "start").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_has_used_his_share_sees_it_and_gets_no_more_browser() {
    let server = Server::start(&Start { demo: true, ..Start::default() });
    let admin = server.admin();
    let dc = center(&admin).await;
    let boss = Portal::sign_in(&server, "admin@internal", &server.password("admin")).await;
    let form = [("user_name", "dora"), ("password", PASSWORD), ("first_name", ""), ("last_name", ""), ("email", "")];
    assert_eq!(boss.post("/admin/users/new", &form).await.0, 303);
    let dora = named(&admin.get("/users").await.1, "user", "dora");
    let browser = Browser::start(&server).await;
    browser.sign_in("admin@internal", &server.password("admin")).await;

    // The data center's mode, a quota by its dialog, its errors at their fields.
    browser.go(&dc.replace("/datacenters/", "/admin/data_centers/")).await;
    browser.run("document.querySelector('select[name=mode]').value = 'enabled'").await;
    browser.click("form[action$='/quota_mode'] button").await;
    eventually("quotas are enforced", || async { admin.get(&dc).await.1["quota_mode"] == "enabled" }).await;
    browser.go("/admin/quotas/new").await;
    assert_eq!(browser.axe().await, Vec::<String>::new());
    browser.fill("#name", "a b").await;
    browser.fill("#person_vcpus", "1").await;
    browser.fill("#vcpus", "8").await;
    browser.click("button[value=submit]").await;
    browser.says("#name-help", "letters").await;
    browser.fill("#name", "lab").await;
    browser.click("button[value=submit]").await;
    browser.arrives("").await;
    eventually("it is made", || async { !admin.get(&format!("{dc}/quotas")).await.1["quota"][1].is_null() }).await;
    let quota = named(&admin.get(&format!("{dc}/quotas")).await.1, "quota", "lab");
    let roles = admin.get("/roles").await.1;
    let pool = id_of(&admin.get("/vmpools").await.1["vm_pool"][0]);
    for (role, kind, object) in [("QuotaConsumer", "quota", &quota), ("UserRole", "vm_pool", &pool)] {
        let role = named(&roles, "role", role);
        let grant = [("role", role.as_str()), ("principal", &dora), ("kind", kind), ("object", object)];
        assert_eq!(boss.post("/admin/permissions", &grant).await.0, 303);
    }
    browser.go(&format!("/admin/pools/{pool}/edit")).await;
    browser.run(&format!("document.querySelector('#quota').value = '{quota}'")).await;
    browser.fill("#max_user_vms", "2").await;
    browser.click("button[value=submit]").await;
    browser.arrives(&format!("/admin/pools/{pool}")).await;
    assert!(browser.has(&format!("a[href='/admin/quotas/{quota}']")).await, "the pool's page shows its quota");

    let hers = Portal::sign_in(&server, "dora@internal", PASSWORD).await;
    assert_eq!(hers.post(&format!("/user/pools/{pool}/take"), &[]).await.0, 303);
    let (code, text) = hers.post(&format!("/user/pools/{pool}/take"), &[]).await;
    assert!(code == 409 && text.contains("gives each person 1 vCPUs, and this counts for dora@internal"), "{text}");
    browser.go(&format!("/admin/quotas/{quota}")).await;
    let page = browser.text("main").await;
    assert!(page.contains("dora@internal") && page.contains("1 / 1") && page.contains("1 / 8"), "{page}");
    assert_eq!(browser.axe().await, Vec::<String>::new());
    browser.go("/admin/quotas?search=name%3Dlab").await;
    assert!(browser.has("meter").await);
    assert_eq!(browser.axe().await, Vec::<String>::new());
    let mine = Browser::start(&server).await;
    mine.sign_in("dora@internal", PASSWORD).await;
    mine.go("/user").await;
    mine.click("a[href='/user/quotas']").await;
    let page = mine.text("main").await;
    assert!(page.contains("Used by you") && page.contains("1 / 1") && page.contains("0 vCPU more"), "{page}");
    assert_eq!(mine.axe().await, Vec::<String>::new());
    for one in [&mine, &browser] {
        one.size(390, 844).await;
        let wide = one.run("return document.documentElement.scrollWidth - innerWidth").await;
        assert!(wide.as_i64().unwrap_or_default() <= 0, "{wide} px too wide");
    }
    mine.quit().await;
    browser.quit().await;
}
