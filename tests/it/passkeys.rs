//! Passkeys in a real browser, with its virtual authenticator.

use crate::api::eventually;
use crate::chromium::Browser;
use crate::server::{Server, Start};
use serde_json::{Value, json};

/// A key in the device that knows its owner's finger; its id.
async fn authenticator(browser: &Browser) -> String {
    let cdp = browser.driver.cdp();
    cdp.send_raw("WebAuthn.enable", json!({})).await.unwrap();
    let options = json!({
        "protocol": "ctap2", "transport": "internal", "hasResidentKey": true, "hasUserVerification": true,
        "isUserVerified": true, "automaticPresenceSimulation": true,
    });
    let added = cdp.send_raw("WebAuthn.addVirtualAuthenticator", json!({ "options": options })).await.unwrap();
    added["authenticatorId"].as_str().unwrap().to_owned()
}

/// The button, once its script has shown it.
const SHOW: &str = "[data-passkey]:not([hidden]) #passkey";

async fn leave(browser: &Browser) {
    browser.click("form[action='/sign-out'] button").await;
    browser.arrives("/sign-in").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn browser_with_a_passkey_and_one_with_its_copy() {
    let server = Server::start(&Start::default());
    let mut browser = Browser::start(&server).await;
    // Passkeys are bound to names: by its number the page offers none and says why.
    browser.sign_in("admin@internal", &server.password("admin")).await;
    browser.go("/security").await;
    assert!(browser.text("main").await.contains("bound to a host name") && !browser.has("#add-passkey").await);
    leave(&browser).await;
    assert!(!browser.has("#passkey").await);

    browser.url = format!("https://localhost:{}", server.port);
    let key = authenticator(&browser).await;
    browser.sign_in("admin@internal", &server.password("admin")).await;
    browser.go("/security").await;
    browser.find("[data-passkey]:not([hidden]) #add-passkey").await;
    browser.fill("#passkey-name", "the laptop").await;
    browser.fill("#passkey-password", "wrong").await;
    browser.click("#add-passkey").await;
    eventually("a wrong password is told", || async {
        browser.text("[data-passkey] [role=alert]").await.contains("wrong")
    })
    .await;
    browser.fill("#passkey-password", &server.password("admin")).await;
    browser.click("#add-passkey").await;
    browser.find("[data-passkey-name='the laptop']").await;
    assert_eq!(browser.axe().await, Vec::<String>::new());
    leave(&browser).await;

    // Alone, without a password.
    browser.click(SHOW).await;
    browser.find("form[action='/sign-out']").await;
    browser.go("/security").await;
    browser.says("main", "passkey").await;
    leave(&browser).await;
    // After the password.
    browser.fill("#user", "admin").await;
    browser.fill("#password", &server.password("admin")).await;
    browser.click("#go").await;
    browser.arrives("/sign-in/code").await;
    browser.click(SHOW).await;
    browser.find("form[action='/sign-out']").await;
    leave(&browser).await;

    // A copy of the key, made before it was used: its counter goes back.
    let cdp = browser.driver.cdp();
    let of = json!({ "authenticatorId": key });
    let held = cdp.send_raw("WebAuthn.getCredentials", of.clone()).await.unwrap();
    let mut copy: Value = held["credentials"][0].clone();
    assert!(copy["signCount"].as_u64().unwrap() >= 2, "{copy}");
    copy["signCount"] = json!(0);
    cdp.send_raw("WebAuthn.clearCredentials", of.clone()).await.unwrap();
    let again = json!({ "authenticatorId": key, "credential": copy });
    cdp.send_raw("WebAuthn.addCredential", again).await.unwrap();
    browser.click(SHOW).await;
    eventually("the copy is refused", || async { browser.text("[role=alert]").await.contains("copied") }).await;
    browser.quit().await;
}
