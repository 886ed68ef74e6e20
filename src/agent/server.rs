//! The agent's one port: HTTP/1.1 in mutual TLS. Whoever gets as far as a request holds a certificate of the engine's authority; only the
//! engine's own is obeyed.

mod host_upgrade;
mod verbs;

use super::connection::Libvirt;
use super::error::refused;
use super::events::Hub;
use super::host_upgrade::Upgrades;
use super::identity::Identity;
use super::migrate::{Duplex, Migrations};
use super::{AgentError, Ready, console, domains, guest_files, images, lease, thumbnail, viewer};
use crate::model::console::ConsoleKind;
use crate::model::disk::DiskFormat;
use crate::model::ids::VmId;
use crate::wire::display::Displays;
use crate::wire::migrate::MIGRATION_PROTOCOL;
use crate::wire::{self, DomainPath, ErrorCode, HostEvent, ImagePath, WireError, tls};
use bytes::Bytes;
use futures_util::FutureExt as _;
use futures_util::stream::{StreamExt, iter, unfold};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, BodyStream, Full, Limited, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode, header};
use hyper_util::rt::TokioIo;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, broadcast::error::RecvError, oneshot, watch};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

/// A verb's JSON is small; images have their own way in.
const MAX_BODY: usize = 1 << 20;
const HANDSHAKE: Duration = Duration::from_secs(10);
const ALIVE: Duration = Duration::from_secs(4);
/// How long requests may go on after the agent was told to stop.
const STOPPING: Duration = Duration::from_secs(2);

type Body = UnsyncBoxBody<Bytes, Infallible>;
type Answer = Result<Response<Body>, WireError>;

/// Who has come this far.
#[derive(Debug, Clone, Copy)]
enum Caller {
    Engine,
    Host,
}

/// What requests are served with.
pub struct Agent {
    pub libvirt: Libvirt,
    pub hub: Hub,
    pub data_dir: PathBuf,
    pub viewers: viewer::Viewers,
    pub identity: Arc<Identity>,
    pub migrations: Arc<Migrations>,
    pub leases: lease::Leases,
    /// The engine has told it to leave.
    pub leaving: Notify,
    pub upgrades: Upgrades,
}

/// Listens until `stop`, or until the engine tells the agent to leave.
///
/// # Errors
/// The port is taken or a certificate is missing.
pub async fn serve(
    agent: Arc<Agent>,
    listen: SocketAddr,
    ready: oneshot::Sender<Ready>,
    stop: impl Future<Output = ()>,
) -> Result<(), AgentError> {
    let failed = |source| AgentError::Listen { address: listen, source };
    let listener = TcpListener::bind(listen).await.map_err(failed)?;
    let libvirt = agent.libvirt.clone();
    let displays = Displays::new(move |vm, kind| {
        let libvirt = libvirt.clone();
        async move { console::open(&libvirt, vm, kind).await }
    });
    // Whoever started the agent may not care where it listens.
    let _ = ready.send(Ready { address: listener.local_addr().map_err(failed)?, displays });
    let (stopping, stopped) = watch::channel(false);
    let mut connections = JoinSet::new();
    tokio::pin!(stop);
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            Some(_) = connections.join_next() => continue,
            () = &mut stop => break,
            () = agent.leaving.notified() => break,
        };
        match accepted {
            Ok((tcp, _)) => drop(connections.spawn(connection(agent.clone(), tcp, stopped.clone()))),
            Err(e) => {
                tracing::warn!("a connection could not be accepted: {e}");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
    stopping.send_replace(true);
    // Requests that are being served end; what lasts longer (a copy, an event stream) is broken off with the set.
    let _ = tokio::time::timeout(STOPPING, async { while connections.join_next().await.is_some() {} }).await;
    Ok(())
}

async fn connection(agent: Arc<Agent>, tcp: TcpStream, mut stopped: watch::Receiver<bool>) {
    if tcp.set_nodelay(true).is_err() {
        return;
    }
    let Ok(Ok(stream)) = tokio::time::timeout(HANDSHAKE, TlsAcceptor::from(agent.identity.server()).accept(tcp)).await
    else {
        return;
    };
    let peer = stream.get_ref().1.peer_certificates().and_then(|c| tls::common_name(c.first()?));
    let caller = match peer.as_deref() {
        Some(tls::ENGINE_NAME) => Caller::Engine,
        Some(name) if name.starts_with(tls::HOST_PREFIX) => Caller::Host,
        _ => {
            tracing::warn!("a caller with the certificate of {peer:?} was turned away");
            return;
        }
    };
    let ending = stopped.clone();
    let service = service_fn(move |request| {
        let (agent, ending) = (agent.clone(), ending.clone());
        async move {
            Ok::<_, Infallible>(match caller {
                Caller::Engine => answer(agent, request, ending).await,
                Caller::Host => answer_host(&agent, request).await,
            })
        }
    });
    let mut served = std::pin::pin!(
        hyper::server::conn::http1::Builder::new()
            .max_buf_size(64 * 1024)
            .serve_connection(TokioIo::new(stream), service)
            .with_upgrades()
    );
    let early = tokio::select! {
        ended = &mut served => Some(ended),
        () = told_to_stop(&mut stopped) => None,
    };
    let ended = match early {
        Some(ended) => ended,
        None => {
            served.as_mut().graceful_shutdown();
            served.await
        }
    };
    if let Err(e) = ended {
        tracing::debug!("a connection ended: {e}");
    }
}

async fn told_to_stop(stopped: &mut watch::Receiver<bool>) {
    // A sender that is gone says the same.
    let _ = stopped.wait_for(|stop| *stop).await;
}

async fn answer(agent: Arc<Agent>, request: Request<Incoming>, ending: watch::Receiver<bool>) -> Response<Body> {
    let path = request.uri().path().to_owned();
    let parts: Vec<&str> = path.trim_start_matches('/').split('/').collect();
    let result = match (request.method().clone(), parts.as_slice()) {
        (Method::POST, ["v1", "verbs", name]) => verb(&agent, name, request).await,
        (Method::GET, ["v1", "events"]) => Ok(events(&agent, ending)),
        (Method::GET, ["v1", "screenshots", vm]) => screenshot(&agent, vm, request.uri().query()).await,
        (Method::PUT, ["v1", "guest-files", vm]) => guest_file(&agent, vm, request).await,
        (Method::PUT, ["v1", "images", domain, disk, image]) => upload([domain, disk, image], request).await,
        (Method::PUT, ["v1", "program", sha256]) => host_upgrade::program(&agent, sha256, request).await,
        (Method::GET, ["v1", "consoles", vm, kind]) => open_console(&agent, vm, kind, request).await,
        (Method::GET, ["v1", "viewers", vm, kind]) => open_viewer(&agent, vm, kind, request),
        _ => Err(refused(ErrorCode::NotFound, format!("the agent does not know {path}"))),
    };
    done(result, &path)
}

/// Another host brings a guest, and may do nothing else.
async fn answer_host(agent: &Arc<Agent>, request: Request<Incoming>) -> Response<Body> {
    let path = request.uri().path().to_owned();
    let parts: Vec<&str> = path.trim_start_matches('/').split('/').collect();
    let result = match (request.method().clone(), parts.as_slice()) {
        (Method::GET, ["v1", "migrations", vm, stream]) => receive(agent, vm, stream, request).await,
        _ => Err(refused(ErrorCode::NotFound, "a host may only bring guests")),
    };
    done(result, &path)
}

fn done(result: Answer, path: &str) -> Response<Body> {
    result.unwrap_or_else(|e| {
        tracing::info!(%path, code = ?e.code, "{e}");
        let mut response = json(&e);
        *response.status_mut() = status_of(e.code);
        response
    })
}

fn status_of(code: ErrorCode) -> StatusCode {
    match code {
        ErrorCode::NotFound => StatusCode::NOT_FOUND,
        ErrorCode::Exists | ErrorCode::WrongState => StatusCode::CONFLICT,
        ErrorCode::InvalidRequest => StatusCode::BAD_REQUEST,
        ErrorCode::NoSpace => StatusCode::INSUFFICIENT_STORAGE,
        ErrorCode::LibvirtGone => StatusCode::SERVICE_UNAVAILABLE,
        ErrorCode::Libvirt | ErrorCode::Io => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

fn full(bytes: impl Into<Bytes>, kind: &'static str) -> Response<Body> {
    let mut response = Response::new(Full::new(bytes.into()).boxed_unsync());
    response.headers_mut().insert(header::CONTENT_TYPE, header::HeaderValue::from_static(kind));
    response
}

fn json(value: &impl serde::Serialize) -> Response<Body> {
    full(serde_json::to_vec(value).unwrap_or_default(), "application/json")
}

async fn verb(agent: &Arc<Agent>, name: &str, request: Request<Incoming>) -> Answer {
    let body = Limited::new(request.into_body(), MAX_BODY)
        .collect()
        .await
        .map_err(|e| refused(ErrorCode::InvalidRequest, format!("the request's body cannot be read: {e}")))?
        .to_bytes();
    verbs::dispatch(agent, name, &body).await
}

/// Storage may be slow or hang: its calls get a thread that may.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, WireError> + Send + 'static,
) -> Result<T, WireError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(e) => Err(refused(ErrorCode::Io, format!("a storage call ended early: {e}"))),
    }
}

/// A snapshot, then everything as it happens; a line at least every few seconds.
fn events(agent: &Arc<Agent>, ending: watch::Receiver<bool>) -> Response<Body> {
    let news = agent.hub.listen();
    let inner = agent.clone();
    let first = async move {
        let now = match inner.libvirt.report(domains::list).await {
            Ok(domains) => HostEvent::Snapshot { domains: inner.hub.with_reasons(domains) },
            Err(_) => HostEvent::Libvirt { connected: false },
        };
        iter(std::iter::once(now).chain(inner.hub.reboots()))
    };
    let lines = unfold((news, ending), |(mut news, mut ending)| async move {
        let heard = tokio::select! {
            heard = tokio::time::timeout(ALIVE, news.recv()) => heard,
            () = told_to_stop(&mut ending) => return None,
        };
        match heard {
            Err(_) => Some((HostEvent::Alive, (news, ending))),
            Ok(Ok(event)) => Some((event, (news, ending))),
            // Too slow a reader missed some: it reconnects and gets a snapshot.
            Ok(Err(RecvError::Lagged(_) | RecvError::Closed)) => None,
        }
    });
    let frames = first.flatten_stream().chain(lines).map(|event| {
        let mut line = serde_json::to_vec(&event).unwrap_or_default();
        line.push(b'\n');
        Ok::<_, Infallible>(Frame::data(Bytes::from(line)))
    });
    let mut response = Response::new(BodyExt::boxed_unsync(StreamBody::new(frames.boxed())));
    response.headers_mut().insert(header::CONTENT_TYPE, header::HeaderValue::from_static("application/x-ndjson"));
    response
}

fn vm_id(text: &str) -> Result<VmId, WireError> {
    text.parse().map_err(|_| refused(ErrorCode::InvalidRequest, format!("vm: {text:?} is not an id")))
}

async fn screenshot(agent: &Arc<Agent>, vm: &str, query: Option<&str>) -> Answer {
    #[derive(serde::Deserialize)]
    struct Query {
        width: Option<u32>,
    }
    let query: Query = serde_urlencoded::from_str(query.unwrap_or_default())
        .map_err(|e| refused(ErrorCode::InvalidRequest, format!("the query is wrong: {e}")))?;
    let image = domains::screenshot(&agent.libvirt, vm_id(vm)?).await?;
    Ok(match query.width {
        None => full(image, "image/png"),
        Some(width) => full(blocking(move || thumbnail::smaller(&image, width)).await?, "image/jpeg"),
    })
}

async fn guest_file(agent: &Arc<Agent>, vm: &str, request: Request<Incoming>) -> Answer {
    #[derive(serde::Deserialize)]
    struct Query {
        name: String,
    }
    let query: Query = serde_urlencoded::from_str(request.uri().query().unwrap_or_default())
        .map_err(|e| refused(ErrorCode::InvalidRequest, format!("the query is wrong: {e}")))?;
    let chunks = BodyStream::new(request.into_body())
        .filter_map(|frame| async move { frame.map(|f| f.into_data().ok()).transpose() });
    Ok(json(&guest_files::put(&agent.libvirt, vm_id(vm)?, &query.name, Box::pin(chunks)).await?))
}

async fn upload(ids: [&str; 3], request: Request<Incoming>) -> Answer {
    #[derive(serde::Deserialize)]
    struct Query {
        path: String,
        format: DiskFormat,
    }
    let invalid = |what: String| refused(ErrorCode::InvalidRequest, what);
    let query: Query = serde_urlencoded::from_str(request.uri().query().unwrap_or_default())
        .map_err(|e| invalid(format!("the query is wrong: {e}")))?;
    let [domain, disk, image] = ids;
    let bad = |_| invalid(format!("{domain}/{disk}/{image} are not three ids"));
    let target = ImagePath {
        domain: DomainPath { id: domain.parse().map_err(bad)?, path: query.path },
        disk: disk.parse().map_err(bad)?,
        image: image.parse().map_err(bad)?,
    };
    let length = request
        .headers()
        .get(header::CONTENT_LENGTH)
        .and_then(|v| v.to_str().ok()?.parse().ok())
        .ok_or_else(|| invalid("content-length: is missing".to_owned()))?;
    let chunks = BodyStream::new(request.into_body())
        .filter_map(|frame| async move { frame.map(|f| f.into_data().ok()).transpose() });
    Ok(json(&images::upload(&target, query.format, length, Box::pin(chunks)).await?))
}

async fn open_console(agent: &Arc<Agent>, vm: &str, kind: &str, mut request: Request<Incoming>) -> Answer {
    let kind = console_kind(kind, &request)?;
    let socket = console::open(&agent.libvirt, vm_id(vm)?, kind).await?;
    let upgrade = hyper::upgrade::on(&mut request);
    tokio::spawn(async move {
        match upgrade.await {
            Ok(upgraded) => console::carry(TokioIo::new(upgraded), socket).await,
            Err(e) => tracing::debug!("a console was not taken: {e}"),
        }
    });
    Ok(switching(wire::CONSOLE_PROTOCOL))
}

/// A stream of a guest that comes from another host.
async fn receive(agent: &Arc<Agent>, vm: &str, stream: &str, mut request: Request<Incoming>) -> Answer {
    let (vm, stream) = (vm_id(vm)?, stream.parse()?);
    asked_as(&request, MIGRATION_PROTOCOL)?;
    let told = request.headers().get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let ticket = told.and_then(|value| value.strip_prefix("Bearer ")).unwrap_or_default().to_owned();
    let upgrade = hyper::upgrade::on(&mut request);
    let upgraded = async move { Some(Box::new(TokioIo::new(upgrade.await.ok()?)) as Box<dyn Duplex>) };
    agent.migrations.receive(vm, stream, &ticket, upgraded).await?;
    Ok(switching(MIGRATION_PROTOCOL))
}

fn open_viewer(agent: &Arc<Agent>, vm: &str, kind: &str, mut request: Request<Incoming>) -> Answer {
    let (vm, kind) = (vm_id(vm)?, console_kind(kind, &request)?);
    let upgrade = hyper::upgrade::on(&mut request);
    let agent = agent.clone();
    tokio::spawn(async move {
        match upgrade.await {
            Ok(upgraded) => viewer::serve(&agent.libvirt, &agent.viewers, vm, kind, TokioIo::new(upgraded)).await,
            Err(e) => tracing::debug!("a viewer's port was not taken: {e}"),
        }
    });
    Ok(switching(wire::CONSOLE_PROTOCOL))
}

/// What is asked for, if it is asked for as consoles are.
fn console_kind(word: &str, request: &Request<Incoming>) -> Result<ConsoleKind, WireError> {
    asked_as(request, wire::CONSOLE_PROTOCOL)?;
    word.parse().map_err(|e| refused(ErrorCode::InvalidRequest, format!("console: {e}")))
}

fn asked_as(request: &Request<Incoming>, protocol: &str) -> Result<(), WireError> {
    let asked = request.headers().get(header::UPGRADE).map(|v| v.as_bytes());
    if asked == Some(protocol.as_bytes()) {
        return Ok(());
    }
    Err(refused(ErrorCode::InvalidRequest, format!("this needs Upgrade: {protocol}")))
}

fn switching(protocol: &'static str) -> Response<Body> {
    let mut response = Response::new(Full::new(Bytes::new()).boxed_unsync());
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    response.headers_mut().insert(header::CONNECTION, header::HeaderValue::from_static("Upgrade"));
    response.headers_mut().insert(header::UPGRADE, header::HeaderValue::from_static(protocol));
    response
}
