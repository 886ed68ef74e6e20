//! The wizard, into every failure and out again; and in a browser.

use super::{boss, offered};
use crate::chromium::Browser;
use crate::directories::slapd::{PASSWORD, SEARCHER, SEARCHER_PASSWORD, Slapd};
use crate::portal::{Portal, between};
use crate::server::{Server, Start};
use serde_json::json;
use std::collections::BTreeMap;
use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::time::{Duration, Instant};
use vireo::model::domain::Transport;

/// Somebody at the wizard: what he typed, and what its last page carries for him.
struct Wizard<'a> {
    portal: &'a Portal,
    path: String,
    fields: BTreeMap<&'static str, String>,
    page: String,
}

impl<'a> Wizard<'a> {
    async fn open(portal: &'a Portal, path: &str) -> Self {
        let (code, page) = portal.get(path).await;
        assert_eq!(code, 200, "{page}");
        Self { portal, path: path.to_owned(), fields: BTreeMap::from([("stage", "kind".to_owned())]), page }
    }

    fn with(&mut self, fields: &[(&'static str, &str)]) -> &mut Self {
        for (name, value) in fields {
            self.fields.insert(name, (*value).to_owned());
        }
        self
    }

    /// Presses a button; the answer's status. What the next page does not ask it must carry.
    async fn press(&mut self, button: &str) -> u16 {
        let mut form: Vec<(&str, &str)> = self.fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
        form.push(("go", button));
        let (code, page) = self.portal.post(&self.path, &form).await;
        for secret in [SEARCHER_PASSWORD, PASSWORD] {
            assert!(!page.contains(secret), "a password stands in the page: {page}");
        }
        // A browser sends the passwords only where they are typed; the page carries them on.
        self.fields.remove("bind_password");
        self.fields.remove("test_password");
        for name in ["stage", "bind_sealed", "test_sealed", "generation"] {
            if let Some(value) = between(&page, &format!("name=\"{name}\" value=\""), "\"") {
                self.fields.insert(name, value);
            }
        }
        self.page = page;
        code
    }

    fn stage(&self) -> &str {
        &self.fields["stage"]
    }

    /// The page says this.
    fn says(&self, text: &str) {
        assert!(self.page.contains(text), "{text:?} is not told: {}", self.page);
    }

    /// The last step that was tried, and whether it went well.
    fn tried(&self) -> (String, bool) {
        let last = self.page.rsplit("data-step=\"").next().unwrap();
        let step = last.split('"').next().unwrap().to_owned();
        (step, last.contains("data-good=\"true\""))
    }
}

fn failed(step: &str) -> (String, bool) {
    (step.to_owned(), false)
}

fn went(step: &str) -> (String, bool) {
    (step.to_owned(), true)
}

/// Between the engine and a directory: cuts the line in the middle of the first answer that holds `word`.
fn dies_at(target: u16, word: &'static [u8]) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for client in listener.incoming().flatten() {
            let server = TcpStream::connect(("127.0.0.1", target)).unwrap();
            let (mut from, mut to) = (client.try_clone().unwrap(), server.try_clone().unwrap());
            std::thread::spawn(move || std::io::copy(&mut from, &mut to));
            std::thread::spawn(move || answers(server, client, word));
        }
    });
    port
}

fn answers(mut server: TcpStream, mut client: TcpStream, word: &[u8]) {
    let mut buffer = [0; 16384];
    while let Ok(count) = server.read(&mut buffer)
        && count > 0
    {
        let answer = &buffer[..count];
        let at = answer.windows(word.len()).position(|part| part == word);
        let _ = client.write_all(&answer[..at.unwrap_or(count)]);
        if at.is_some() {
            break;
        }
    }
    let _ = client.shutdown(std::net::Shutdown::Both);
    let _ = server.shutdown(std::net::Shutdown::Both);
}

/// All that a good domain on this slapd takes.
fn good<'a>(slapd: &Slapd, servers: &'a mut String) -> Vec<(&'static str, &'a str)> {
    *servers = slapd.server(Transport::Ldaps).to_string();
    vec![
        ("name", "example.com"),
        ("provider", "OpenLDAP"),
        ("where", "list"),
        ("servers", servers),
        ("dns", ""),
        ("transport", "ldaps"),
        ("bind_name", SEARCHER),
        ("base_dn", ""),
        ("test_user", ""),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn the_wizard_walks_into_every_failure_and_out_again() {
    let server = Server::start(&Start::default());
    let slapd = Slapd::start();
    let boss = boss(&server).await;
    let (mut servers, mut wizard) = (String::new(), Wizard::open(&boss, "/admin/directory_domains/new").await);
    wizard.with(&good(&slapd, &mut servers)).with(&[("ca_pem", &slapd.ca_pem)]);

    // Names that nobody can have stay at their step.
    for (name, said) in [("internal", "in use"), ("exa mple", "is not allowed"), ("", "Fill this in")] {
        wizard.with(&[("name", name)]).press("next").await;
        assert_eq!(wizard.stage(), "kind");
        wizard.says(said);
    }
    wizard.with(&[("name", "Example.com")]).press("next").await;
    assert_eq!(wizard.stage(), "servers");

    // No server that is named, or that the DNS knows.
    wizard.with(&[("servers", "")]).press("next").await;
    assert_eq!(wizard.stage(), "servers");
    wizard.with(&[("where", "srv"), ("dns", "127.0.0.1")]).press("test").await;
    assert_eq!(wizard.tried(), failed("find_servers"));
    wizard.with(&[("where", "list"), ("dns", ""), ("servers", "localhost:1")]).press("test").await;
    assert_eq!(wizard.tried(), went("find_servers"));
    wizard.press("next").await;
    wizard.press("test").await;
    assert_eq!((wizard.stage(), wizard.tried()), ("transport", failed("connect")));
    wizard.says("cannot be reached");

    // Back, nothing is lost; the right server, but a certificate authority that did not sign it, or is none.
    wizard.press("back").await;
    wizard.says("value=\"localhost:1\"");
    let here = slapd.server(Transport::Ldaps).to_string();
    let other = fs::read_to_string(server.data.join("pki/ca.pem")).unwrap();
    wizard.with(&[("servers", &here)]).press("next").await;
    wizard.with(&[("ca_pem", &other)]).press("test").await;
    assert_eq!(wizard.tried(), failed("connect"));
    wizard.says("shows a certificate that is not trusted");
    wizard.with(&[("ca_pem", "no certificate")]).press("test").await;
    assert_eq!(wizard.tried(), failed("connect"));
    wizard.says("cannot be read");
    wizard.with(&[("ca_pem", &slapd.ca_pem)]).press("test").await;
    assert_eq!(wizard.tried(), went("connect"));

    // A password that is wrong; then the right one, which travels on unseen.
    wizard.press("next").await;
    wizard.press("next").await;
    assert_eq!(wizard.stage(), "bind", "a name without a password is not enough");
    wizard.with(&[("bind_password", "guess")]).press("test").await;
    assert_eq!(wizard.tried(), failed("bind"));
    wizard.says("refuses the name or password");
    wizard.with(&[("base_dn", "dc=nowhere"), ("bind_password", SEARCHER_PASSWORD)]).press("next").await;
    wizard.press("test").await;
    assert_eq!(wizard.stage(), "trial");
    assert!(!wizard.tried().1);
    wizard.says("dc=nowhere");
    wizard.press("back").await;
    wizard.with(&[("base_dn", "")]).press("next").await;

    // A user who is not there, a wrong password of one who is; then all is well.
    wizard.with(&[("test_user", "nobody")]).press("test").await;
    assert_eq!(wizard.tried(), failed("find_user"));
    wizard.with(&[("test_user", "alice"), ("test_password", "guess")]).press("test").await;
    assert_eq!(wizard.tried(), failed("sign_in"));
    wizard.with(&[("test_password", PASSWORD)]).press("next").await;
    assert_eq!((wizard.stage(), wizard.tried()), ("review", went("sign_in")));
    wizard.says("developers, staff, vdi");

    // The same failures in Chinese.
    let mut chinese = boss.clone();
    chinese.cookie.push_str("; vireo-lang=zh-CN");
    wizard.portal = &chinese;
    wizard.with(&[("ca_pem", &other)]).press("test").await;
    wizard.says("的证书不受信任");
    wizard.says("忽略失败并保存");
    wizard.portal = &boss;
    wizard.with(&[("ca_pem", &slapd.ca_pem)]);
    assert_eq!(wizard.press("finish").await, 303, "{}", wizard.page);
    assert_eq!(wizard.press("finish").await, 200);
    wizard.says("in use");
    offered(&server, "example.com", true).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_slow_or_dies_is_told_and_can_be_kept_by_force() {
    let server = Server::start(&Start::default());
    let slapd = Slapd::start();
    let boss = boss(&server).await;
    let (mut servers, mut wizard) = (String::new(), Wizard::open(&boss, "/admin/directory_domains/new").await);
    wizard.with(&good(&slapd, &mut servers)).with(&[("ca_pem", &slapd.ca_pem), ("bind_password", SEARCHER_PASSWORD)]);

    // It dies in the middle of the search.
    let dying = format!("localhost:{}", dies_at(slapd.port, b"alice@example.com"));
    wizard.with(&[("servers", &dying), ("transport", "plain"), ("test_user", "alice")]).press("review").await;
    assert_eq!(wizard.stage(), "review");
    assert!(!wizard.tried().1, "{}", wizard.page);
    assert!(["find_user", "resolve_groups"].contains(&wizard.tried().0.as_str()), "{:?}", wizard.tried());
    wizard.says("sends every password in clear");

    // It takes the connection and says nothing.
    slapd.freeze();
    let begun = Instant::now();
    wizard.with(&[("servers", &slapd.server(Transport::Ldaps).to_string()), ("transport", "ldaps")]);
    wizard.press("test").await;
    slapd.thaw();
    assert_eq!(wizard.tried(), failed("connect"));
    wizard.says("did not answer within");
    assert!(begun.elapsed() < Duration::from_secs(45), "{:?}", begun.elapsed());

    // Whoever wants it all the same gets it, and is told of its state.
    wizard.with(&[("servers", "localhost:1")]);
    assert_eq!(wizard.press("finish").await, 200);
    assert_eq!(wizard.press("force").await, 303);
    let (_, list) = boss.get("/admin/directory_domains").await;
    let id = between(&list, "/admin/directory_domains/", "/edit").expect("it is in the list");
    let id = id.rsplit('/').next().unwrap().to_owned();
    let end = Instant::now() + Duration::from_secs(20);
    let path = format!("/admin/directory_domains/{id}");
    while !boss.get(&path).await.1.contains("cannot be reached") {
        assert!(Instant::now() < end, "its state is not told");
        tokio::time::sleep(Duration::from_millis(300)).await;
    }

    // Two edit it at once: who is late loses nothing but the race. The kept password goes to no other server.
    let mut first = Wizard::open(&boss, &format!("{path}/edit")).await;
    let generation = between(&first.page, "name=\"generation\" value=\"", "\"").unwrap();
    first.with(&good(&slapd, &mut servers)).with(&[("ca_pem", &slapd.ca_pem), ("generation", &generation)]);
    let late = first.fields.clone();
    first.press("review").await;
    first.says("would be sent elsewhere");
    first.with(&[("bind_password", SEARCHER_PASSWORD)]);
    assert_eq!(first.press("finish").await, 303, "{}", first.page);
    let mut second = Wizard::open(&boss, &format!("{path}/edit")).await;
    second.fields = late;
    assert_eq!(second.press("finish").await, 200);
    second.says("was changed by somebody else");
    let (code, page) = boss.post(&format!("{path}/check"), &[("test_user", "bob")]).await;
    assert!(code == 200 && page.contains("uid=bob,ou=people"), "{page}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_wizard_in_a_browser() {
    let server = Server::start(&Start::default());
    let slapd = Slapd::start();
    let browser = Browser::start(&server).await;
    browser.sign_in("admin@internal", &server.password("admin")).await;
    let pictures = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/pictures");
    let picture = async |name: &str| browser.screenshot(&pictures.join(format!("domains-{name}.png"))).await;
    let well = async |where_: &str| assert_eq!(browser.axe().await, Vec::<String>::new(), "{where_}");

    browser.go("/admin/directory_domains").await;
    well("empty list").await;
    browser.go("/admin/directory_domains/new").await;
    browser.fill("#provider", "OpenLDAP").await;
    browser.fill("#name", "example.com").await;
    well("kind").await;
    picture("kind").await;
    // Enter goes on.
    browser.find("#name").await.send_keys("\u{e007}").await.unwrap();
    browser.click("#where-list").await;
    browser.fill("#servers", &slapd.server(Transport::Ldaps).to_string()).await;
    well("servers").await;
    browser.click("[value=next].pf-m-primary").await;
    browser.find("#ca_pem").await;
    let ca = server.data.join("directory-ca.pem");
    fs::write(&ca, &slapd.ca_pem).unwrap();
    browser.find("input[data-into=ca_pem]").await.send_keys(ca.to_str().unwrap()).await.unwrap();
    let end = Instant::now() + Duration::from_secs(5);
    while browser.run("return document.getElementById('ca_pem').value.length > 100").await == json!(false) {
        assert!(Instant::now() < end, "the file does not come into the field");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    browser.click("[value=test]").await;
    browser.find("[data-step=connect][data-good=true]").await;
    well("transport").await;
    picture("transport").await;
    browser.click("[value=next].pf-m-primary").await;
    browser.fill("#bind_name", SEARCHER).await;
    browser.fill("#bind_password", "guess").await;
    browser.click("[value=test]").await;
    browser.find("[data-step=bind][data-good=false]").await;
    well("bind").await;
    picture("bind-refused").await;
    browser.fill("#bind_password", SEARCHER_PASSWORD).await;
    browser.click("[value=next].pf-m-primary").await;
    browser.fill("#test_user", "alice").await;
    browser.fill("#test_password", PASSWORD).await;
    browser.click("[value=next].pf-m-primary").await;
    browser.find("[data-step=sign_in][data-good=true]").await;
    for (width, dark) in [(1440, false), (390, true), (1440, true), (390, false)] {
        browser.size(width, 900).await;
        browser.dark(dark).await;
        let over =
            browser.run("return getComputedStyle(document.getElementById('sidebar')).position === 'absolute'").await;
        if width < 800 && over == json!(true) && browser.has("#nav-toggle[aria-expanded=true]").await {
            browser.click("#nav-toggle").await;
        }
        tokio::time::sleep(Duration::from_millis(300)).await;
        well("review").await;
        picture(&format!("review-{width}-{dark}")).await;
        let wide = browser.run("return document.documentElement.scrollWidth > window.innerWidth").await;
        assert_eq!(wide, json!(false), "it is wider than {width}");
    }
    browser.size(1440, 900).await;
    browser.dark(false).await;
    browser.click("[value=finish]").await;
    browser.find("form[action$='/check']").await;
    well("details").await;
    picture("details").await;
    browser.go("/language?to=zh-CN&then=/admin/directory_domains").await;
    well("list").await;
    picture("list-zh").await;
    browser.go("/admin/directory_search?domain=example.com&what=people&words=").await;
    browser.find("input[name=pick]").await;
    well("search").await;
    picture("search-zh").await;
    browser.size(390, 900).await;
    picture("search-zh-390").await;
    browser.driver.delete_all_cookies().await.unwrap();
    browser.go("/sign-in").await;
    browser.find("#profile").await;
    well("sign-in").await;
    picture("sign-in-390").await;
    browser.quit().await;
}
