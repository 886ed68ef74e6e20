//! Sessions, settings and second factors of the real program, by hand; and guessers in numbers.

use crate::api::Api;
use crate::portal::{Portal, between};
use crate::server::{Server, Start};
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::{Duration, Instant};
use totp_rs::{Builder, Secret};

/// A browser without scripts: keeps cookies, follows nothing.
struct Visitor {
    http: reqwest::Client,
    url: String,
    cookies: BTreeMap<String, String>,
}

struct Page {
    status: u16,
    location: String,
    text: String,
}

fn client(from: Option<IpAddr>) -> reqwest::Client {
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder()
        .pool_idle_timeout(crate::api::IDLE)
        .tls_danger_accept_invalid_certs(true)
        .redirect(reqwest::redirect::Policy::none())
        .local_address(from)
        .build()
        .unwrap()
}

fn form(fields: &[(&str, &str)]) -> String {
    serde_urlencoded::to_string(fields).unwrap()
}

impl Visitor {
    fn new(server: &Server) -> Self {
        Self { http: client(None), url: server.url.clone(), cookies: BTreeMap::new() }
    }

    async fn send(&mut self, request: reqwest::RequestBuilder) -> Page {
        let cookies: Vec<String> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let answer = request.header("Cookie", cookies.join("; ")).send().await.unwrap();
        for cookie in answer.headers().get_all("set-cookie") {
            let (name, rest) = cookie.to_str().unwrap().split_once('=').unwrap();
            match rest.split(';').next().unwrap() {
                "" => self.cookies.remove(name),
                value => self.cookies.insert(name.to_owned(), value.to_owned()),
            };
        }
        let header = |name: &str| answer.headers().get(name).map_or("", |v| v.to_str().unwrap()).to_owned();
        let (status, location) = (answer.status().as_u16(), header("location"));
        Page { status, location, text: answer.text().await.unwrap() }
    }

    async fn get(&mut self, path: &str) -> Page {
        let request = self.http.get(format!("{}{path}", self.url));
        self.send(request).await
    }

    async fn post(&mut self, path: &str, fields: &[(&str, &str)]) -> Page {
        let request = self.http.post(format!("{}{path}", self.url)).body(form(fields));
        self.send(request.header("Content-Type", "application/x-www-form-urlencoded")).await
    }

    /// With the token of the page that it is sent from.
    async fn change(&mut self, page: &str, path: &str, fields: &[(&str, &str)]) -> Page {
        let shown = self.get(page).await.text;
        let csrf = between(&shown, "name=\"csrf-token\" content=\"", "\"").expect("pages carry the token");
        let mut all = vec![("csrf", csrf.as_str())];
        all.extend_from_slice(fields);
        self.post(path, &all).await
    }

    async fn password(&mut self, user: &str, password: &str) -> Page {
        self.post("/sign-in", &[("user", user), ("password", password), ("then", "/user")]).await
    }
}

/// The app's code, so many steps from now.
fn code(secret: &str, steps: i64) -> String {
    let app = Builder::new().with_secret(Secret::try_from_base32(secret).unwrap()).build_noncompliant();
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    app.generate(now.checked_add_signed(30 * steps).unwrap()).to_string()
}

fn vireo(server: &Server, arguments: &[&str]) -> (i32, String, String) {
    let (noun, rest) = arguments.split_first().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_vireo"));
    let out = command.arg(noun).arg("--data").arg(&server.data).args(rest).output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    (out.status.code().unwrap(), text(&out.stdout), text(&out.stderr))
}

async fn add_bob(server: &Server) {
    let boss = Portal::sign_in(server, "admin@internal", &server.password("admin")).await;
    let new = [("user_name", "bob"), ("password", "builder-1"), ("first_name", ""), ("last_name", ""), ("email", "")];
    assert_eq!(boss.post("/admin/users/new", &new).await.0, 303);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sign_in_never_goes_on_under_an_old_secret() {
    let server = Server::start(&Start::default());
    add_bob(&server).await;
    let mut bob = Visitor::new(&server);
    // A cookie of another engine, or garbage: the sign-in page, and nothing told.
    for planted in ["AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "'; drop table session; --", "x"] {
        bob.cookies.insert("__Host-vireo".to_owned(), planted.to_owned());
        let page = bob.get("/user").await;
        assert_eq!((page.status, page.location.as_str(), page.text.as_str()), (303, "/sign-in?then=%2Fuser", ""));
        assert_eq!(bob.password("bob", "builder-1").await.status, 303);
        assert_ne!(bob.cookies["__Host-vireo"], planted, "the planted one is not taken over");
    }
    // Whoever knew the session of before has nothing any more.
    let mut thief = Visitor::new(&server);
    thief.cookies = bob.cookies.clone();
    assert_eq!(thief.get("/user").await.status, 200);
    assert_eq!(bob.password("bob", "builder-1").await.status, 303);
    assert_eq!(thief.get("/user").await.status, 303);
    assert_eq!(bob.get("/user").await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn settings_at_the_command_line_and_sessions_in_the_portal() {
    let server = Server::start(&Start::default());
    add_bob(&server).await;
    let (code, list, _) = vireo(&server, &["config", "--list"]);
    assert!(code == 0 && list.contains("UserSessionTimeOutInterval: Minutes"), "{list}");
    assert_eq!(vireo(&server, &["config", "-g", "UserSessionTimeOutInterval"]).1, "UserSessionTimeOutInterval: 30\n");
    let changed = vireo(&server, &["config", "-s", "UserSessionTimeOutInterval=-1", "-s", "UserSessionHardLimit=60"]);
    assert_eq!(changed.1, "UserSessionTimeOutInterval: -1\nUserSessionHardLimit: 60\n", "{changed:?}");
    for (wrong, said) in [("UserSessionHardLimit=0", "between 1"), ("Nothing=1", "UserSessionHardLimit")] {
        let (code, _, told) = vireo(&server, &["config", "-s", wrong]);
        assert!(code == 2 && told.contains(said), "{code} {told}");
    }
    let mut admin = Visitor::new(&server);
    admin.password("admin", &server.password("admin")).await;
    assert!(admin.get("/admin/settings").await.text.contains("value=\"60\""));
    let wrong = [("UserSessionTimeOutInterval", "soon"), ("UserSessionHardLimit", "60")];
    assert!(admin.change("/admin/settings", "/admin/settings", &wrong).await.text.contains("soon"));
    let good = [("UserSessionTimeOutInterval", "20"), ("SecondFactor", "optional")];
    assert_eq!(admin.change("/admin/settings", "/admin/settings", &good).await.status, 303);

    let mut bob = Visitor::new(&server);
    bob.password("bob", "builder-1").await;
    let mut elsewhere = Visitor::new(&server);
    elsewhere.password("bob", "builder-1").await;
    assert_eq!(bob.change("/security", "/security/sessions/end", &[("session", "others")]).await.status, 303);
    assert_eq!((bob.get("/user").await.status, elsewhere.get("/user").await.status), (200, 303));
    let page = admin.get("/admin/sessions?search=user%3Dbob*").await.text;
    assert!(page.contains("bob@internal") && page.contains("127.0.0.1"));
    assert_eq!(page.matches("name=\"pick\"").count(), 1, "the others are not found");
    let pick = between(&page, "name=\"pick\" value=\"", "\"").unwrap();
    let ended = admin.change("/admin/sessions", "/admin/sessions", &[("pick", &pick), ("action", "end")]).await;
    assert_eq!((ended.status, bob.get("/user").await.status), (303, 303));
    assert!(
        server.admin().messages().await.iter().any(|m| m == "A session of bob@internal was ended by admin@internal.")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn codes_from_set_up_to_reset() {
    let server = Server::start(&Start::default());
    add_bob(&server).await;
    let mut bob = Visitor::new(&server);
    bob.password("bob", "builder-1").await;
    let wrong = bob.change("/security", "/security/codes", &[("password", "wrong")]).await;
    assert!(wrong.status == 401 && wrong.text.contains("password is wrong"), "{}", wrong.status);
    let begun = bob.change("/security", "/security/codes", &[("password", "builder-1")]).await;
    assert_eq!((begun.status, begun.location.as_str()), (303, "/security/codes"));
    let page = bob.get("/security/codes").await.text;
    let secret = between(&page, "id=\"totp-secret\">", "<").unwrap();
    assert!(page.contains("<svg") && !page.contains("style="), "the picture needs no style");
    let wrong = bob.change("/security/codes", "/security/codes/confirm", &[("code", "000000")]).await;
    assert!(wrong.status == 400 && wrong.text.contains(&secret), "the same picture again");
    let first = code(&secret, -1);
    let done = bob.change("/security/codes", "/security/codes/confirm", &[("code", &first)]).await;
    let recovery = between(&done.text, "<li><code>", "<").expect("recovery codes are shown");

    let mut again = Visitor::new(&server);
    let asked = again.password("bob", "builder-1").await;
    assert_eq!((asked.status, asked.location.as_str()), (303, "/sign-in/code?then=%2Fuser"));
    assert!(!again.cookies.contains_key("__Host-vireo"), "no session yet");
    assert_eq!(again.get("/user").await.status, 303);
    assert!(again.get("/sign-in/code?then=/user").await.text.contains("bob@internal"));
    let wrong = again.post("/sign-in/code", &[("code", &first), ("then", "/user")]).await;
    assert!(wrong.status == 401 && wrong.text.contains("used before"));
    let good = again.post("/sign-in/code", &[("code", &code(&secret, 0)), ("then", "//evil.example")]).await;
    assert_eq!((good.status, good.location.as_str()), (303, "/"));
    assert_eq!(again.get("/user").await.status, 200);
    let mut lost = Visitor::new(&server);
    lost.password("bob", "builder-1").await;
    assert_eq!(lost.post("/sign-in/code", &[("code", &recovery), ("then", "/")]).await.status, 303);

    // The API: refused with what to do, and with the code behind the password good.
    let api = |password: String| Api::new(&server.url, "bob@internal", &password, true);
    let (status, fault) = api("builder-1".to_owned()).get("/vms").await;
    assert!(status == 401 && fault.to_string().contains("followed by the six digits"), "{fault}");
    let with_code = api(format!("builder-1{}", code(&secret, 1)));
    assert_eq!(with_code.get("/vms").await.0, 200);
    assert_eq!(with_code.get("/vms").await.0, 200, "remembered while it is used");

    assert!(vireo(&server, &["users", "user", "show", "bob"]).1.contains("Recovery codes left: 7"));
    assert_eq!(vireo(&server, &["users", "user", "edit", "bob", "--flag=-secondfactor"]).0, 0);
    assert_eq!(lost.get("/user").await.status, 303, "his sessions have ended");
    assert_eq!(lost.password("bob", "builder-1").await.location, "/user");
}

/// Tries to sign in until it is told to stop; what it heard, by status.
async fn guess(
    http: reqwest::Client,
    url: String,
    pace: Duration,
    number: Arc<AtomicU32>,
    stop: Arc<AtomicBool>,
) -> BTreeMap<u16, u32> {
    let mut heard = BTreeMap::new();
    let mut next = tokio::time::interval(pace);
    while !stop.load(Ordering::Relaxed) {
        next.tick().await;
        let n = number.fetch_add(1, Ordering::Relaxed);
        let body = form(&[("user", &format!("user{}", n % 50)), ("password", &format!("guess-{n}")), ("then", "/")]);
        let request = http.post(format!("{url}/sign-in")).header("Content-Type", "application/x-www-form-urlencoded");
        if let Ok(answer) = request.body(body).send().await {
            *heard.entry(answer.status().as_u16()).or_default() += 1;
            let _ = answer.bytes().await;
        }
    }
    heard
}

/// How long each of some sign-ins takes, from an address of its own.
async fn sign_ins(server: &Server, count: usize) -> Vec<Duration> {
    let http = client(Some(IpAddr::V4(Ipv4Addr::new(127, 0, 0, 2))));
    let mut taken = Vec::new();
    for _ in 0..count {
        let begun = Instant::now();
        let body = form(&[("user", "bob"), ("password", "builder-1"), ("then", "/")]);
        let request = http.post(format!("{}/sign-in", server.url));
        let request = request.header("Content-Type", "application/x-www-form-urlencoded").body(body);
        assert_eq!(request.send().await.unwrap().status().as_u16(), 303);
        taken.push(begun.elapsed());
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    taken
}

/// Others are undisturbed: generous for a machine that does other things, too.
const UNDISTURBED: Duration = Duration::from_secs(10);

#[tokio::test(flavor = "multi_thread")]
async fn a_guesser_with_a_thousand_tries_a_second_disturbs_nobody() {
    let server = Server::start(&Start::default());
    add_bob(&server).await;
    let calm = sign_ins(&server, 3).await;
    let (number, stop, begun) = (Arc::new(AtomicU32::new(0)), Arc::new(AtomicBool::new(false)), Instant::now());
    let guessers: Vec<_> = (0..20)
        .map(|_| {
            let pace = Duration::from_millis(20);
            tokio::spawn(guess(client(None), server.url.clone(), pace, number.clone(), stop.clone()))
        })
        .collect();
    tokio::time::sleep(Duration::from_secs(1)).await;
    let flooded = sign_ins(&server, 12).await;
    stop.store(true, Ordering::Relaxed);
    let mut heard: BTreeMap<u16, u32> = BTreeMap::new();
    for guesser in guessers {
        for (status, count) in guesser.await.unwrap() {
            *heard.entry(status).or_default() += count;
        }
    }
    let rate = f64::from(heard.values().sum::<u32>()) / begun.elapsed().as_secs_f64();
    println!("calm {calm:?}\nflooded {flooded:?}\n{rate:.0} tries a second were heard: {heard:?}");
    assert!(heard.keys().all(|status| [401, 429].contains(status)), "{heard:?}");
    assert!(heard[&401] <= 20, "no more are looked at: {heard:?}");
    assert!(rate > 50.0, "{rate} tries a second");
    assert!(flooded.iter().all(|taken| *taken < UNDISTURBED), "{flooded:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_addresses_that_guess_disturb_nobody() {
    let server = Server::start(&Start::default());
    add_bob(&server).await;
    // He was here before; strangers come after those who were.
    sign_ins(&server, 1).await;
    let (number, stop) = (Arc::new(AtomicU32::new(0)), Arc::new(AtomicBool::new(false)));
    let guessers: Vec<_> = (0..100)
        .map(|n| {
            let from = client(Some(IpAddr::V4(Ipv4Addr::new(127, 0, 1, n))));
            let pace = Duration::from_millis(500);
            tokio::spawn(guess(from, server.url.clone(), pace, number.clone(), stop.clone()))
        })
        .collect();
    tokio::time::sleep(Duration::from_secs(1)).await;
    let flooded = sign_ins(&server, 8).await;
    stop.store(true, Ordering::Relaxed);
    let mut looked_at = 0;
    for guesser in guessers {
        looked_at += guesser.await.unwrap().get(&401).copied().unwrap_or_default();
    }
    println!("flooded {flooded:?}; {looked_at} guesses were looked at");
    assert!(flooded.iter().all(|taken| *taken < UNDISTURBED), "{flooded:?}");
}
