//! A provider's access tokens at the REST API.

use super::walker::Walker;
use super::with_provider;
use crate::server::{Server, Start};

/// An access token of the provider's.
async fn token(issuer: &str, query: &str) -> String {
    let answer = Walker::new().get(&format!("{issuer}/token-for-tests?{query}")).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    answer.body
}

/// What the API answers who comes with this token.
async fn status(server: &Server, token: &str) -> (u16, String) {
    let http = reqwest::Client::builder().tls_danger_accept_invalid_certs(true).build().unwrap();
    let request = http.get(format!("{}/ovirt-engine/api/vms", server.url)).bearer_auth(token).header("Filter", "true");
    let answer = request.header("Accept", "application/json").send().await.unwrap();
    (answer.status().as_u16(), answer.text().await.unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_at_the_api() {
    let server = Server::start(&Start::default());
    let (boss, mut idp, page) = with_provider(&server, "school").await;
    let signed = token(&idp.issuer, "user=alice&format=jwt").await;
    assert_eq!(status(&server, &signed).await.0, 200);
    assert_eq!(status(&server, &signed).await.0, 200, "and again, from memory");
    let opaque = token(&idp.issuer, "user=bob&format=opaque").await;
    assert!(!opaque.contains('.'));
    assert_eq!(status(&server, &opaque).await.0, 200);
    let users = server.admin().get("/users").await.1.to_string();
    assert!(users.contains("alice@school") && users.contains("bob@school"), "{users}");

    // For somebody else, of nobody's, changed on the way, made up.
    let (body, signature) = signed.rsplit_once('.').unwrap();
    let flipped: String = signature.chars().rev().collect();
    for bad in [
        token(&idp.issuer, "user=alice&format=jwt&audience=urn:other").await,
        token(&idp.issuer, "user=alice&format=opaque&audience=urn:other").await,
        token(&idp.issuer, "user=nameless&format=jwt").await,
        format!("{body}.{flipped}"),
        format!("{body}."),
        "made-up".to_owned(),
        "a.b.c".to_owned(),
        String::new(),
    ] {
        let (code, text) = status(&server, &bad).await;
        assert_eq!(code, 401, "{bad}: {text}");
    }
    // Its key is withdrawn: a new one's tokens are taken. The old one's session outlives it by a minute at most.
    idp.restart();
    let fresh = token(&idp.issuer, "user=alice&format=jwt").await;
    assert_eq!(status(&server, &fresh).await.0, 200);

    // Where no audience is configured, none is taken.
    let mut edit = idp.fields();
    edit.iter_mut().find(|f| f.0 == "api_audience").unwrap().1.clear();
    let edit: Vec<(&str, &str)> = edit.iter().map(|(name, value)| (*name, value.as_str())).collect();
    assert_eq!(boss.post(&format!("{page}/edit"), &edit).await.0, 303);
    let unused = token(&idp.issuer, "user=bob&format=jwt").await;
    assert_eq!(status(&server, &unused).await.0, 401);
}
