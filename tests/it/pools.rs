//! Pools by the REST API, in both forms, and by their pages, with real image files.

use crate::api::{Api, eventually, id_of};
use crate::portal::{Portal, between};
use crate::server::{Server, Start};
use serde_json::{Value, json};
use std::path::Path;

async fn pool(admin: &Api, name: &str, size: u32) -> String {
    let body = json!({
        "name": name, "cluster": {"name": "Default"}, "template": {"name": "demo-linux"}, "size": size, "stateful": false,
    });
    let (code, pool) = admin.post("/vmpools", body).await;
    assert_eq!(code, 201, "{pool}");
    admin.nothing_is_locked().await;
    id_of(&pool)
}

async fn vms(admin: &Api, pool: &str) -> Vec<Value> {
    admin.get(&format!("/vms?search=pool%3D{pool}")).await.1["vm"].as_array().cloned().unwrap_or_default()
}

fn detail(answer: &Value) -> String {
    let fault = if answer["detail"].is_string() { answer } else { &answer["fault"] };
    fault["detail"].as_str().unwrap_or_default().to_owned()
}

fn folders(data: &Path) -> usize {
    crate::kill::disk_folders(data).len()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pool_by_the_api() {
    let server = Server::start(&Start { demo: true, without_iso: true, ..Start::default() });
    let admin = server.admin();
    let xml = "<vm_pool><name>books</name><cluster><name>Default</name></cluster><template><name>demo-linux</name></template>\
        <size>2</size><max_user_vms>2</max_user_vms><type>manual</type><description>For reading</description></vm_pool>";
    let (code, made) = admin.post_text("/vmpools", "application/xml", xml.as_bytes().to_vec()).await;
    assert_eq!(code, 201, "{made}");
    for part in
        ["<size>2</size>", "<type>manual</type>", "<stateful>false</stateful>", "<prestarted_vms>0</prestarted_vms>"]
    {
        assert!(made.contains(part), "{part} is not in {made}");
    }
    admin.nothing_is_locked().await;
    assert_eq!(vms(&admin, "books").await.len(), 2);

    let id = pool(&admin, "desks", 2).await;
    let before = folders(&server.data);
    let path = format!("/vmpools/{id}");
    let (code, edited) = admin.put(&path, json!({"size": 4, "max_user_vms": 3, "comment": "more"})).await;
    assert_eq!((code, edited["size"].as_str(), edited["comment"].as_str()), (200, Some("4"), Some("more")), "{edited}");
    admin.nothing_is_locked().await;
    assert_eq!(vms(&admin, "desks").await.len(), 4);
    assert_eq!(folders(&server.data), before, "no file is made before a VM starts");

    for (change, code, words) in [
        (json!({"size": 1}), 400, "surplus=remove"),
        (json!({"type": "manual"}), 400, "type: cannot be changed"),
        (json!({"stateful": true}), 400, "stateful: cannot be changed"),
        (json!({"prestarted_vms": 9}), 400, "must be between 0 and 4"),
        (json!({"size": 100_000}), 400, "must be between 1 and 1000"),
        (json!({"name": "books"}), 409, "in use already"),
        (json!({"sizes": 3}), 400, "no field"),
    ] {
        let (got, answer) = admin.put(&path, change.clone()).await;
        assert!(got == code && detail(&answer).contains(words), "{change}: {got} {answer}");
    }

    let (code, taken) = admin.post(&format!("{path}/allocatevm"), json!({})).await;
    assert_eq!(code, 200, "{taken}");
    let vm = id_of(&taken["vm"]);
    let (code, refused) = admin.put(&format!("{path}?surplus=remove"), json!({"size": 0})).await;
    assert_eq!(code, 400, "{refused}");
    let (code, refused) = admin.post(&format!("/vms/{vm}/detach"), json!({})).await;
    assert!(code == 409 && !detail(&refused).is_empty(), "{refused}");
    admin.wait_for(&vm, &["powering_up", "up"]).await;
    admin.nothing_is_locked().await;
    assert_eq!(folders(&server.data), before + 1);
    let (code, _) = admin.put(&format!("{path}?surplus=remove"), json!({"size": 1})).await;
    assert_eq!(code, 200);
    admin.nothing_is_locked().await;
    let left: Vec<String> = vms(&admin, "desks").await.iter().map(id_of).collect();
    assert_eq!(left, std::slice::from_ref(&vm), "the taken one stays");
    let (code, refused) = admin.delete(&path).await;
    assert!(code == 409 && detail(&refused).contains("are taken"), "{refused}");

    admin.act(&vm, "stop").await;
    eventually("it is free", || async {
        admin.delete(&format!("/vms/{vm}")).await.1["detail"].as_str().is_some_and(|d| d.contains("detach it"))
    })
    .await;
    // It may just begin to go back: that task is another one's.
    eventually("it is detached", || async {
        let (code, done) = admin.post(&format!("/vms/{vm}/detach"), json!({})).await;
        assert!(code == 200 || detail(&done["fault"]).contains("Returning VM"), "{done}");
        code == 200
    })
    .await;
    admin.nothing_is_locked().await;
    let (_, alone) = admin.get(&format!("/vms/{vm}")).await;
    assert!(alone["vm_pool"].is_null() && alone["stateless"] == "false", "{alone}");
    assert_eq!(admin.get(&path).await.0, 404, "the last VM took its pool with it");
    let (code, refused) = admin.post(&format!("/vms/{vm}/detach"), json!({})).await;
    assert!(code == 409 && detail(&refused).contains("belongs to no pool"), "{refused}");
    assert_eq!(admin.delete(&format!("/vms/{vm}")).await.0, 200);
    admin.wait(&vm, "404").await;
    assert_eq!(folders(&server.data), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pool_by_its_pages() {
    let server = Server::start(&Start { demo: true, without_iso: true, ..Start::default() });
    let (admin, alice) = (server.admin(), server.alice());
    let boss = Portal::sign_in(&server, "admin@internal", &server.password("admin")).await;
    let her = Portal::sign_in(&server, "alice@internal", &server.password("alice")).await;
    let pool = id_of(&admin.get("/vmpools").await.1["vm_pool"][0]);
    let page = format!("/admin/pools/{pool}");
    let first = her.click(&format!("/user/pools/{pool}/take")).await.unwrap();
    let vm = between(&first.1, "/user/vms/", "/console").unwrap();
    let again = her.click(&format!("/user/pools/{pool}/take")).await.unwrap();
    assert_eq!(again, first, "who clicks twice is sent to what he has");
    let (_, text) = boss.get(&page).await;
    assert!(text.contains("alice@internal") && text.contains(&format!("{page}/vms/{vm}/take_back")), "{text}");

    let form = [
        ("name", "desktops"),
        ("description", "For everybody"),
        ("comment", ""),
        ("size", "1"),
        ("prestarted", "0"),
        ("max_user_vms", "1"),
        ("surplus", "remove"),
    ];
    assert_eq!(boss.post(&format!("{page}/edit"), &form).await.0, 303);
    admin.nothing_is_locked().await;
    assert_eq!(vms(&admin, "desktops").await.len(), 1);
    let (code, text) =
        boss.post(&format!("{page}/edit"), &[("size", "0"), ("prestarted", "0"), ("max_user_vms", "x")]).await;
    assert!(code == 200 && text.contains("aria-invalid"), "{code} {text}");

    admin.wait_for(&vm, &["powering_up", "up"]).await;
    admin.nothing_is_locked().await;
    let question = boss.get(&format!("{page}/vms/{vm}/take_back")).await;
    assert!(question.0 == 200 && question.1.contains("powered off"), "{question:?}");
    assert_eq!(boss.post(&format!("{page}/vms/{vm}/take_back"), &[]).await.0, 303);
    assert_eq!(alice.get(&format!("/vms/{vm}")).await.0, 404, "it is hers no more");
    eventually("it is free again", || async { admin.status(&vm).await == "down" }).await;
    admin.nothing_is_locked().await;
    let code = boss.post(&format!("{page}/vms/{vm}/detach"), &[]).await.0;
    assert_eq!(code, 303);
    admin.nothing_is_locked().await;
    assert_eq!(admin.get(&format!("/vmpools/{pool}")).await.0, 404);
}
