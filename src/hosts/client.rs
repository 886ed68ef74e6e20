//! Calls one agent: verbs, the event stream, image bytes, consoles; always over mutual TLS.

use crate::model::console::ConsoleKind;
use crate::model::disk::DiskFormat;
use crate::model::ids::VmId;
use crate::wire::display::Displays;
use crate::wire::pin::Pinned;
use crate::wire::upgrade::{Upgrade, UpgradeError};
use crate::wire::viewer::{OpenViewer, ViewerNews};
use crate::wire::{self, HostEvent, ImageInfo, ImagePath, Placed, Verb, WireError};
use bytes::{Bytes, BytesMut};
use futures_util::stream::{BoxStream, Stream, StreamExt, unfold};
use rustls::ClientConfig;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpStream, UnixStream};
use tokio_rustls::client::TlsStream;
use tokio_util::either::Either;

/// A raw stream to a guest's display.
pub type ConsoleStream = Either<UnixStream, TlsStream<TcpStream>>;

/// A native viewer's port; dropped, it closes, with the viewer.
#[derive(Debug)]
pub struct Viewer(BufReader<TlsStream<TcpStream>>);

impl Viewer {
    /// What the agent says next; none: port and viewer are gone.
    pub async fn news(&mut self) -> Option<ViewerNews> {
        let mut line = String::new();
        let n = (&mut self.0).take(MAX_NEWS).read_line(&mut line).await.unwrap_or(0);
        if n == 0 { None } else { serde_json::from_str(&line).ok() }
    }
}

const MAX_NEWS: u64 = 8192;

/// Verbs answer within this; those that write much have their own.
const VERB_SECONDS: u64 = 60;
/// A guest's memory is read or written, or a disk's blocks are allocated.
const WRITE_SECONDS: u64 = 1800;
const FENCE_SECONDS: u64 = 180;
const COPY_SECONDS: u64 = 6 * 3600;

/// How long a verb may take.
fn patience(verb: &str) -> u64 {
    match verb {
        wire::SealImages::NAME | wire::CopyImage::NAME | wire::MergeImage::NAME | wire::SnapshotVm::NAME => {
            COPY_SECONDS
        }
        // A fence agent is asked up to three times.
        wire::fence::FencePower::NAME => FENCE_SECONDS,
        wire::host_upgrade::CheckUpgrade::NAME => FENCE_SECONDS,
        wire::StartVm::NAME | wire::SuspendVm::NAME | wire::CreateImage::NAME => WRITE_SECONDS,
        _ => VERB_SECONDS,
    }
}
/// A line of the event stream is never longer (a snapshot of 1,000 domains is about 200 KiB).
const MAX_LINE: usize = 4 << 20;

/// Why a call failed.
#[derive(Debug, thiserror::Error)]
pub enum HostError {
    #[error("host {address} cannot be reached: {reason}")]
    Unreachable { address: String, reason: String },
    #[error("host {address} did not answer within {seconds} seconds")]
    Timeout { address: String, seconds: u64 },
    /// The agent understood and refused.
    #[error(transparent)]
    Refused(#[from] WireError),
    #[error("host {address} answered something that is not understood: {reason}")]
    Protocol { address: String, reason: String },
}

impl HostError {
    /// Trying again later may work: the host or its libvirtd is away, the request is not wrong.
    pub fn is_passing(&self) -> bool {
        match self {
            Self::Unreachable { .. } | Self::Timeout { .. } => true,
            Self::Refused(e) => e.code == crate::wire::ErrorCode::LibvirtGone,
            Self::Protocol { .. } => false,
        }
    }
}

/// One agent. Cheap to clone.
#[derive(Clone)]
pub struct HostClient {
    /// `address:port`
    address: String,
    http: reqwest::Client,
    tls: Arc<ClientConfig>,
    /// The agent runs in this process.
    displays: Option<Displays>,
}

impl std::fmt::Debug for HostClient {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "HostClient({})", self.address)
    }
}

impl HostClient {
    /// `fingerprint`: of the key that the host must hold; without one the certificate's names must fit.
    ///
    /// # Errors
    /// TLS cannot be set up.
    pub fn new(
        (address, port): (&str, u16),
        fingerprint: Option<&str>,
        tls: &ClientConfig,
        displays: Option<Displays>,
    ) -> Result<Self, HostError> {
        let mut tls = tls.clone();
        if let Some(fingerprint) = fingerprint {
            tls.dangerous().set_certificate_verifier(Pinned::key(fingerprint));
        }
        let address = if address.contains(':') { format!("[{address}]:{port}") } else { format!("{address}:{port}") };
        let http = reqwest::Client::builder()
            .tls_backend_preconfigured(tls.clone())
            .https_only(true)
            .no_proxy()
            .tcp_nodelay(true)
            .connect_timeout(Duration::from_secs(5))
            .pool_idle_timeout(Duration::from_secs(60))
            .build()
            .map_err(|e| HostError::Unreachable { address: address.clone(), reason: chain(&e) })?;
        Ok(Self { address, http, tls: Arc::new(tls), displays })
    }

    /// Has the agent do one verb.
    ///
    /// # Errors
    /// The host cannot be reached, or refuses and says why.
    pub async fn call<V: Verb>(&self, verb: &V) -> Result<V::Reply, HostError> {
        let seconds = patience(V::NAME);
        let request = self
            .http
            .post(format!("https://{}/v1/verbs/{}", self.address, V::NAME))
            .timeout(Duration::from_secs(seconds))
            .json(verb);
        let body = self.bytes(request, seconds).await?;
        serde_json::from_slice(&body).map_err(|e| self.protocol(e))
    }

    /// What the guest's screen shows, PNG.
    ///
    /// # Errors
    /// The VM does not run, or the host is away.
    pub async fn screenshot(&self, vm: VmId) -> Result<Bytes, HostError> {
        let request = self
            .http
            .get(format!("https://{}/v1/screenshots/{vm}", self.address))
            .timeout(Duration::from_secs(VERB_SECONDS));
        self.bytes(request, VERB_SECONDS).await
    }

    /// The same as a JPEG that is no wider.
    ///
    /// # Errors
    /// The VM does not run, or the host is away.
    pub async fn thumbnail(&self, vm: VmId, width: u32) -> Result<Bytes, HostError> {
        let request = self
            .http
            .get(format!("https://{}/v1/screenshots/{vm}?width={width}", self.address))
            .timeout(Duration::from_secs(VERB_SECONDS));
        self.bytes(request, VERB_SECONDS).await
    }

    /// Puts a file into a guest.
    ///
    /// # Errors
    /// Its agent does not answer or refuses, or the host is away.
    pub async fn put_guest_file(
        &self,
        vm: VmId,
        name: &str,
        length: u64,
        body: BoxStream<'static, Result<Bytes, std::io::Error>>,
    ) -> Result<Placed, HostError> {
        let query = serde_urlencoded::to_string([("name", name)]).map_err(|e| self.protocol(e))?;
        let request = self
            .http
            .put(format!("https://{}/v1/guest-files/{vm}?{query}", self.address))
            .header("content-length", length)
            .timeout(Duration::from_secs(COPY_SECONDS))
            .body(reqwest::Body::wrap_stream(body));
        let body = self.bytes(request, COPY_SECONDS).await?;
        serde_json::from_slice(&body).map_err(|e| self.protocol(e))
    }

    /// Sends an image's bytes; the file is there when all are.
    ///
    /// # Errors
    /// The host is away, has no space, or the image is not what `format` says.
    pub async fn upload_image(
        &self,
        image: &ImagePath,
        format: DiskFormat,
        length: u64,
        body: BoxStream<'static, Result<Bytes, std::io::Error>>,
    ) -> Result<ImageInfo, HostError> {
        let url = format!("https://{}/v1/images/{}/{}/{}", self.address, image.domain.id, image.disk, image.image);
        let query = serde_urlencoded::to_string([("path", image.domain.path.as_str()), ("format", format.as_str())])
            .map_err(|e| self.protocol(e))?;
        let request = self
            .http
            .put(format!("{url}?{query}"))
            .header("content-length", length)
            .timeout(Duration::from_secs(COPY_SECONDS))
            .body(reqwest::Body::wrap_stream(body));
        let body = self.bytes(request, COPY_SECONDS).await?;
        serde_json::from_slice(&body).map_err(|e| self.protocol(e))
    }

    /// Sends the agent's next program.
    ///
    /// # Errors
    /// The host is away, has no space, or its agent cannot be replaced.
    pub async fn put_program(
        &self,
        sha256: &str,
        length: u64,
        body: BoxStream<'static, Result<Bytes, std::io::Error>>,
    ) -> Result<(), HostError> {
        let request = self
            .http
            .put(format!("https://{}/v1/program/{sha256}", self.address))
            .header("content-length", length)
            .timeout(Duration::from_secs(WRITE_SECONDS))
            .body(reqwest::Body::wrap_stream(body));
        self.bytes(request, WRITE_SECONDS).await.map(drop)
    }

    /// What the host reports, from now on; the first event is a snapshot. Ends when the connection does.
    ///
    /// # Errors
    /// The host cannot be reached.
    pub async fn events(&self) -> Result<impl Stream<Item = Result<HostEvent, HostError>> + Send + 'static, HostError> {
        let response = self
            .http
            .get(format!("https://{}/v1/events", self.address))
            .send()
            .await
            .map_err(|e| self.unreachable(&e))?;
        if !response.status().is_success() {
            return Err(self.protocol(format!("status {}", response.status())));
        }
        let me = self.clone();
        Ok(unfold((response, BytesMut::new(), me), |(mut response, mut buffer, me)| async move {
            loop {
                if let Some(end) = buffer.iter().position(|b| *b == b'\n') {
                    let line = buffer.split_to(end + 1);
                    let event = serde_json::from_slice(&line).map_err(|e| me.protocol(e));
                    return Some((event, (response, buffer, me)));
                }
                if buffer.len() > MAX_LINE {
                    let error = me.protocol("a line of events is too long");
                    return Some((Err(error), (response, BytesMut::new(), me)));
                }
                match response.chunk().await {
                    Ok(Some(chunk)) => buffer.extend_from_slice(&chunk),
                    Ok(None) => return None,
                    Err(e) => {
                        let error = me.unreachable(&e);
                        return Some((Err(error), (response, BytesMut::new(), me)));
                    }
                }
            }
        })
        .boxed())
    }

    /// Opens a guest's display or serial line. The connection is dialled by hand and not from the pool: an idle console then holds
    /// nothing but its TLS session.
    ///
    /// # Errors
    /// The VM does not run, has no such console, or the host is away.
    pub async fn console(&self, vm: VmId, kind: ConsoleKind) -> Result<ConsoleStream, HostError> {
        let open = async {
            match &self.displays {
                Some(here) => Ok(Either::Left(here.open(vm, kind).await?)),
                None => self.dial(&format!("/v1/consoles/{vm}/{kind}")).await.map(Either::Right),
            }
        };
        tokio::time::timeout(Duration::from_secs(10), open)
            .await
            .map_err(|_| HostError::Timeout { address: self.address.clone(), seconds: 10 })?
    }

    /// Has the agent listen for a native viewer. The port is open as long as what is returned.
    ///
    /// # Errors
    /// The VM does not run, no port is free, or the host is away.
    pub async fn viewer(
        &self,
        vm: VmId,
        kind: ConsoleKind,
        asked: &OpenViewer,
    ) -> Result<(Viewer, u16, String), HostError> {
        let open = async {
            let mut tls = self.dial(&format!("/v1/viewers/{vm}/{kind}")).await?;
            let mut line = serde_json::to_vec(asked).map_err(|e| self.protocol(e))?;
            line.push(b'\n');
            tls.write_all(&line).await.map_err(|e| self.unreachable(&e))?;
            tls.flush().await.map_err(|e| self.unreachable(&e))?;
            let mut viewer = Viewer(BufReader::new(tls));
            match viewer.news().await {
                Some(ViewerNews::Refused(refusal)) => Err(refusal.into()),
                Some(ViewerNews::Listening { port, subject }) => Ok((viewer, port, subject)),
                Some(ViewerNews::Connected { .. }) | None => Err(self.protocol("it does not say where it listens")),
            }
        };
        tokio::time::timeout(Duration::from_secs(10), open)
            .await
            .map_err(|_| HostError::Timeout { address: self.address.clone(), seconds: 10 })?
    }

    async fn dial(&self, path: &str) -> Result<TlsStream<TcpStream>, HostError> {
        let upgrade = Upgrade { address: &self.address, path, protocol: crate::wire::CONSOLE_PROTOCOL, ticket: None };
        upgrade.dial(self.tls.clone()).await.map_err(|error| match error {
            UpgradeError::Io(e) => self.unreachable(&e),
            UpgradeError::Refused(refused) => refused.into(),
            UpgradeError::Protocol(reason) => self.protocol(reason),
        })
    }

    async fn bytes(&self, request: reqwest::RequestBuilder, seconds: u64) -> Result<Bytes, HostError> {
        let failed = |e: reqwest::Error| {
            if e.is_timeout() && !e.is_connect() {
                HostError::Timeout { address: self.address.clone(), seconds }
            } else {
                self.unreachable(&e)
            }
        };
        let response = request.send().await.map_err(failed)?;
        let status = response.status();
        let body = response.bytes().await.map_err(failed)?;
        if status.is_success() {
            return Ok(body);
        }
        match serde_json::from_slice::<WireError>(&body) {
            Ok(refused) => Err(refused.into()),
            Err(_) => Err(self.protocol(format!("status {status}"))),
        }
    }

    fn unreachable(&self, e: &(dyn std::error::Error + 'static)) -> HostError {
        HostError::Unreachable { address: self.address.clone(), reason: chain(e) }
    }
    fn protocol(&self, reason: impl ToString) -> HostError {
        HostError::Protocol { address: self.address.clone(), reason: reason.to_string() }
    }
}

/// The innermost cause says what happened ("connection refused"); the outer ones only that a request failed.
fn chain(e: &(dyn std::error::Error + 'static)) -> String {
    let mut inner = e;
    while let Some(source) = inner.source() {
        inner = source;
    }
    inner.to_string()
}
