//! Servers that mean ill, or are no LDAP servers at all. Each is a few bytes on a socket: no package makes such.

use super::slapd::Slapd;
use super::{hurried, slapd};
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::time::{Duration, Instant};
use vireo::model::domain::{
    DirectoryConfig, DirectoryTrouble, Provider, ServerAddress, Servers, SignInRefusal, Step, Transport,
};

/// Answers every connection with `serve` in a thread of its own, as long as the test runs.
fn server(serve: impl Fn(TcpStream) + Send + Sync + 'static) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let serve = std::sync::Arc::new(serve);
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let serve = serve.clone();
            std::thread::spawn(move || serve(stream));
        }
    });
    port
}

fn config(port: u16, transport: Transport) -> DirectoryConfig {
    DirectoryConfig {
        name: "example.com".to_owned(),
        provider: Provider::OpenLdap,
        servers: Servers::List(vec![ServerAddress { host: "localhost".to_owned(), port: Some(port) }]),
        transport,
        ca_pem: None,
        bind_name: Some(slapd::SEARCHER.to_owned()),
        bind_password: Some(slapd::SEARCHER_PASSWORD.to_owned()),
        base_dn: Some("dc=example,dc=com".to_owned()),
        dns: None,
    }
}

/// An element of BER.
fn ber(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = u32::try_from(content.len()).unwrap().to_be_bytes();
    [&[tag, 0x84], length.as_slice(), content].concat()
}

/// A request's id and what it asks for: SEQUENCE { INTEGER id, [APPLICATION n] operation }.
fn parts(request: &[u8]) -> (&[u8], u8) {
    let start = 2 + if request[1] < 0x80 { 0 } else { usize::from(request[1] & 0x7f) };
    let end = start + 2 + usize::from(request[start + 1]);
    (&request[start + 2..end], request[end])
}

/// A message with the id of the request.
fn message(request: &[u8], operation: &[u8]) -> Vec<u8> {
    ber(0x30, &[ber(2, parts(request).0), operation.to_vec()].concat())
}

fn success(tag: u8) -> Vec<u8> {
    ber(tag, &[ber(10, &[0]), ber(4, b""), ber(4, b"")].concat())
}

fn entry(dn: &str, attributes: &[(&str, &[u8])]) -> Vec<u8> {
    let attributes: Vec<u8> = attributes
        .iter()
        .flat_map(|(name, value)| ber(0x30, &[ber(4, name.as_bytes()), ber(0x31, &ber(4, value))].concat()))
        .collect();
    ber(0x64, &[ber(4, dn.as_bytes()), ber(0x30, &attributes)].concat())
}

/// Lets everybody bind, and answers searches with `found`, which is given the request.
fn after_bind(found: impl Fn(&mut TcpStream, &[u8]) + Send + Sync + 'static) -> u16 {
    server(move |mut stream| {
        let mut buffer = [0; 8192];
        while let Ok(count) = stream.read(&mut buffer) {
            let request = &buffer[..count];
            if count < 8 {
                return;
            }
            match parts(request).1 {
                0x60 => drop(stream.write_all(&message(request, &success(0x61)))),
                0x63 => found(&mut stream, request),
                _ => return,
            }
        }
    })
}

#[tokio::test]
async fn who_talks_nonsense_is_hung_up_on() {
    let deep = (0..50_000).fold(Vec::new(), |mut inner: Vec<u8>, _| {
        inner.extend([0x30, 0x80]);
        inner
    });
    let kinds: Vec<(&str, Vec<u8>)> = vec![
        ("text", b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec()),
        ("two gigabytes", vec![0x30, 0x84, 0x7f, 0xff, 0xff, 0xff, 2, 1, 1]),
        ("more than fits", vec![0x30, 0x88, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]),
        ("no length", vec![0x30, 0x80, 2, 1, 1, 0, 0]),
        ("an empty message", vec![0x30, 0]),
        ("an empty result", vec![0x30, 5, 2, 1, 1, 0x61, 0]),
        ("a result of another type", vec![0x30, 12, 2, 1, 1, 0x61, 7, 4, 1, 0, 4, 0, 4, 0]),
        (
            "an endless result code",
            [&[0x30, 17, 2, 1, 1, 0x61, 12, 10, 6], [0xff; 6].as_slice(), &[4, 0, 4, 0]].concat(),
        ),
        ("no UTF-8", vec![0x30, 13, 2, 1, 1, 0x61, 8, 10, 1, 0, 4, 1, 0xff, 4, 0]),
        ("a request", vec![0x30, 5, 2, 1, 1, 0x60, 0]),
        ("a message in messages", deep),
        ("zeros", vec![0; 100_000]),
    ];
    for (kind, bytes) in kinds {
        let port = server(move |mut stream| {
            let mut buffer = [0; 8192];
            let _ = stream.read(&mut buffer);
            let _ = stream.write_all(&bytes);
            let _ = stream.read(&mut buffer);
        });
        for transport in [Transport::Plain, Transport::StartTls] {
            let began = Instant::now();
            let trouble = hurried(config(port, transport)).sign_in("alice", slapd::PASSWORD).await.unwrap_err();
            assert!(matches!(trouble, DirectoryTrouble::Nonsense { .. }), "{kind} {transport}: {trouble}");
            assert!(began.elapsed() < Duration::from_secs(2), "{kind}: {:?}", began.elapsed());
        }
        let trouble = hurried(config(port, Transport::Ldaps)).person("alice").await.unwrap_err();
        let told = matches!(trouble, DirectoryTrouble::Nonsense { .. } | DirectoryTrouble::Unreachable { .. });
        assert!(told || matches!(trouble, DirectoryTrouble::Slow { .. }), "{kind}: {trouble}");
    }
}

#[tokio::test]
async fn an_attribute_of_ten_megabytes_is_not_swallowed() {
    let huge = entry("uid=alice", &[("uid", b"alice"), ("title", &vec![b'x'; 10 << 20])]);
    let port = after_bind(move |stream, request| {
        let _ = stream.write_all(&message(request, &huge));
        let _ = stream.write_all(&message(request, &success(0x65)));
    });
    let trouble = hurried(config(port, Transport::Plain)).person("alice").await.unwrap_err();
    assert!(matches!(&trouble, DirectoryTrouble::Nonsense { why, .. } if why.contains("bytes")), "{trouble}");
}

#[tokio::test]
async fn an_endless_answer_ends() {
    let port = after_bind(|stream, request| {
        let filler = vec![b'x'; 100_000];
        let one = message(request, &entry("uid=alice", &[("uid", b"alice"), ("title", &filler)]));
        while stream.write_all(&one).is_ok() {}
    });
    let began = Instant::now();
    let trouble = hurried(config(port, Transport::Plain)).find_people("a", 10).await.unwrap_err();
    assert!(matches!(&trouble, DirectoryTrouble::Nonsense { why, .. } if why.contains("bytes")), "{trouble}");
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());

    // Pages without end, each with the same cookie and a few people.
    let port = after_bind(|stream, request| {
        let one = entry("uid=alice", &[("uid", b"alice"), ("entryUUID", b"1")]);
        let _ = stream.write_all(&message(request, &one));
        let cookie = ber(0x30, &[ber(2, &[0]), ber(4, b"again")].concat());
        let control = ber(0x30, &[ber(4, b"1.2.840.113556.1.4.319"), ber(4, &cookie)].concat());
        let done = [ber(2, parts(request).0), success(0x65), ber(0xa0, &control)].concat();
        let _ = stream.write_all(&ber(0x30, &done));
    });
    let listing = hurried(config(port, Transport::Plain)).find_people("a", 10).await.unwrap();
    assert_eq!((listing.rows.len(), listing.more), (10, true));
}

#[tokio::test]
async fn a_server_that_dies_mid_search_is_told_as_such() {
    let port = after_bind(|stream, request| {
        let one = message(request, &entry("uid=alice", &[("uid", b"alice"), ("entryUUID", b"1")]));
        let _ = stream.write_all(&one);
        let _ = stream.write_all(&one[..one.len() / 2]);
        let _ = stream.shutdown(std::net::Shutdown::Both);
    });
    let directory = hurried(config(port, Transport::Plain));
    let trouble = directory.person("alice").await.unwrap_err();
    assert!(matches!(trouble, DirectoryTrouble::Died { .. }), "{trouble}");
    let report = directory.check(Some("alice"), None).await.pop().unwrap();
    assert!(
        matches!((report.step, &report.outcome), (Step::FindUser, Err(DirectoryTrouble::Died { .. }))),
        "{report:?}"
    );

    // Where there is another, whoever asks does not notice.
    let slapd = Slapd::start();
    let mut both = slapd.config(Transport::Plain);
    let first = ServerAddress { host: "localhost".to_owned(), port: Some(port) };
    both.servers = Servers::List(vec![first, slapd.server(Transport::Plain)]);
    hurried(both).sign_in("alice", slapd::PASSWORD).await.unwrap();
}

#[tokio::test]
async fn a_server_that_drips_is_cut_off() {
    let port = after_bind(|stream, request| {
        for byte in message(request, &success(0x65)).into_iter().cycle() {
            std::thread::sleep(Duration::from_millis(300));
            if stream.write_all(&[byte]).is_err() {
                return;
            }
        }
    });
    let began = Instant::now();
    let trouble = hurried(config(port, Transport::Plain)).person("alice").await.unwrap_err();
    assert!(matches!(trouble, DirectoryTrouble::Slow { .. }), "{trouble}");
    assert!(began.elapsed() < Duration::from_secs(9), "{:?}", began.elapsed());
}

#[tokio::test]
async fn references_are_never_followed() {
    // Two servers that send each other's visitors back and forth; whoever comes is counted.
    let visits = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let lure = {
        let visits = visits.clone();
        server(move |_| {
            visits.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        })
    };
    let url = format!("ldap://localhost:{lure}/dc=example,dc=com??sub");
    let port = after_bind(move |stream, request| {
        let _ = stream.write_all(&message(request, &ber(0x73, &ber(4, url.as_bytes()))));
        let referral = ber(0xa3, &ber(4, url.as_bytes()));
        let done = ber(0x65, &[ber(10, &[10]), ber(4, b""), ber(4, b""), referral].concat());
        let _ = stream.write_all(&message(request, &done));
    });
    let trouble = hurried(config(port, Transport::Plain)).sign_in("alice", slapd::PASSWORD).await.unwrap_err();
    assert!(matches!(trouble, DirectoryTrouble::Refused { code: 10, .. }), "{trouble}");
    assert_eq!(visits.load(std::sync::atomic::Ordering::SeqCst), 0);
}

#[tokio::test]
async fn groups_without_end_are_not_climbed() {
    // Every group is in another, new one.
    let count = std::sync::atomic::AtomicUsize::new(0);
    let port = after_bind(move |stream, request| {
        let n = count.fetch_add(1, std::sync::atomic::Ordering::SeqCst).to_string();
        let (dn, name) = (format!("cn=g{n},dc=example,dc=com"), format!("g{n}"));
        let all = [("uid", b"alice".as_slice()), ("cn", name.as_bytes()), ("entryUUID", n.as_bytes())];
        let _ = stream.write_all(&message(request, &entry(&dn, &all)));
        let _ = stream.write_all(&message(request, &success(0x65)));
    });
    let trouble = hurried(config(port, Transport::Plain)).person("alice").await.unwrap_err();
    // It stops at two thousand, or where its time is over.
    let told = matches!(trouble, DirectoryTrouble::Incomplete { .. } | DirectoryTrouble::Slow { .. });
    assert!(told, "{trouble}");
}

#[tokio::test]
async fn a_bind_without_a_password_is_never_sent() {
    // This server lets everybody in, as many do who bind without a password.
    let port = after_bind(|stream, request| {
        let one = entry("uid=alice,dc=example,dc=com", &[("uid", b"alice"), ("entryUUID", b"1")]);
        let _ = stream.write_all(&message(request, &one));
        let _ = stream.write_all(&message(request, &success(0x65)));
    });
    let directory = hurried(config(port, Transport::Plain));
    assert_eq!(directory.sign_in("alice", "").await, Err(SignInRefusal::WrongPassword.into()));
    let nameless = DirectoryConfig { bind_password: Some(String::new()), ..config(port, Transport::Plain) };
    let trouble = hurried(nameless).person("alice").await.unwrap_err();
    assert!(matches!(trouble, DirectoryTrouble::BindRefused { .. }), "{trouble}");
}
