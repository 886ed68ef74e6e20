//! Consoles in native viewers: the file, the port on the host, the password; by clients that speak the first words of VNC and SPICE.

use crate::api::{Api, eventually, id_of};
use crate::consoles::{close_code, greeting, open, ticket};
use crate::portal::Portal;
use crate::server::{Server, Start};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::Write as _;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;

const VNC: &str = "564e43";
const SPICE: &str = "5350494345";

/// The keys that virt-viewer knows (virt-viewer-file.c).
const KNOWN: &str = "type host port tls-port username password disable-channels tls-ciphers ca host-subject fullscreen title \
    toggle-fullscreen minimize zoom-in zoom-out zoom-reset release-cursor smartcard-insert smartcard-remove secure-attention \
    enable-smartcard enable-usbredir color-depth disable-effects enable-usb-autoshare usb-filter proxy version newer-version-url versions \
    delete-this-file secure-channels";

/// A key file read by GKeyFile's rules: one group, `key=value`, escapes.
fn read(file: &str) -> BTreeMap<String, String> {
    let mut lines = file.lines();
    assert_eq!(lines.next(), Some("[virt-viewer]"));
    let pairs = lines.map(|line| {
        let (key, value) = line.split_once('=').unwrap_or_else(|| panic!("{line:?} is no key"));
        assert!(KNOWN.split_whitespace().any(|known| known == key), "virt-viewer does not know {key}");
        let mut text = String::new();
        let mut letters = value.chars();
        while let Some(letter) = letters.next() {
            text.push(match letter {
                '\\' => match letters.next() {
                    Some('n') => '\n',
                    Some('s') => ' ',
                    Some('t') => '\t',
                    Some('r') => '\r',
                    Some('\\') => '\\',
                    other => panic!("{value:?} has the escape {other:?}"),
                },
                other => other,
            });
        }
        (key.to_owned(), text)
    });
    pairs.collect()
}

/// The console's file by the API.
async fn file(api: &Api, vm: &str, console: &str) -> BTreeMap<String, String> {
    let (code, answer) = ask(api, vm, console).await;
    assert_eq!(code, 200, "{answer}");
    read(answer["remote_viewer_connection_file"].as_str().unwrap())
}

async fn ask(api: &Api, vm: &str, console: &str) -> (u16, Value) {
    api.post(&format!("/vms/{vm}/graphicsconsoles/{console}/remoteviewerconnectionfile"), json!({})).await
}

fn openssl(args: &[&str], input: &[u8]) -> Vec<u8> {
    let mut child = Command::new("openssl").args(args).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(input).unwrap();
    let out = child.wait_with_output().unwrap();
    assert!(out.status.success());
    out.stdout
}

/// TLS as a viewer does it, trusting this authority only.
async fn tls(tcp: TcpStream, ca: &str) -> std::io::Result<TlsStream<TcpStream>> {
    let mut roots = rustls::RootCertStore::empty();
    for one in rustls::pki_types::pem::PemObject::pem_slice_iter(ca.as_bytes()) {
        roots.add(one.unwrap()).unwrap();
    }
    let config = rustls::ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
    let name = rustls::pki_types::ServerName::try_from("127.0.0.1").unwrap();
    tokio_rustls::TlsConnector::from(Arc::new(config)).connect(name, tcp).await
}

async fn dial(file: &BTreeMap<String, String>, port: &str) -> std::io::Result<TcpStream> {
    assert_eq!(file["host"], "127.0.0.1");
    TcpStream::connect(("127.0.0.1", file[port].parse::<u16>().unwrap())).await
}

/// VNC (RFC 6143) inside VeNCrypt's X509Vnc up to ServerInit; an error where the port or the password refuses.
async fn vnc(file: &BTreeMap<String, String>, ca: &str, password: &str) -> std::io::Result<TlsStream<TcpStream>> {
    let mut tcp = dial(file, "port").await?;
    let mut version = [0; 12];
    tcp.read_exact(&mut version).await?;
    assert_eq!(&version, b"RFB 003.008\n");
    tcp.write_all(&version).await?;
    let mut kinds = [0; 2];
    tcp.read_exact(&mut kinds).await?;
    assert_eq!(kinds, [1, 19], "nothing but VeNCrypt is offered");
    tcp.write_all(&[19]).await?;
    assert_eq!(tcp.read_u16().await?, 2);
    tcp.write_all(&[0, 2]).await?;
    assert_eq!((tcp.read_u8().await?, tcp.read_u8().await?, tcp.read_u32().await?), (0, 1, 261));
    tcp.write_u32(261).await?;
    assert_eq!(tcp.read_u8().await?, 1);
    let mut tls = tls(tcp, ca).await?;
    let mut challenge = [0; 16];
    tls.read_exact(&mut challenge).await?;
    let mut key = [0; 8];
    key.iter_mut().zip(password.bytes()).for_each(|(k, letter)| *k = letter.reverse_bits());
    let key: String = key.iter().map(|b| format!("{b:02x}")).collect();
    let legacy = ["-provider", "legacy", "-provider", "default", "-nopad", "-K", &key];
    let answer = openssl(&[&["enc", "-des-ecb"][..], &legacy].concat(), &challenge);
    tls.write_all(&answer).await?;
    tls.flush().await?;
    if tls.read_u32().await? != 0 {
        return Err(std::io::ErrorKind::PermissionDenied.into());
    }
    // Alone, as viewers ask by habit.
    tls.write_u8(0).await?;
    tls.flush().await?;
    let (width, height) = (tls.read_u16().await?, tls.read_u16().await?);
    assert!(width >= 640 && height >= 400, "{width}x{height}");
    let mut rest = [0; 16];
    tls.read_exact(&mut rest).await?;
    let mut name = vec![0; tls.read_u32().await? as usize];
    tls.read_exact(&mut name).await?;
    Ok(tls)
}

/// A whole picture is asked for and begins to come.
async fn draws(viewer: &mut TlsStream<TcpStream>) -> bool {
    let request = [3, 0, 0, 0, 0, 0, 0, 64, 0, 64];
    viewer.write_all(&request).await.unwrap();
    viewer.flush().await.unwrap();
    tokio::time::timeout(Duration::from_secs(10), viewer.read_u8()).await.unwrap().is_ok()
}

/// A connection of SPICE up to the password's verdict.
async fn spice(
    file: &BTreeMap<String, String>,
    session: u32,
    channel: u8,
    password: &str,
) -> std::io::Result<TlsStream<TcpStream>> {
    let mut tls = tls(dial(file, "tls-port").await?, &file["ca"]).await?;
    let mut body = session.to_le_bytes().to_vec();
    body.extend([channel, 0]);
    // One word of common capabilities: the password's way is chosen, messages have small heads.
    for number in [1_u32, 0, 18, 0b1001] {
        body.extend(number.to_le_bytes());
    }
    let mut link = b"REDQ".to_vec();
    for number in [2_u32, 2, u32::try_from(body.len()).unwrap()] {
        link.extend(number.to_le_bytes());
    }
    tls.write_all(&[link, body].concat()).await?;
    tls.flush().await?;
    let mut head = [0; 16];
    tls.read_exact(&mut head).await?;
    assert_eq!(&head[..4], b"REDQ");
    let mut reply = vec![0; u32::from_le_bytes(head[12..].try_into().unwrap()) as usize];
    tls.read_exact(&mut reply).await?;
    assert_eq!(reply[..4], [0; 4], "the link is good");
    let key = crate::server::fresh_dir().join("key.der");
    std::fs::write(&key, &reply[4..166]).unwrap();
    let told = [password.as_bytes(), &[0]].concat();
    let path = key.to_str().unwrap();
    let oaep = ["-keyform", "DER", "-inkey", path, "-pkeyopt", "rsa_padding_mode:oaep"];
    let sealed = openssl(&[&["pkeyutl", "-encrypt", "-pubin"][..], &oaep].concat(), &told);
    std::fs::remove_dir_all(key.parent().unwrap()).unwrap();
    tls.write_all(&[&1_u32.to_le_bytes()[..], &sealed].concat()).await?;
    tls.flush().await?;
    match tls.read_u32_le().await? {
        0 => Ok(tls),
        _ => Err(std::io::ErrorKind::PermissionDenied.into()),
    }
}

/// The session that the main channel's first words name.
async fn session_of(main: &mut TlsStream<TcpStream>) -> u32 {
    loop {
        let (kind, size) = (main.read_u16_le().await.unwrap(), main.read_u32_le().await.unwrap());
        let mut data = vec![0; size as usize];
        main.read_exact(&mut data).await.unwrap();
        if kind == 103 {
            return u32::from_le_bytes(data[..4].try_into().unwrap());
        }
    }
}

async fn ends(mut viewer: TlsStream<TcpStream>) {
    let end = async { while viewer.read(&mut [0; 4096]).await.is_ok_and(|n| n > 0) {} };
    tokio::time::timeout(Duration::from_secs(10), end).await.expect("the viewer's connection ends");
}

async fn vm(admin: &Api, name: &str, display: &str) -> String {
    let body = json!({"name": name, "template": {"name": "demo-linux"}, "cluster": {"name": "Default"}, "display": {"type": display}});
    let (code, made) = admin.post("/vms", body).await;
    assert_eq!(code, 202, "{made}");
    let id = id_of(&made);
    admin.wait(&id, "down").await;
    admin.act(&id, "start").await;
    admin.wait_for(&id, &["powering_up", "up"]).await;
    id
}

#[tokio::test(flavor = "multi_thread")]
async fn a_viewer_comes_in_once_by_the_file() {
    let environment = vec![("VIREO_VIEWER_TIME", "15".to_owned())];
    let server = Server::start(&Start { demo: true, without_iso: true, environment, ..Start::default() });
    let admin = server.admin();
    let ca = std::fs::read_to_string(server.data.join("pki/ca.pem")).unwrap();
    let his = Portal::sign_in(&server, "admin@internal", &server.password("admin")).await;
    let (spicy, plain) = (vm(&admin, "spicy", "spice").await, vm(&admin, "plain", "vnc").await);

    // Not before the administrator says so.
    assert_eq!(ask(&admin, &plain, VNC).await.0, 409);
    assert!(!his.get(&format!("/admin/vms/{plain}/console")).await.1.contains("id=\"viewer\""));
    assert_eq!(his.post("/admin/settings", &[("RemoteViewerPorts", "45900-45909")]).await.0, 303);
    assert!(his.get(&format!("/admin/vms/{plain}/console")).await.1.contains("id=\"viewer\""));
    assert_eq!(ask(&admin, &plain, SPICE).await.0, 404, "it has no such console");
    let (code, whole) = his.post(&format!("/console/{plain}/viewer"), &[]).await;
    assert_eq!((code, read(&whole)["type"].as_str()), (200, "vnc"), "by the portal, too");
    assert_eq!(his.post_foreign(&format!("/console/{plain}/viewer")).await.0, 403);

    with_vnc(&server, &admin, &his, &plain, &ca).await;
    with_spice(&admin, &spicy).await;

    // Who comes too late finds no port.
    let late = file(&admin, &plain, VNC).await;
    eventually("the port closes", || async { dial(&late, "port").await.is_err() }).await;
}

async fn with_vnc(server: &Server, admin: &Api, his: &Portal, vm: &str, ca: &str) {
    let mut browser = open(server, vm, &ticket(his, vm).await, None).await.unwrap();
    greeting(&mut browser).await;
    let given = file(admin, vm, VNC).await;
    assert_eq!((given["delete-this-file"].as_str(), given["password"].len()), ("1", 8));
    let wrong = vnc(&given, ca, "wrong").await.err().unwrap();
    assert_eq!(wrong.kind(), std::io::ErrorKind::PermissionDenied, "{wrong}");
    let mut viewer = vnc(&given, ca, &given["password"]).await.unwrap();
    assert!(draws(&mut viewer).await);
    eventually("the port closes with the first who is in", || async { dial(&given, "port").await.is_err() }).await;
    let told =
        || async { admin.messages().await.iter().any(|m| m.contains("admin@internal is connected to VM plain")) };
    eventually("it is told", told).await;
    assert!(draws(&mut viewer).await, "and stays in");

    // A new file makes the one before it useless, and not the other way round.
    let (old, new) = (file(admin, vm, VNC).await, file(admin, vm, VNC).await);
    vnc(&old, ca, &old["password"]).await.err().unwrap();
    let mut second = vnc(&new, ca, &new["password"]).await.unwrap();
    assert!(draws(&mut second).await && draws(&mut viewer).await, "both look on");
    drop(second);

    // Three wrong passwords, and the right one comes too late.
    let given = file(admin, vm, VNC).await;
    for _ in 0..3 {
        vnc(&given, ca, "wrong").await.err().unwrap();
    }
    eventually("the port closes", || async { dial(&given, "port").await.is_err() }).await;

    // The VM stops: the viewer's connection ends as the browser's does.
    admin.act(vm, "stop").await;
    assert_eq!(close_code(&mut browser).await, 4404);
    ends(viewer).await;
    admin.wait(vm, "down").await;
    admin.act(vm, "start").await;
    admin.wait_for(vm, &["powering_up", "up"]).await;
}

async fn with_spice(admin: &Api, vm: &str) {
    let given = file(admin, vm, SPICE).await;
    assert_eq!(given["host-subject"].split_once('=').unwrap().0, "CN");
    assert!(given["secure-channels"].contains("main;") && given["port"] == "-1");
    spice(&given, 0, 1, "wrong").await.err().unwrap();
    let mut main = spice(&given, 0, 1, &given["password"]).await.unwrap();
    let session = session_of(&mut main).await;
    // Keys and pointer come on connections of their own, with the same password.
    let inputs = spice(&given, session, 3, &given["password"]).await.unwrap();
    spice(&given, session, 4, "wrong").await.err().unwrap();
    spice(&given, 0, 1, &given["password"]).await.expect_err("the password was used");
    drop(main);
    ends(inputs).await;
    eventually("the port closes", || async { dial(&given, "tls-port").await.is_err() }).await;
}
