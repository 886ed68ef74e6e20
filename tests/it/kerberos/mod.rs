//! Kerberos single sign-on: a real KDC, a real directory, curl and Chromium with tickets.

mod kdc;

use crate::chromium::{Browser, More};
use crate::directories::slapd::{Setup, Slapd};
use crate::portal::{Portal, between};
use crate::server::{Server, Start};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use kdc::Kdc;
use serde_json::json;
use std::time::{Duration, Instant};
use vireo::db::{Database, DbError};
use vireo::model::clock::{Clock as _, SystemClock};
use vireo::model::domain::Transport;
use vireo::model::ids::DomainId;
use vireo::store::domains::{self, DomainRow};

/// An engine whose domain example.com is kept by a slapd and takes tickets of a KDC.
struct Lab {
    server: Server,
    kdc: Kdc,
    slapd: Slapd,
    boss: Portal,
    domain: DomainId,
    url: String,
}

impl Lab {
    async fn start() -> Self {
        let slapd = Slapd::with(Setup { anonymous: true, ..Setup::default() });
        let kdc = Kdc::start(&["alice", "bob", "ghost"]);
        let environment = vec![("KRB5_CONFIG", kdc.dir.join("krb5.conf").display().to_string())];
        let server = Server::start(&Start { environment, ..Start::default() });
        let boss = Portal::sign_in(&server, "admin@internal", &server.password("admin")).await;
        let domain = DomainId::random();
        keep(&server, &slapd, domain).await;
        let url = format!("https://localhost:{}", server.port);
        Self { server, kdc, slapd, boss, domain, url }
    }

    /// Takes tickets with this keytab; the answer, once the engine knows the domain.
    async fn set(&self, keytab: &[u8]) -> (u16, String) {
        let fields = [("domain", self.domain.to_string()), ("keytab", STANDARD.encode(keytab))];
        let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
        self.boss.post("/admin/kerberos", &fields).await
    }

    fn portal(&self, who: &str) -> (String, String) {
        self.kdc.curl(who, &[&format!("{}/sign-in/negotiate?then=%2Fuser", self.url)])
    }
}

/// The domain, as `vireo domains add` keeps it.
async fn keep(server: &Server, slapd: &Slapd, id: DomainId) {
    let config = slapd.config(Transport::StartTls);
    let row = DomainRow {
        id,
        name: "example.com".to_owned(),
        provider: config.provider,
        servers: config.servers.to_string(),
        transport: config.transport,
        ca_pem: config.ca_pem,
        bind_name: None,
        bind_password: None,
        base_dn: config.base_dn,
        dns: None,
        generation: 1,
        created: SystemClock.now(),
    };
    let db = Database::open(server.data.join("vireo.db").to_str().unwrap()).unwrap();
    db.write(move |db| Ok::<_, DbError>(domains::insert(db, &row)?)).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn in_with_a_ticket() {
    let lab = Lab::start().await;
    for who in ["alice", "ghost"] {
        lab.kdc.kinit(who);
    }
    lab.kdc.kinit_service();
    // Before any keytab is there, nobody is asked for a ticket, and none is taken.
    assert!(!Portal::nobody(&lab.server).get("/sign-in").await.1.contains("negotiate"));
    assert!(lab.portal("alice").0.contains("HTTP/2 401") || lab.portal("alice").0.contains("HTTP/1.1 401"));

    // What is no keytab, is said at the field.
    for bad in [b"".as_slice(), b"nonsense", &[5, 2, 0, 0, 0, 9]] {
        let (status, page) = lab.set(bad).await;
        assert!(status == 200 && page.contains("vireo-error"), "{status}: {page}");
    }
    assert_eq!(lab.set(&lab.kdc.keytab()).await.0, 303);
    let (_, page) = lab.boss.get("/admin/kerberos").await;
    assert!(page.contains("HTTP/localhost@EXAMPLE.COM"), "{page}");
    assert!(Portal::nobody(&lab.server).get("/sign-in").await.1.contains("/sign-in/negotiate?then="));

    // Without a ticket: asked for one, and the form is there.
    let http = reqwest::Client::builder().tls_danger_accept_invalid_certs(true).build().unwrap();
    let negotiate = format!("{}/sign-in/negotiate", lab.server.url);
    let asked = http.get(&negotiate).send().await.unwrap();
    assert_eq!((asked.status().as_u16(), asked.headers()["www-authenticate"].to_str().unwrap()), (401, "Negotiate"));
    assert!(asked.text().await.unwrap().contains("name=\"password\""));

    // In, once the engine has heard of the domain.
    let end = Instant::now() + Duration::from_secs(15);
    let (talk, _) = loop {
        let answer = lab.portal("alice");
        if answer.0.contains("303") {
            break answer;
        }
        assert!(Instant::now() < end, "{answer:?}; {:?}", lab.server.admin().messages().await);
        tokio::time::sleep(Duration::from_millis(300)).await;
    };
    let lower = talk.to_lowercase();
    assert!(lower.contains("< location: /user") && lower.contains("< www-authenticate: negotiate "), "{talk}");
    let cookie = between(&talk, "__Host-vireo=", ";").unwrap();
    let mine = http.get(format!("{}/user", lab.server.url)).header("Cookie", format!("__Host-vireo={cookie}"));
    assert!(mine.send().await.unwrap().text().await.unwrap().contains("alice@example.com"));
    let said = lab.server.admin().messages().await.join("\n");
    assert!(said.contains("User alice@example.com signed in."), "{said}");

    // The same ticket's message again: replayed.
    let ticket =
        between(&talk.replace("authorization: ", "Authorization: "), "Authorization: Negotiate ", "\r").unwrap();
    let again =
        http.get(&negotiate).header("Authorization", format!("Negotiate {}", ticket.trim())).send().await.unwrap();
    assert_eq!(again.status().as_u16(), 401);
    // Junk.
    for junk in [
        "",
        "x",
        "AAAA",
        "TlRMTVNTUAABAAAAB4IIogAAAAAAAAAAAAAAAAAAAAAGAbEdAAAADw==",
        &STANDARD.encode(vec![0x60; 40_000]),
    ] {
        let request = http.get(&negotiate).header("Authorization", format!("Negotiate {junk}"));
        let status = request.send().await.unwrap().status().as_u16();
        assert!([401, 400, 431].contains(&status), "{junk:.20}: {status}");
    }
    // In the KDC, not in the directory; and a service.
    let (talk, page) = lab.portal("ghost");
    assert!(talk.contains(" 401") && page.contains("ghost@EXAMPLE.COM is in no domain here"), "{page}");
    let (talk, page) = lab.portal("HTTP/localhost");
    assert!(talk.contains(" 401") && page.contains("is in no domain here"), "{page}");
    let said = lab.server.admin().messages().await.join("\n");
    assert!(said.contains("The owner of a good Kerberos ticket could not sign in: ghost@EXAMPLE.COM"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn at_the_api_with_a_ticket() {
    let mut lab = Lab::start().await;
    lab.kdc.kinit("bob");
    assert_eq!(lab.set(&lab.kdc.keytab()).await.0, 303);
    let vms = format!("{}/ovirt-engine/api/vms", lab.url);
    let own = ["-H", "Filter: true", "-H", "Accept: application/json"];
    let end = Instant::now() + Duration::from_secs(15);
    while !lab.kdc.curl("bob", &[&own[..], &[&vms]].concat()).0.contains(" 200") {
        assert!(Instant::now() < end, "{:?}", lab.kdc.curl("bob", &[&own[..], &[&vms]].concat()));
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
    // A token for the ticket, as oVirt's SDK asks for one.
    let sso = format!("{}/ovirt-engine/sso/oauth/token-http-auth", lab.url);
    let form = "grant_type=urn:ovirt:params:oauth:grant-type:http&scope=ovirt-app-api";
    let (talk, body) = lab.kdc.curl("bob", &["-d", form, &sso]);
    let token = between(&body, "\"access_token\":\"", "\"").unwrap_or_else(|| panic!("{talk} {body}"));
    let http = reqwest::Client::builder().tls_danger_accept_invalid_certs(true).build().unwrap();
    let request =
        http.get(format!("{}/ovirt-engine/api/vms", lab.server.url)).bearer_auth(token).header("Filter", "true");
    assert_eq!(request.send().await.unwrap().status().as_u16(), 200);

    // The directory is away: said, with nothing of servers; back, all is well.
    lab.slapd.stop();
    let (talk, page) = lab.portal("bob");
    assert!(
        talk.contains(" 401") && page.contains("cannot be asked just now") && !page.contains("127.0.0.1"),
        "{page}"
    );
    lab.slapd.resume();
    // Removed: tickets are taken no more.
    assert_eq!(lab.boss.post(&format!("/admin/kerberos/{}/remove", lab.domain), &[]).await.0, 303);
    assert!(lab.kdc.curl("bob", &[&own[..], &[&vms]].concat()).0.contains(" 401"));
}

#[tokio::test(flavor = "multi_thread")]
async fn browser_with_a_ticket_and_one_without() {
    let lab = Lab::start().await;
    lab.kdc.kinit("alice");
    let more = |who: &str| More {
        flags: vec!["--auth-server-allowlist=localhost".to_owned()],
        environment: lab.kdc.environment(who),
        // It loads its Kerberos library when it has once been asked for a ticket; a fresh one would have none for the first time.
        local_state: Some(json!({"net": {"received_http_auth_negotiate_headers": true}})),
    };
    let mut browser = Browser::with(&lab.server, More::default()).await;
    browser.sign_in("admin@internal", &lab.server.password("admin")).await;
    // The keytab as a file.
    browser.go("/admin/kerberos").await;
    assert!(browser.axe().await.is_empty(), "{:?}", browser.axe().await);
    browser.find("#keytab-file").await.send_keys(lab.kdc.dir.join("http.keytab").to_str().unwrap()).await.unwrap();
    let end = Instant::now() + Duration::from_secs(10);
    while browser.run("return document.getElementById('keytab').value").await.as_str().is_none_or(str::is_empty) {
        assert!(Instant::now() < end, "the file never comes into the form");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    browser.click("#save").await;
    let end = Instant::now() + Duration::from_secs(10);
    while !browser.text("main").await.contains("HTTP/localhost@EXAMPLE.COM") {
        assert!(Instant::now() < end, "{}", browser.text("body").await);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    browser.quit().await;
    // The engine looks for new domains every few seconds.
    tokio::time::sleep(Duration::from_secs(4)).await;

    browser = Browser::with(&lab.server, more("alice")).await;
    browser.url.clone_from(&lab.url);
    browser.go("/sign-in").await;
    browser.click("#negotiate").await;
    browser.arrives("/user").await;
    assert!(browser.text("header").await.contains("alice@example.com"));
    browser.quit().await;

    // Who has no ticket sees the form and signs in by it.
    browser = Browser::with(&lab.server, more("nobody")).await;
    browser.url.clone_from(&lab.url);
    browser.go("/sign-in").await;
    browser.click("#negotiate").await;
    browser.find("[role=alert]").await;
    browser.fill("#user", "admin@internal").await;
    browser.fill("#password", &lab.server.password("admin")).await;
    browser.click("#go").await;
    browser.arrives("/admin").await;
    browser.quit().await;
}
