//! Roles and permissions through the REST API, as oVirt's clients use them; and the page that says why.

use crate::api::{Api, id_of};
use crate::portal::Portal;
use crate::server::{Server, Start};
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn roles_and_permissions_by_the_api_and_why() {
    let server = Server::start(&Start::default());
    let admin = server.admin();
    let boss = Portal::sign_in(&server, "admin@internal", &server.password("admin")).await;
    let form =
        [("user_name", "bob"), ("password", "Secret-4-Walk"), ("first_name", ""), ("last_name", ""), ("email", "")];
    assert_eq!(boss.post("/admin/users/new", &form).await.0, 303);
    let (_, found) = admin.get("/users?search=usrname%3Dbob").await;
    let bob = id_of(&found["user"][0]);
    assert_eq!(found["user"].as_array().unwrap().len(), 1);

    // An own role; oVirt's ids and names of permits both do.
    let document = json!({"name": "starter", "permits": {"permit": [{"id": "22"}, {"name": "stop_vm"}]}});
    let (code, role) = admin.post("/roles", document.clone()).await;
    assert_eq!((code, &role["administrative"], &role["mutable"]), (201, &json!("false"), &json!("true")), "{role}");
    let role = format!("/roles/{}", id_of(&role));
    assert_eq!(admin.post("/roles", document).await.0, 409, "the name is taken");
    assert_eq!(admin.post("/roles", json!({"name": "x", "permits": {"permit": [{"id": "100"}]}})).await.0, 400);
    assert_eq!(admin.post("/roles", json!({"name": "x", "colour": "red"})).await.0, 400);
    let permits = |document: serde_json::Value| {
        let all = document["permit"].as_array().unwrap().iter();
        all.map(|p| p["name"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(permits(admin.get(&format!("{role}/permits")).await.1), ["stop_vm", "run_vm", "login"]);
    assert_eq!(admin.post(&format!("{role}/permits"), json!({"name": "reboot_vm"})).await.0, 201);
    assert_eq!(admin.get(&format!("{role}/permits/17")).await.0, 200);
    assert_eq!(admin.delete(&format!("{role}/permits/18")).await.0, 200);
    assert_eq!(admin.get(&format!("{role}/permits/18")).await.0, 404);
    assert_eq!(permits(admin.get(&format!("{role}/permits")).await.1), ["reboot_vm", "run_vm", "login"]);
    let user_role = "/roles/00000000-0000-0000-0001-000000000001";
    assert_eq!(admin.put(user_role, json!({"description": "x"})).await.0, 409, "predefined");
    assert_eq!(admin.delete(user_role).await.0, 409);

    // On an object, for a user, by names; and of a user, on an object.
    let cluster = id_of(&admin.get("/clusters").await.1["cluster"][0]);
    let on_cluster = format!("/clusters/{cluster}/permissions");
    let new = json!({"role": {"name": "starter"}, "user": {"user_name": "bob@internal"}});
    let (code, permission) = admin.post(&on_cluster, new.clone()).await;
    assert_eq!((code, id_of(&permission["cluster"]), id_of(&permission["user"])), (201, cluster.clone(), bob.clone()));
    assert_eq!(admin.post(&on_cluster, new).await.0, 409, "he has it");
    let one = format!("{on_cluster}/{}", id_of(&permission));
    assert_eq!(admin.get(&one).await.0, 200);
    let of_bob = format!("/users/{bob}/permissions");
    let readonly = json!({"role": {"name": "ReadOnlyAdmin"}});
    assert_eq!(admin.post(&of_bob, readonly).await.0, 201, "without an object: on the system");
    assert_eq!(admin.get(&of_bob).await.1["permission"].as_array().unwrap().len(), 2);
    assert_eq!(admin.get(&format!("/users/{bob}/roles")).await.1["role"][0]["name"], "ReadOnlyAdmin");
    assert_eq!(admin.delete(&role).await.0, 409, "in use");
    let refused = Api::new(&server.url, "bob@internal", "Secret-4-Walk", false);
    assert_eq!(refused.get(&on_cluster).await.0, 200, "he sees all");
    assert_eq!(refused.delete(&one).await.0, 403, "and changes nothing");
    assert_eq!(refused.post("/roles", json!({"name": "mine"})).await.0, 403);

    // Why.
    let why = |who: &str, action: &str| {
        format!("/admin/permissions/why?kind=cluster&object={cluster}&who={who}&action={action}")
    };
    let (_, page) = boss.get(&why("bob@internal", "run_vm")).await;
    assert!(page.contains("Yes: bob@internal may do this") && page.contains("starter"), "{page}");
    let (_, page) = boss.get(&why(&bob, "create_host")).await;
    assert!(page.contains("No: bob@internal may not") && page.contains("HostAdmin"), "{page}");
    let (_, page) = boss.get("/admin/permissions/why?kind=cluster&name=Default&who=nternal&action=run_vm").await;
    assert!(page.contains("choose one") && page.contains("admin@internal"), "{page}");

    assert_eq!(admin.delete(&one).await.0, 200);
    assert_eq!(admin.get(&one).await.0, 404);
    assert_eq!(admin.delete(&role).await.0, 200);

    // Two administrators at once: the later one hears of the earlier.
    let (_, own) = admin.post("/roles", json!({"name": "shared"})).await;
    let edit = format!("/admin/roles/{}/edit", id_of(&own));
    let fields = [("name", "shared"), ("generation", "0"), ("permit-run_vm", "1")];
    assert_eq!(boss.post(&edit, &fields).await.0, 303);
    let (code, page) = boss.post(&edit, &fields).await;
    assert!(code == 409 && page.contains("changed by somebody else"), "{code} {page}");
}
