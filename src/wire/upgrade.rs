//! A connection to an agent that leaves HTTP: the request, and the head of its answer.

use super::WireError;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use std::sync::Arc;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// An answer's head is short.
const MAX_HEAD: usize = 8192;

/// Why there is no stream.
#[derive(Debug, thiserror::Error)]
pub enum UpgradeError {
    #[error(transparent)]
    Io(#[from] std::io::Error),
    /// The agent understood and refused.
    #[error(transparent)]
    Refused(#[from] WireError),
    #[error("it answered something that is not understood: {0}")]
    Protocol(String),
}

/// Where to, and for what.
#[derive(Debug, Clone)]
pub struct Upgrade<'a> {
    /// `address:port`, an IPv6 address in brackets.
    pub address: &'a str,
    pub path: &'a str,
    pub protocol: &'a str,
    /// What proves that the caller may; the engine's certificate is enough for the engine.
    pub ticket: Option<&'a str>,
}

impl Upgrade<'_> {
    /// Connects; after it the stream is the other side's.
    ///
    /// # Errors
    /// The agent cannot be reached, or refuses.
    pub async fn dial(&self, tls: Arc<ClientConfig>) -> Result<TlsStream<TcpStream>, UpgradeError> {
        let tcp = TcpStream::connect(self.address).await?;
        tcp.set_nodelay(true)?;
        let host = self.address.rsplit_once(':').map_or(self.address, |(host, _)| host).trim_matches(['[', ']']);
        let name = ServerName::try_from(host.to_owned()).map_err(|e| UpgradeError::Protocol(e.to_string()))?;
        let mut stream = TlsConnector::from(tls).connect(name, tcp).await?;
        let ticket = self.ticket.map_or_else(String::new, |ticket| format!("Authorization: Bearer {ticket}\r\n"));
        let head = format!(
            "GET {} HTTP/1.1\r\nHost: {}\r\nConnection: Upgrade\r\nUpgrade: {}\r\n{ticket}\r\n",
            self.path, self.address, self.protocol
        );
        stream.write_all(head.as_bytes()).await?;
        read_head(&mut stream).await?;
        Ok(stream)
    }
}

/// Reads the head byte by byte (it is short): what follows belongs to the stream.
async fn read_head(stream: &mut TlsStream<TcpStream>) -> Result<(), UpgradeError> {
    let mut head = Vec::with_capacity(256);
    while !head.ends_with(b"\r\n\r\n") {
        if head.len() > MAX_HEAD {
            return Err(UpgradeError::Protocol("the answer's head is too long".to_owned()));
        }
        head.push(stream.read_u8().await?);
    }
    if head.starts_with(b"HTTP/1.1 101") {
        return Ok(());
    }
    let mut body = String::new();
    let mut rest = BufReader::new(stream.take(MAX_HEAD as u64));
    while rest.read_line(&mut body).await.unwrap_or(0) > 0 && !body.ends_with('}') {}
    match serde_json::from_str::<WireError>(body.trim()) {
        Ok(refused) => Err(refused.into()),
        Err(_) => Err(UpgradeError::Protocol(String::from_utf8_lossy(head.get(..40).unwrap_or(&head)).into_owned())),
    }
}
