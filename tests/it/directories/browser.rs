//! People of each kind of directory at the sign-in page, in Chromium.

use super::ds::{self, Ds};
use super::samba::{self, Samba};
use super::slapd::{self, Slapd};
use crate::chromium::Browser;
use crate::server::{Server, Start};
use std::fs;
use std::process::Command;
use vireo::model::domain::{DirectoryConfig, Provider, Servers, Transport};

/// Keeps a domain beside the running engine.
fn add(server: &Server, domain: &DirectoryConfig) {
    let ca = server.data.join(format!("{}.pem", domain.name));
    fs::write(&ca, domain.ca_pem.as_deref().unwrap()).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_vireo"));
    command.arg("domains").arg("--data").arg(&server.data);
    command.env("VIREO_DOMAIN_PASSWORD", domain.bind_password.as_deref().unwrap());
    command.args(["add", "--domain", &domain.name, "--provider", domain.provider.as_str()]);
    command.args(["--user", domain.bind_name.as_deref().unwrap(), "--transport", domain.transport.as_str()]);
    command.args(["--ca-file", ca.to_str().unwrap()]);
    if let Servers::List(_) = domain.servers {
        command.args(["--ldap-servers", &domain.servers.to_string()]);
    }
    if let Some(dns) = domain.dns {
        command.args(["--dns", &dns.to_string()]);
    }
    let out = command.output().unwrap();
    assert!(out.status.success(), "{}{}", String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr));
}

async fn choose(browser: &Browser, domain: &str, password: &str) {
    browser.fill("#user", "alice").await;
    browser.fill("#profile", domain).await;
    browser.fill("#password", password).await;
    browser.click("#go").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn people_of_each_directory_sign_in() {
    let server = Server::start(&Start::default());
    let (slapd, ds, samba) = (Slapd::start(), Ds::start(), Samba::start());
    let named = |name: &str, config: DirectoryConfig| DirectoryConfig { name: name.to_owned(), ..config };
    let domains = [
        (named("openldap.example.com", slapd.config(Transport::Ldaps)), slapd::PASSWORD),
        (named("ipa.example.com", ds.config(Provider::Ipa)), ds::PASSWORD),
        (samba.config(Servers::Srv, Transport::Ldaps), samba::PASSWORD),
    ];
    for (domain, _) in &domains {
        add(&server, domain);
    }
    let browser = Browser::start(&server).await;
    for (domain, password) in &domains {
        // The engine notices within seconds.
        for _ in 0..50 {
            browser.go("/sign-in").await;
            if browser.has(&format!("#profile option[value='{}']", domain.name)).await {
                break;
            }
        }
        choose(&browser, &domain.name, "wrong").await;
        let told = browser.find(".pf-v6-c-alert").await.text().await.unwrap();
        assert!(told.contains("wrong"), "{told}");
        choose(&browser, &domain.name, password).await;
        browser.arrives("/user").await;
        assert_eq!(browser.text(".vireo-user").await, format!("alice@{}", domain.name));
        browser.click("form[action='/sign-out'] button").await;
        browser.arrives("/sign-in").await;
    }
    browser.quit().await;
}
