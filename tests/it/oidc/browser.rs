//! A real browser: set up in the Admin Portal, in and out through the provider.

use super::Idp;
use crate::chromium::Browser;
use crate::server::{Server, Start};
use serde_json::Value;
use std::time::{Duration, Instant};

async fn accessible(browser: &Browser) {
    for dark in [false, true] {
        browser.dark(dark).await;
        let wrong = browser.axe().await;
        assert!(wrong.is_empty(), "{} (dark: {dark}): {wrong:#?}", browser.path().await);
    }
    browser.dark(false).await;
}

async fn fits(browser: &Browser) {
    browser.size(390, 844).await;
    let wide = browser.run("return document.documentElement.scrollWidth > innerWidth").await;
    assert_eq!(wide, Value::Bool(false), "{} is wider than a phone", browser.path().await);
    browser.size(1440, 900).await;
}

async fn says(browser: &Browser, text: &str) {
    let end = Instant::now() + Duration::from_secs(20);
    while !browser.text("body").await.contains(text) {
        assert!(Instant::now() < end, "{} never says {text:?}: {}", browser.path().await, browser.text("body").await);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn in_and_out_through_a_provider() {
    let server = Server::start(&Start::default());
    let idp = Idp::start(&server, "school");
    let browser = Browser::start(&server).await;
    browser.sign_in("admin@internal", &server.password("admin")).await;

    // Set up, with a test that fails for want of the certificate authority first.
    browser.go("/admin/providers").await;
    accessible(&browser).await;
    browser.click("a[href='/admin/providers/new']").await;
    browser.arrives("/admin/providers/new").await;
    let fields = idp.fields();
    for (name, value) in fields.iter().filter(|f| !["ca_pem", "sign_out", "enabled"].contains(&f.0)) {
        browser.fill(&format!("[name={name}]"), value).await;
    }
    browser.click("#test").await;
    says(&browser, "certificate that is not trusted").await;
    browser.fill("[name=ca_pem]", &idp.authority.ca_pem).await;
    browser.click("#test").await;
    says(&browser, "The provider answers.").await;
    fits(&browser).await;
    accessible(&browser).await;
    browser.fill("[name=client_secret]", "vireo-secret").await;
    browser.click("#save").await;
    says(&browser, "/sign-in/openid/school/callback").await;
    fits(&browser).await;
    accessible(&browser).await;
    browser.click("header form[action='/sign-out'] button").await;
    browser.arrives("/sign-in").await;

    // In: by keyboard from the button on.
    fits(&browser).await;
    accessible(&browser).await;
    browser.find(".vireo-providers a").await.send_keys("\u{e007}").await.unwrap();
    browser.fill("#login", "alice").await;
    browser.click("#enter").await;
    browser.arrives("/user").await;
    says(&browser, "alice@school").await;

    // Out, here and there.
    browser.click("header form[action='/sign-out'] button").await;
    says(&browser, "Do you want to sign-out from").await;
    browser.click("button[name=logout]").await;
    browser.arrives("/sign-in").await;
    browser.click(".vireo-providers a").await;
    browser.find("#login").await;
    browser.quit().await;
}
