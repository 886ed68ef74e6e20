//! Consoles over the WebSocket: what a ticket is good for, and when a console ends.

use crate::api::{eventually, id_of};
use crate::portal::{Portal, between};
use crate::server::{Server, Start};
use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::http::Request;
use tokio_tungstenite::tungstenite::{Error, Message};

pub type Socket = WebSocketStream<TlsStream<TcpStream>>;

async fn tls(server: &Server) -> TlsStream<TcpStream> {
    let mut roots = rustls::RootCertStore::empty();
    let ca = std::fs::read(server.data.join("pki/ca.pem")).unwrap();
    for one in rustls::pki_types::pem::PemObject::pem_slice_iter(&ca) {
        roots.add(one.unwrap()).unwrap();
    }
    let config = rustls::ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
    let tcp = TcpStream::connect(("127.0.0.1", server.port)).await.unwrap();
    let name = rustls::pki_types::ServerName::try_from("localhost").unwrap();
    tokio_rustls::TlsConnector::from(Arc::new(config)).connect(name, tcp).await.unwrap()
}

/// Opens a console; a refusal is its status.
pub async fn open(server: &Server, vm: &str, ticket: &str, origin: Option<&str>) -> Result<Socket, u16> {
    let url = format!("wss://localhost:{}/console/{vm}?ticket={ticket}", server.port);
    let mut request = url.into_client_request().unwrap();
    if let Some(origin) = origin {
        request.headers_mut().insert("Origin", origin.parse().unwrap());
    }
    connect(server, request).await
}

/// The same, with the cookie of this browser.
async fn open_as(server: &Server, vm: &str, ticket: &str, browser: &Portal) -> Result<Socket, u16> {
    let url = format!("wss://localhost:{}/console/{vm}?ticket={ticket}", server.port);
    let mut request = url.into_client_request().unwrap();
    request.headers_mut().insert("Cookie", format!("other=1; {}", browser.cookie).parse().unwrap());
    connect(server, request).await
}

async fn connect(server: &Server, request: Request<()>) -> Result<Socket, u16> {
    match tokio_tungstenite::client_async(request, tls(server).await).await {
        Ok((socket, _)) => Ok(socket),
        Err(Error::Http(answer)) => Err(answer.status().as_u16()),
        Err(e) => panic!("{e}"),
    }
}

/// The first bytes of a VNC server.
pub async fn greeting(socket: &mut Socket) -> String {
    let message = tokio::time::timeout(Duration::from_secs(10), socket.next()).await;
    let message = message.expect("the display greets").expect("the console is open").unwrap();
    String::from_utf8_lossy(&message.into_data()).into_owned()
}

/// The code that the console is closed with.
pub async fn close_code(socket: &mut Socket) -> u16 {
    let end = tokio::time::timeout(Duration::from_secs(10), async {
        while let Some(Ok(message)) = socket.next().await {
            if let Message::Close(Some(frame)) = message {
                return frame.code.into();
            }
        }
        0
    });
    end.await.expect("the console is closed at once")
}

pub async fn ticket(portal: &Portal, vm: &str) -> String {
    let (code, body) = portal.post(&format!("/console/{vm}/ticket"), &[]).await;
    assert_eq!(code, 200, "{body}");
    between(&body, "\"ticket\":\"", "\"").unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn tickets_and_ends_of_consoles() {
    let server = Server::start(&Start { demo: true, ..Start::default() });
    let (admin, alice) = (server.admin(), server.alice());
    let (_, pools) = alice.get("/vmpools").await;
    let path = format!("/vmpools/{}/allocatevm", id_of(&pools["vm_pool"][0]));
    let vm = id_of(&alice.post(&path, json!({})).await.1["vm"]);
    admin.wait_for(&vm, &["powering_up", "up"]).await;
    let her = Portal::sign_in(&server, "alice@internal", &server.password("alice")).await;
    let his = Portal::sign_in(&server, "admin@internal", &server.password("admin")).await;

    tickets(&server, &her, &vm).await;
    dropped_browsers(&server, &her, &vm).await;

    // The permission is taken away.
    let mut console = open(&server, &vm, &ticket(&her, &vm).await, None).await.unwrap();
    assert!(greeting(&mut console).await.starts_with("RFB "));
    let (_, held) = admin.get(&format!("/vms/{vm}/permissions")).await;
    let her_id = id_of(&admin.get("/users?search=usrname%3Dalice").await.1["user"][0]);
    let all = held["permission"].as_array().unwrap();
    let hers = all.iter().find(|p| p["user"]["id"] == her_id.as_str()).map(id_of).expect("her permission is on the VM");
    assert_eq!(his.post(&format!("/admin/permissions/{hers}/remove"), &[]).await.0, 303);
    assert_eq!(close_code(&mut console).await, 4403);

    // The session ends.
    let mut console = open(&server, &vm, &ticket(&his, &vm).await, None).await.unwrap();
    greeting(&mut console).await;
    let (code, issued) = his.post(&format!("/console/{vm}/ticket"), &[("of", "serial")]).await;
    assert_eq!(code, 200, "{issued}");
    let mut serial = open(&server, &vm, &between(&issued, "\"ticket\":\"", "\"").unwrap(), None).await.unwrap();
    his.post("/sign-out", &[]).await;
    assert_eq!(close_code(&mut console).await, 4401);
    assert_eq!(close_code(&mut serial).await, 4401);

    // The VM stops.
    let his = Portal::sign_in(&server, "admin@internal", &server.password("admin")).await;
    let mut console = open(&server, &vm, &ticket(&his, &vm).await, None).await.unwrap();
    greeting(&mut console).await;
    admin.act(&vm, "stop").await;
    assert_eq!(close_code(&mut console).await, 4404);
}

async fn tickets(server: &Server, her: &Portal, vm: &str) {
    let good = ticket(her, vm).await;
    let forged = format!("{}A", &good[..good.len() - 1]);
    let forged = if forged == good { format!("{}B", &good[..good.len() - 1]) } else { forged };
    assert_eq!(open(server, vm, &forged, None).await.err(), Some(403), "a forged ticket");
    assert_eq!(open(server, vm, "", None).await.err(), Some(403), "no ticket");
    let other = "11111111-2222-3333-4444-555555555555";
    assert_eq!(open(server, other, &good, None).await.err(), Some(403), "another VM's");
    let foreign = Some("https://evil.example");
    assert_eq!(open(server, vm, &ticket(her, vm).await, foreign).await.err(), Some(403), "another site's page");
    let fresh = ticket(her, vm).await;
    let mut console = open(server, vm, &fresh, None).await.unwrap();
    assert!(greeting(&mut console).await.starts_with("RFB "));
    assert_eq!(open(server, vm, &fresh, None).await.err(), Some(403), "a used ticket");
    console.close(None).await.unwrap();
    // Her role opens screens only.
    let (_, state) = her.get(&format!("/console/{vm}/state?of=serial")).await;
    assert!(state.contains("no permission") && state.contains("\"console\":false"), "{state}");
    assert_eq!(her.post(&format!("/console/{vm}/ticket"), &[("of", "serial")]).await.0, 403);
    // A ticket that another session's browser brings is of no use.
    let hers = ticket(her, vm).await;
    let elsewhere = Portal::sign_in(server, "alice@internal", &server.password("alice")).await;
    assert_eq!(open_as(server, vm, &hers, &elsewhere).await.err(), Some(403), "another session's browser");
    assert!(open_as(server, vm, &ticket(her, vm).await, her).await.is_ok());
    let none = Portal::nobody(server).post(&format!("/console/{vm}/ticket"), &[]).await;
    assert_eq!(none.0, 401, "nobody gets a ticket");
    assert_eq!(her.post_foreign(&format!("/console/{vm}/ticket")).await.0, 403, "no token, no ticket");
    assert_eq!(her.post(&format!("/console/{other}/ticket"), &[]).await.0, 404, "a VM that is not hers");
}

/// Browsers that vanish in the middle hold nothing.
async fn dropped_browsers(server: &Server, her: &Portal, vm: &str) {
    for _ in 0..30 {
        let mut console = open(server, vm, &ticket(her, vm).await, None).await.unwrap();
        assert!(greeting(&mut console).await.starts_with("RFB "));
        // Half a frame, and gone without a word.
        console.feed(Message::Binary(vec![0; 100].into())).await.unwrap();
        drop(console);
    }
    eventually("their ends are told", || async {
        let told = server.admin().get("/events?max=200").await.1.to_string();
        told.matches("got disconnected from VM").count() >= 30
    })
    .await;
    let mut console = open(server, vm, &ticket(her, vm).await, None).await.unwrap();
    assert!(greeting(&mut console).await.starts_with("RFB "));
}
