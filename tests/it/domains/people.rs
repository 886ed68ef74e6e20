//! People and groups of a directory that get roles without ever having signed in.

use super::{boss, kept, offered};
use crate::directories::slapd::Slapd;
use crate::portal::between;
use crate::server::{Server, Start};
use serde_json::json;
use std::time::{Duration, Instant};

#[tokio::test(flavor = "multi_thread")]
async fn people_and_groups_get_roles_without_having_signed_in() {
    let server = Server::start(&Start::default());
    let slapd = Slapd::start();
    kept(&server, &slapd);
    offered(&server, "example.com", true).await;
    let (boss, admin) = (boss(&server).await, server.admin());

    // Found by the beginning of a name, and nobody by what would be a filter.
    let found = |words: &'static str, what: &'static str| {
        let boss = boss.clone();
        async move {
            let query = [("domain", "example.com"), ("what", what), ("words", words)];
            boss.get(&format!("/admin/directory_search?{}", serde_urlencoded::to_string(query).unwrap())).await.1
        }
    };
    let page = found("ali", "people").await;
    assert!(page.contains("alice@example.com") && !page.contains("bob@example.com"), "{page}");
    for hostile in ["*", "a*)(uid=*", "alice)(|(uid=*", "\\2a"] {
        let page = found(hostile, "people").await;
        assert!(!page.contains("name=\"pick\""), "{hostile}: {page}");
    }
    let alice = between(&page, "name=\"pick\" value=\"", "\"").unwrap();
    let take = |pick: String, what: &'static str, more: Vec<(&'static str, String)>| {
        let boss = boss.clone();
        async move {
            let mut form = vec![("domain", "example.com"), ("what", what), ("pick", pick.as_str())];
            form.extend(more.iter().map(|(name, value)| (*name, value.as_str())));
            boss.post("/admin/directory_search", &form).await
        }
    };
    assert_eq!(take(alice.clone(), "people", vec![]).await.0, 303);
    let users = boss.get("/admin/users").await.1;
    assert!(users.contains("alice@example.com"), "{users}");
    let (code, gone) = take(uuid::Uuid::nil().to_string(), "people", vec![]).await;
    assert!(code == 200 && gone.contains("does not exist"), "{gone}");

    // A group gets a role; alice, who is in it through another, has it at once.
    let staff = between(&found("sta", "groups").await, "name=\"pick\" value=\"", "\"").unwrap();
    let cluster = crate::api::id_of(&admin.get("/clusters").await.1["cluster"][0]);
    let role = "00000000-0000-0000-0001-000000000001".to_owned();
    let on = vec![("kind", "cluster".to_owned()), ("object", cluster.clone()), ("role", role)];
    assert_eq!(take(staff.clone(), "groups", on.clone()).await.0, 303);
    let (code, twice) = take(staff, "groups", on).await;
    assert!(code == 200 && twice.contains("is given there already"), "{twice}");
    assert!(boss.get(&format!("/admin/clusters/{cluster}")).await.1.contains("staff"));
    let list = admin.get("/users?search=usrname%3Dalice").await.1;
    let id = crate::api::id_of(&list["user"][0]);
    let end = Instant::now() + Duration::from_secs(10);
    while !boss.get(&format!("/admin/users/{id}")).await.1.contains("staff") {
        assert!(Instant::now() < end, "alice is not in the group");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }

    // The same by the API.
    let all = admin.get("/domains").await.1;
    let names: Vec<_> = all["domain"].as_array().unwrap().iter().map(|d| d["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["internal-authz", "example.com-authz"]);
    let domain = crate::api::id_of(&all["domain"][1]);
    assert_eq!(admin.get(&format!("/domains/{domain}")).await.1["name"], "example.com-authz");
    let people = admin.get(&format!("/domains/{domain}/users?search=usrname%3Dbo*")).await.1;
    assert_eq!(people["user"][0]["principal"], "bob", "{people}");
    let groups = admin.get(&format!("/domains/{domain}/groups?search=dev")).await.1;
    assert_eq!(groups["group"][0]["name"], "developers", "{groups}");
    let bob = json!({"user_name": "bob@example.com", "domain": {"name": "example.com-authz"}});
    let (code, added) = admin.post("/users", bob).await;
    assert!(code == 201 && added["user_name"] == "bob@example.com-authz", "{added}");
    let group = json!({"name": "others", "domain": {"id": domain}});
    assert_eq!(admin.post("/groups", group).await.0, 201);
    for (body, code) in [
        (json!({"user_name": "nobody", "domain": {"name": "example.com"}}), 400),
        (json!({"user_name": "bob", "domain": {"name": "example.org"}}), 400),
        (json!({"user_name": "bob"}), 400),
        (json!({"user_name": "b*", "domain": {"name": "example.com"}}), 400),
    ] {
        assert_eq!(admin.post("/users", body.clone()).await.0, code, "{body}");
    }

    // With the domain all of them go.
    let (_, asked) = boss.get("/admin/directory_domains").await;
    let path = between(&asked, "href=\"/admin/directory_domains/", "/remove\"").unwrap();
    let path = format!("/admin/directory_domains/{}/remove", path.rsplit('/').next().unwrap());
    let (_, lost) = boss.get(&path).await;
    assert!(lost.contains("Remove domain example.com"), "{lost}");
    assert_eq!(boss.post(&path, &[]).await.0, 303);
    assert!(!boss.get("/admin/users").await.1.contains("example.com"));
    assert!(!boss.get(&format!("/admin/clusters/{cluster}")).await.1.contains("staff"));
}
