//! The good way, and what breaks on it.

use super::walker::Walker;
use super::{Idp, events, set_up, with_provider};
use crate::api::id_of;
use crate::portal::{Portal, between};
use crate::server::{Server, Start, fresh_postgres};
use serde_json::Value;

fn user(list: &Value, principal: &str) -> Option<Value> {
    list["user"].as_array()?.iter().find(|u| u["user_name"] == principal).cloned()
}

async fn good_way(database: Option<&str>) {
    let server = Server::start(&Start { database, ..Start::default() });
    let (boss, mut idp, page) = with_provider(&server, "school").await;
    let (_, shown) = boss.get(&page).await;
    assert!(shown.contains(&format!("{}/sign-in/openid/school/callback", server.url)), "{shown}");
    assert!(!shown.contains("vireo-secret"));
    let (_, sign_in) = Portal::nobody(&server).get("/sign-in").await;
    assert!(sign_in.contains("/sign-in/openid/school") && sign_in.contains("The school"), "{sign_in}");

    // A name is one domain's only.
    for name in ["school", "SCHOOL", "internal"] {
        let again: Vec<(&str, String)> =
            idp.fields().into_iter().map(|(n, v)| (n, if n == "name" { name.to_owned() } else { v })).collect();
        let again: Vec<(&str, &str)> = again.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let (status, page) = boss.post("/admin/providers/new", &again).await;
        assert!(status == 200 && page.contains("is in use already"), "{name}: {status}");
    }

    // A group that the claims name, with the right to administer.
    assert_eq!(boss.post(&format!("{page}/groups"), &[("group", "teachers")]).await.0, 303);
    let admin = server.admin();
    let (_, groups) = admin.get("/groups").await;
    let find = |list: &Value, one: &str, name: &str| {
        id_of(list[one].as_array().unwrap().iter().find(|o| o["name"] == name).unwrap_or_else(|| panic!("{list}")))
    };
    let role = find(&admin.get("/roles").await.1, "role", "SuperUser");
    let group = find(&groups, "group", "teachers");
    let system = "aaa00000-0000-0000-0000-123456789aaa";
    let grant = [("role", role.as_str()), ("principal", &group), ("kind", "system"), ("object", system)];
    assert_eq!(boss.post("/admin/permissions", &grant).await.0, 303);

    let alice = Walker::new();
    let entered = alice.sign_in(&server.url, "school", "/admin/users", "alice").await;
    assert_eq!((entered.status, entered.url.as_str()), (200, format!("{}/admin/users", server.url).as_str()));
    assert!(entered.body.contains("alice@school") && entered.body.contains("Alice Arnold"), "{}", entered.body);
    let bob = Walker::new();
    let entered = bob.sign_in(&server.url, "school", "/admin/users", "bob").await;
    assert_eq!(entered.status, 403, "he is no teacher");
    assert_eq!(bob.get(&format!("{}/user", server.url)).await.status, 200);
    assert!(events(&server).await.contains("User alice@school signed in."));

    // Other keys: fetched anew. (The former are less than an hour old.)
    idp.restart();
    assert_eq!(Walker::new().sign_in(&server.url, "school", "/user", "alice").await.status, 200);
    // The engine is killed and started: what it keeps is in the database.
    let (_, users) = admin.get("/users").await;
    assert!(user(&users, "alice@school-authz").is_some(), "{users}");

    // Turned off: who came from there is out.
    let edit: Vec<(&str, String)> = idp.fields().into_iter().filter(|f| f.0 != "enabled").collect();
    let edit: Vec<(&str, &str)> = edit.iter().map(|(name, value)| (*name, value.as_str())).collect();
    assert_eq!(boss.post(&format!("{page}/edit"), &edit).await.0, 303);
    assert_eq!(bob.get(&format!("{}/user", server.url)).await.status, 303);
    assert_eq!(Walker::new().get(&format!("{}/sign-in/openid/school", server.url)).await.status, 404);
    // Removed: its people are gone with it.
    assert_eq!(boss.post(&format!("{page}/remove"), &[]).await.0, 303);
    let (_, users) = admin.get("/users").await;
    assert!(user(&users, "alice@school-authz").is_none(), "{users}");
}

#[tokio::test(flavor = "multi_thread")]
async fn in_through_a_provider() {
    good_way(None).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn in_through_a_provider_on_postgresql() {
    good_way(Some(&fresh_postgres())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_providers_at_once_and_out_again() {
    let server = Server::start(&Start::default());
    let (boss, _school, _) = with_provider(&server, "school").await;
    let firm = Idp::start(&server, "firm");
    set_up(&boss, &firm.fields()).await;
    let (at_school, at_firm) = (Walker::new(), Walker::new());
    assert!(at_school.sign_in(&server.url, "school", "/user", "alice").await.body.contains("alice@school"));
    assert!(at_firm.sign_in(&server.url, "firm", "/user", "alice").await.body.contains("alice@firm"));

    // What one provider says is not taken at the other's address.
    let mixed = Walker::new();
    let back = mixed.at_provider(&server.url, "firm", "/user", "bob").await;
    let refused = mixed.get(&back.replace("/openid/firm/", "/openid/school/")).await;
    assert_eq!(refused.status, 401);

    // Out here, and there: the provider asks anew.
    let answer = at_firm.sign_out(&server.url).await;
    let on = answer.headers["refresh"].strip_prefix("0; url=").unwrap().to_owned();
    assert!(on.starts_with(&firm.issuer) && on.contains("id_token_hint="), "{on}");
    assert_eq!(at_firm.get(&format!("{}/user", server.url)).await.status, 303, "the session here is over");
    let confirm = at_firm.get(&on).await;
    let xsrf = between(&confirm.body, "name=\"xsrf\" value=\"", "\"").unwrap_or_else(|| panic!("{}", confirm.body));
    let action = between(&confirm.body, "action=\"", "\"").unwrap();
    let left = at_firm.post(&action, &[("xsrf", &xsrf), ("logout", "yes")]).await;
    assert_eq!(left.location.unwrap(), format!("{}/sign-in", server.url));
    let again = at_firm.get(&format!("{}/sign-in/openid/firm", server.url)).await;
    assert!(at_firm.follow(again, "").await.body.contains("id=\"login\""));
    // The other is as he was; a password's session has nobody to say farewell to.
    assert_eq!(at_school.get(&format!("{}/user", server.url)).await.status, 200);
    assert_eq!(boss.post("/sign-out", &[]).await.0, 303);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_others_make_of_it() {
    let server = Server::start(&Start::default());
    let (_, mut idp, _) = with_provider(&server, "school").await;
    let alice = Walker::new();
    let back = alice.at_provider(&server.url, "school", "/user", "alice").await;
    // Another browser's: the victim of a link, or the thief of one.
    let other = Walker::new().get(&back).await;
    assert_eq!(other.status, 401);
    assert!(other.body.contains("not started in this browser"), "{}", other.body);
    // It is still good where it began, once.
    assert_eq!(alice.get(&back).await.status, 303);
    assert_eq!(alice.get(&back).await.status, 401);
    // A state that nobody gave, none, and a code without its state.
    for query in ["", "?state=", "?state=made-up&code=x", "?code=x"] {
        let made_up = alice.get(&format!("{}/sign-in/openid/school/callback{query}", server.url)).await;
        assert_eq!(made_up.status, 401, "{query}");
    }
    // Another issuer, or none where the provider always names itself.
    for (from, to) in [("iss=https%3A%2F%2Flocalhost", "iss=https%3A%2F%2Fevil"), ("iss=", "was=")] {
        let walker = Walker::new();
        let back = walker.at_provider(&server.url, "school", "/user", "alice").await;
        assert!(back.contains(from), "{back}");
        assert_eq!(walker.get(&back.replace(from, to)).await.status, 401);
    }
    // A code of somebody else's sign-in: PKCE and nonce do not fit.
    let (thief, victim) = (Walker::new(), Walker::new());
    let stolen = victim.at_provider(&server.url, "school", "/user", "alice").await;
    let own = thief.at_provider(&server.url, "school", "/user", "bob").await;
    let code = |url: &str| between(&format!("{url}&"), "code=", "&").unwrap();
    assert_eq!(thief.get(&own.replace(&code(&own), &code(&stolen))).await.status, 401);
    let told = events(&server).await;
    assert!(told.contains("school: the provider refused to give a token for the code"), "{told}");

    // To another site: nobody goes there.
    for then in ["https://evil.example/", "//evil.example", "/\\evil.example"] {
        let walker = Walker::new();
        let back = walker.at_provider(&server.url, "school", then, "alice").await;
        assert_eq!(walker.get(&back).await.location.unwrap(), format!("{}/", server.url), "{then}");
    }
    // Whom the provider does not let in, and whom it does not name.
    let refused = Walker::new().sign_in(&server.url, "school", "/user", "mallory").await;
    assert!(refused.status == 401 && refused.body.contains("did not let you in"), "{}", refused.body);
    let nameless = Walker::new().sign_in(&server.url, "school", "/user", "nameless").await;
    assert!(nameless.status == 401 && nameless.body.contains("preferred_username"), "{}", nameless.body);
    assert!(events(&server).await.contains("access_denied nobody of that name"));

    // Nobody is there: said without a word about where.
    let (walker, late) = (Walker::new(), Walker::new());
    let back = late.at_provider(&server.url, "school", "/user", "alice").await;
    idp.stop();
    let away = late.get(&back).await;
    assert!(away.status == 503 && away.body.contains("does not work just now"), "{}", away.body);
    assert!(!away.body.contains(&idp.issuer), "{}", away.body);
    assert!(walker.get(&format!("{}/sign-in", server.url)).await.body.contains("name=\"password\""));
}
