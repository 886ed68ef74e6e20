//! A connection to a server: opened with TLS as configured, guarded, and spoken on by ldap3.

use super::entry::Entry;
use super::{Patience, guard, shape};
use crate::model::domain::{DirectoryTrouble, ServerAddress, Transport};
use ldap3::controls::{PagedResults, RawControl};
use ldap3::{Ldap, LdapConnAsync, LdapConnSettings, LdapError, Scope, SearchOptions, StdStream};
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// Tells why a password is not accepted (draft-behera-ldap-password-policy).
pub(super) const POLICY: &str = "1.3.6.1.4.1.42.2.27.8.5.1";
/// StartTLS as message 1 (RFC 4511 4.14): a sequence of the id and an extended request with the name 1.3.6.1.4.1.1466.20037.
const START_TLS: &[u8] = b"\x30\x1d\x02\x01\x01\x77\x18\x80\x161.3.6.1.4.1.1466.20037";

/// An open connection.
#[derive(Debug)]
pub(super) struct Line {
    ldap: Ldap,
    verdict: guard::Verdict,
    pub server: ServerAddress,
    patience: Patience,
}

/// What to search for.
#[derive(Debug, Clone)]
pub(super) struct Search {
    pub base: String,
    pub scope: Scope,
    pub filter: String,
    pub attributes: Vec<&'static str>,
    /// The server is to stop after so many; 0: never.
    pub most: usize,
    /// Size, and the cookie that the page before came with.
    pub page: Option<(usize, Vec<u8>)>,
}

/// What a search or a bind was answered.
#[derive(Debug, Default)]
pub(super) struct Answer {
    pub entries: Vec<Entry>,
    pub code: u32,
    pub text: String,
    pub controls: Vec<RawControl>,
}

impl Answer {
    /// The value of a control that came with the answer.
    pub(super) fn control(&self, kind: &str) -> Option<&[u8]> {
        self.controls.iter().find(|control| control.ctype == kind).map(|c| c.val.as_deref().unwrap_or_default())
    }
}

impl Line {
    /// Connects to the first of the addresses that answers.
    pub(super) async fn open(
        server: &ServerAddress,
        addresses: Result<Vec<SocketAddr>, String>,
        transport: Transport,
        tls: &Arc<ClientConfig>,
        patience: Patience,
    ) -> Result<Self, DirectoryTrouble> {
        let whole = connect(server, addresses, transport, tls);
        let opened = tokio::time::timeout(patience.connect, whole).await;
        let (stream, verdict) = opened.unwrap_or_else(|_| {
            Err(DirectoryTrouble::Slow { server: server.to_string(), seconds: patience.connect.as_secs() })
        })?;
        let settings = LdapConnSettings::new().set_std_stream(StdStream::Unix(stream));
        let started = LdapConnAsync::with_settings(settings, "ldapi:///").await;
        let (driver, ldap) = started.map_err(|error| unreachable(server, error))?;
        tokio::spawn(async move {
            // How it ended is seen by whoever waits for an answer.
            let _ = driver.drive().await;
        });
        Ok(Self { ldap, verdict, server: server.clone(), patience })
    }

    pub(super) fn is_closed(&mut self) -> bool {
        self.ldap.is_closed()
    }

    /// A simple bind; every result code is an answer.
    pub(super) async fn bind(&mut self, name: &str, password: &str) -> Result<Answer, DirectoryTrouble> {
        let (mut ldap, name, password) = (self.ldap.clone(), name.to_owned(), password.to_owned());
        let policy = RawControl { ctype: POLICY.to_owned(), crit: false, val: None };
        ldap.with_timeout(self.patience.answer).with_controls(policy);
        let result = self.asked(async move { ldap.simple_bind(&name, &password).await }, false).await?;
        let controls = result.ctrls.into_iter().map(|control| control.1).collect();
        Ok(Answer { entries: Vec::new(), code: result.rc, text: cut(&result.text), controls })
    }

    /// A search; every result code is an answer. References to other servers are never followed.
    pub(super) async fn search(&mut self, search: Search) -> Result<Answer, DirectoryTrouble> {
        let mut ldap = self.ldap.clone();
        ldap.with_timeout(self.patience.answer);
        let most = i32::try_from(search.most).unwrap_or(i32::MAX);
        ldap.with_search_options(SearchOptions::new().sizelimit(most));
        if let Some((size, cookie)) = search.page {
            ldap.with_controls(PagedResults { size: i32::try_from(size).unwrap_or(i32::MAX), cookie });
        }
        let Search { base, scope, filter, attributes, .. } = search;
        let asked = async move {
            let found = ldap.search(&base, scope, &filter, attributes).await?;
            Ok((found.0.into_iter().map(Entry::from).collect(), found.1))
        };
        let (entries, result) = self.asked(asked, true).await?;
        let controls = result.ctrls.into_iter().map(|control| control.1).collect();
        Ok(Answer { entries, code: result.rc, text: cut(&result.text), controls })
    }

    /// Waits for ldap3, in a task of its own: where the guard has overlooked something, only that task panics.
    async fn asked<T: Send + 'static>(
        &self,
        question: impl Future<Output = ldap3::result::Result<T>> + Send + 'static,
        searching: bool,
    ) -> Result<T, DirectoryTrouble> {
        let server = self.server.to_string();
        match tokio::spawn(question).await {
            Ok(Ok(answer)) => Ok(answer),
            Err(_) => Err(DirectoryTrouble::Nonsense { server, why: "a malformed answer".to_owned() }),
            Ok(Err(LdapError::Timeout { .. })) => {
                Err(DirectoryTrouble::Slow { server, seconds: self.patience.answer.as_secs() })
            }
            Ok(Err(error)) => Err(match self.verdict.get() {
                Some(why) => DirectoryTrouble::Nonsense { server, why: why.clone() },
                None if searching => DirectoryTrouble::Died { server },
                None => unreachable(&self.server, error),
            }),
        }
    }

    /// What a result code means that is no answer to the question.
    pub(super) fn refused(&self, answer: &Answer) -> DirectoryTrouble {
        DirectoryTrouble::Refused { server: self.server.to_string(), code: answer.code, text: answer.text.clone() }
    }
}

type Opened = (std::os::unix::net::UnixStream, guard::Verdict);

async fn connect(
    server: &ServerAddress,
    addresses: Result<Vec<SocketAddr>, String>,
    transport: Transport,
    tls: &Arc<ClientConfig>,
) -> Result<Opened, DirectoryTrouble> {
    let addresses = addresses.map_err(|why| unreachable(server, why))?;
    let mut tcp = TcpStream::connect(addresses.as_slice()).await.map_err(|error| unreachable(server, error))?;
    // Else every question waits for the server's delayed acknowledgement of the one before.
    tcp.set_nodelay(true).map_err(|error| unreachable(server, error))?;
    match transport {
        Transport::Plain => guarded(server, tcp),
        Transport::Ldaps => guarded(server, encrypted(server, tcp, tls).await?),
        Transport::StartTls => {
            start_tls(server, &mut tcp).await?;
            guarded(server, encrypted(server, tcp, tls).await?)
        }
    }
}

fn guarded(
    server: &ServerAddress,
    stream: impl AsyncRead + AsyncWrite + Send + 'static,
) -> Result<Opened, DirectoryTrouble> {
    guard::before(stream).map_err(|error| unreachable(server, error))
}

async fn start_tls(server: &ServerAddress, tcp: &mut TcpStream) -> Result<(), DirectoryTrouble> {
    let refused = |why: String| DirectoryTrouble::NoStartTls { server: server.to_string(), why };
    tcp.write_all(START_TLS).await.map_err(|error| unreachable(server, error))?;
    let message = guard::read_message(tcp).await.map_err(|error| match error.kind() {
        io::ErrorKind::InvalidData => nonsense(server, error),
        _ => unreachable(server, error),
    })?;
    match shape::extended(&message).map_err(|why| nonsense(server, why))? {
        (0, _) => Ok(()),
        (code, text) => Err(refused(format!("result code {code} {}", cut(&text)))),
    }
}

async fn encrypted(
    server: &ServerAddress,
    tcp: TcpStream,
    tls: &Arc<ClientConfig>,
) -> Result<tokio_rustls::client::TlsStream<TcpStream>, DirectoryTrouble> {
    let name = ServerName::try_from(server.host.clone()).map_err(|error| unreachable(server, error))?;
    let connected = tokio_rustls::TlsConnector::from(tls.clone()).connect(name, tcp).await;
    connected.map_err(|error| match error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
        Some(rustls::Error::InvalidCertificate(_)) => {
            DirectoryTrouble::Untrusted { server: server.to_string(), why: error.to_string() }
        }
        Some(_) => nonsense(server, error),
        None => unreachable(server, error),
    })
}

fn unreachable(server: &ServerAddress, why: impl std::fmt::Display) -> DirectoryTrouble {
    DirectoryTrouble::Unreachable { server: server.to_string(), why: why.to_string() }
}

fn nonsense(server: &ServerAddress, why: impl std::fmt::Display) -> DirectoryTrouble {
    DirectoryTrouble::Nonsense { server: server.to_string(), why: why.to_string() }
}

/// What a server says is shown in pages and events, but not at any length.
fn cut(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(300).collect()
}
