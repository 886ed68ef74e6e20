//! Tokens and answers that are not good, one by one: nobody comes in, and the event has the cause.

use super::hostile::{Hostile, Says, encode};
use super::walker::{Answer, Walker};
use super::{events, set_up};
use crate::portal::{Portal, between};
use crate::server::{Server, Start};
use serde_json::{Value, json};
use std::time::Duration;

/// Makes a false token for the nonce that it is given.
type Forger<'a> = Box<dyn FnOnce(&str) -> String + 'a>;

fn fields(hostile: &Hostile) -> Vec<(&'static str, String)> {
    let text = |text: &str| text.to_owned();
    vec![
        ("name", text("evil")),
        ("issuer", hostile.issuer.clone()),
        ("client_id", text("vireo")),
        ("user_name_claim", text("preferred_username")),
        ("ca_pem", hostile.authority.ca_pem.clone()),
        ("api_audience", text("urn:vireo:api")),
        ("enabled", text("1")),
    ]
}

/// One sign-in at the liar: what the token endpoint gives is made from the nonce.
async fn tried(server: &Server, hostile: &Hostile, token: impl FnOnce(&str) -> String) -> Answer {
    let walker = Walker::new();
    let start = walker.get(&format!("{}/sign-in/openid/evil", server.url)).await;
    let away = start.location.unwrap_or_else(|| panic!("{}", start.body));
    let part = |name: &str| between(&format!("{away}&"), &format!("{name}="), "&").unwrap();
    hostile.gives(&token(&part("nonce")));
    walker.get(&format!("{}/sign-in/openid/evil/callback?code=c&state={}", server.url, part("state"))).await
}

fn es256() -> Value {
    json!({"alg": "ES256", "kid": "k1", "typ": "JWT"})
}

fn with(mut claims: Value, name: &str, value: Value) -> Value {
    claims[name] = value;
    claims
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_tokens_let_nobody_in() {
    let server = Server::start(&Start::default());
    let hostile = Hostile::start().await;
    let boss = Portal::sign_in(&server, "admin@internal", &server.password("admin")).await;
    set_up(&boss, &fields(&hostile)).await;
    let good = tried(&server, &hostile, |nonce| hostile.token(&es256(), &hostile.claims(nonce))).await;
    assert_eq!(good.status, 303, "honest, it lets in: {}", good.body);

    let now = time::OffsetDateTime::now_utc().unix_timestamp();
    for (name, value) in [
        ("iss", json!("https://evil.example")),
        ("aud", json!("another")),
        ("aud", json!(["vireo", "another"])),
        ("azp", json!("another")),
        ("exp", json!(now - 10)),
        ("iat", json!(now + 3600)),
        ("nbf", json!(now + 3600)),
        ("nonce", json!("replayed")),
        ("nonce", Value::Null),
        ("sub", json!("")),
        ("at_hash", json!("AAAAAAAAAAAAAAAAAAAAAA")),
    ] {
        let answer =
            tried(&server, &hostile, |n| hostile.token(&es256(), &with(hostile.claims(n), name, value.clone())));
        let answer = answer.await;
        assert_eq!(answer.status, 401, "{name} = {value}: {}", answer.body);
        assert!(answer.body.contains("was not accepted") && !answer.body.contains("localhost:"), "{}", answer.body);
    }
    let told = events(&server).await;
    assert!(told.contains("evil: the token is not good:"), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_signatures_let_nobody_in() {
    let server = Server::start(&Start::default());
    let hostile = Hostile::start().await;
    let boss = Portal::sign_in(&server, "admin@internal", &server.password("admin")).await;
    set_up(&boss, &fields(&hostile)).await;
    let other = Hostile::start().await;
    let none = json!({"alg": "none"});
    let hs = json!({"alg": "HS256", "kid": "k1"});
    let forged: [(&str, Forger<'_>); 7] = [
        ("none", Box::new(|n| format!("{}.{}.", encode(&none), encode(&hostile.claims(n))))),
        ("none, signed", Box::new(|n| hostile.token(&none, &hostile.claims(n)))),
        ("a secret's", Box::new(|n| hostile.token(&hs, &hostile.claims(n)))),
        ("another key, same name", Box::new(|n| other.token(&es256(), &hostile.claims(n)))),
        ("an unknown key", Box::new(|n| other.token(&json!({"alg": "ES256", "kid": "k2"}), &hostile.claims(n)))),
        ("no token", Box::new(|_| "nonsense".to_owned())),
        (
            "a long one",
            Box::new(|n| hostile.token(&es256(), &with(hostile.claims(n), "x", json!("x".repeat(100_000))))),
        ),
    ];
    for (what, token) in forged {
        let answer = tried(&server, &hostile, token).await;
        assert!([401, 503].contains(&answer.status), "{what}: {} {}", answer.status, answer.body);
        assert!(answer.headers.get("set-cookie").is_none_or(|c| !c.contains("__Host-vireo=")), "{what}");
    }
    // A flood of unknown keys: looked for once more in a minute, not each time.
    let before = hostile.times("/jwks");
    for _ in 0..3 {
        tried(&server, &hostile, |n| other.token(&json!({"alg": "ES256", "kid": "k3"}), &hostile.claims(n))).await;
    }
    assert_eq!(hostile.times("/jwks"), before);

    // At the API: an ID token is none for it, and neither is one that nobody signed.
    let api = |audience: &str| with(hostile.claims("n"), "aud", json!(audience));
    let http = reqwest::Client::builder().tls_danger_accept_invalid_certs(true).build().unwrap();
    for (token, expected) in [
        (hostile.token(&json!({"alg": "ES256", "kid": "k1", "typ": "at+jwt"}), &api("urn:vireo:api")), 200),
        (hostile.token(&es256(), &api("vireo")), 401),
        (format!("{}.{}.", encode(&none), encode(&api("urn:vireo:api"))), 401),
        (other.token(&es256(), &api("urn:vireo:api")), 401),
        (hostile.token(&es256(), &with(api("urn:vireo:api"), "exp", json!(1))), 401),
        (hostile.token(&es256(), &with(api("urn:vireo:api"), "iss", json!("https://evil.example"))), 401),
    ] {
        let request =
            http.get(format!("{}/ovirt-engine/api/vms", server.url)).bearer_auth(&token).header("Filter", "true");
        assert_eq!(request.send().await.unwrap().status().as_u16(), expected, "{token}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nonsense_is_told_to_the_administrator_and_keeps_others_in() {
    let server = Server::start(&Start::default());
    let hostile = Hostile::start().await;
    let boss = Portal::sign_in(&server, "admin@internal", &server.password("admin")).await;
    let test = || async {
        let mut all = fields(&hostile);
        all.push(("do", "test".to_owned()));
        let all: Vec<(&str, &str)> = all.iter().map(|(name, value)| (*name, value.as_str())).collect();
        boss.post("/admin/providers/new", &all).await.1
    };
    assert!(test().await.contains("The provider answers."));
    let metadata = "/.well-known/openid-configuration";
    let other = |name: &str, value: &str| Says::json(&with(hostile.metadata(), name, json!(value)));
    let raw = |status, body: &[u8]| Says { status, body: body.to_vec(), after: Duration::ZERO };
    for (path, says, expected) in [
        (metadata, other("issuer", "https://evil.example"), "calls itself https://evil.example"),
        (metadata, other("token_endpoint", "http://localhost/"), "not an https address"),
        (metadata, other("authorization_endpoint", "javascript:alert(1)"), "not an https address"),
        (metadata, Says::json(&with(hostile.metadata(), "code_challenge_methods_supported", json!(["plain"]))), "S256"),
        (metadata, raw(200, b"<html>"), "what is not understood"),
        (metadata, raw(302, b""), "status 302"),
        (metadata, raw(500, b"{}"), "status 500"),
        (metadata, raw(200, &vec![b' '; 3 << 20]), "more than 1048576 bytes"),
        ("/jwks", raw(200, b"[]"), "what is not understood"),
    ] {
        hostile.say(path, says);
        let page = test().await;
        assert!(page.contains(expected), "{expected}: {page}");
        hostile.say(metadata, Says::json(&hostile.metadata()));
    }
    hostile.say("/jwks", Says::json(&json!({"keys": [hostile.jwk()]})));

    // One that never answers holds up its own people only, and not for ever.
    set_up(&boss, &fields(&hostile)).await;
    hostile.say(metadata, Says { after: Duration::from_secs(60), ..Says::json(&hostile.metadata()) });
    let started = std::time::Instant::now();
    let (slow, others) =
        tokio::join!(async { Walker::new().get(&format!("{}/sign-in/openid/evil", server.url)).await }, async {
            tokio::time::sleep(Duration::from_millis(200)).await;
            let before = std::time::Instant::now();
            assert_eq!(boss.get("/user").await.0, 200);
            before.elapsed()
        });
    assert_eq!(slow.status, 503);
    assert!(started.elapsed() < Duration::from_secs(20) && others < Duration::from_secs(2), "{others:?}");
}
