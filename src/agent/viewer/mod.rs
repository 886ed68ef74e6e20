//! A port for one native viewer (remote-viewer): TLS with this host's certificate, a one-time password that QEMU checks, open until the
//! viewer has come or the time is over.

mod password;
mod spice;
mod vnc;

use super::connection::Libvirt;
use super::console;
use super::error::{from_libvirt, refused};
use super::identity::Identity;
use crate::model::console::ConsoleKind;
use crate::model::ids::VmId;
use crate::wire::viewer::{OpenViewer, ViewerNews};
use crate::wire::{ErrorCode, WireError};
use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream, UnixStream};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until, timeout};
use tokio_rustls::TlsAcceptor;

/// The engine's line is short.
const MAX_LINE: u64 = 4096;
/// How long the engine, or a caller with his greetings and password, may take.
const GREETINGS: Duration = Duration::from_secs(30);
/// A viewer of SPICE opens about ten connections.
const AT_ONCE: usize = 32;
/// So many wrong passwords, and the port closes.
const TRIES: u8 = 3;

/// What viewers' ports are opened with.
#[derive(Debug, Clone)]
pub struct Viewers {
    identity: Arc<Identity>,
    address: IpAddr,
    latest: Arc<Mutex<HashMap<VmId, Latest>>>,
}

/// Counts the passwords a display got: it has one at a time, and who ends takes back only his own.
type Latest = Arc<tokio::sync::Mutex<u64>>;

impl Viewers {
    /// With the agent's certificate, on the address the agent listens on. One that only this machine can call is of no use to viewers: then
    /// on all.
    pub fn new(identity: Arc<Identity>, listen: IpAddr) -> Self {
        let address = if listen.is_loopback() { Ipv4Addr::UNSPECIFIED.into() } else { listen };
        Self { identity, address, latest: Arc::default() }
    }

    fn latest(&self, vm: VmId) -> Latest {
        self.latest.lock().unwrap_or_else(PoisonError::into_inner).entry(vm).or_default().clone()
    }

    async fn listen(&self, asked: &OpenViewer) -> Result<TcpListener, WireError> {
        for port in asked.first_port..=asked.last_port {
            if let Ok(listener) = TcpListener::bind(SocketAddr::new(self.address, port)).await {
                return Ok(listener);
            }
        }
        let message = format!("no port of {}-{} is free for a viewer", asked.first_port, asked.last_port);
        Err(refused(ErrorCode::WrongState, message))
    }
}

/// The one viewer that may come in.
struct Gate {
    libvirt: Libvirt,
    vm: VmId,
    kind: ConsoleKind,
    acceptor: TlsAcceptor,
    taken: AtomicBool,
    tries: AtomicU8,
    news: mpsc::Sender<ViewerNews>,
}

impl Gate {
    /// True for the first who asks.
    fn claim(&self) -> bool {
        !self.taken.swap(true, Ordering::SeqCst)
    }
    fn is_taken(&self) -> bool {
        self.taken.load(Ordering::SeqCst)
    }
    fn wrong_password(&self) {
        // Never below none.
        let _ = self.tries.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1));
    }
    fn may_try(&self) -> bool {
        self.tries.load(Ordering::SeqCst) > 0
    }

    /// QEMU's socket; it asks for the password.
    async fn display(&self) -> std::io::Result<UnixStream> {
        let (vm, kind) = (self.vm, self.kind);
        let opened = self.libvirt.with(move |connection| {
            let domain = connection.lookup_domain_by_uuid_string(&vm.to_string());
            let domain = domain.map_err(|e| from_libvirt(&format!("the console of VM {vm}"), &e))?;
            console::display(&domain, vm, kind, 0)
        });
        opened.await.and_then(console::socket).map_err(std::io::Error::other)
    }
}

/// Serves one asking of the engine until the viewer is gone, nobody came, or the engine lets go.
pub async fn serve<S>(libvirt: &Libvirt, viewers: &Viewers, vm: VmId, kind: ConsoleKind, engine: S)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let (from_engine, mut to_engine) = tokio::io::split(engine);
    let mut from_engine = BufReader::new(from_engine.take(MAX_LINE));
    let mut line = String::new();
    let heard = timeout(GREETINGS, from_engine.read_line(&mut line)).await;
    let asked: OpenViewer = match (heard, serde_json::from_str(&line)) {
        (Ok(Ok(_)), Ok(asked)) => asked,
        _ => return,
    };
    let latest = viewers.latest(vm);
    let mine = {
        let mut count = latest.lock().await;
        *count += 1;
        password::set(libvirt, vm, kind, &asked.password, i64::from(asked.seconds)).await.map(|()| *count)
    };
    let opened = async {
        match &mine {
            Ok(_) => viewers.listen(&asked).await,
            Err(refusal) => Err(refusal.clone()),
        }
    };
    let served = async {
        match opened.await {
            Ok(listener) => admit(libvirt, viewers, vm, kind, listener, asked.seconds, &mut to_engine).await,
            Err(refusal) => tell(&mut to_engine, &ViewerNews::Refused(refusal)).await,
        }
    };
    // The engine says nothing more: what comes is its end.
    let gone = async { drop(from_engine.read_line(&mut String::new()).await) };
    tokio::select! {
        done = served => if let Err(error) = done { tracing::debug!(%error, "a viewer's engine is gone") },
        () = gone => {}
    }
    let count = latest.lock().await;
    if mine.is_ok_and(|mine| mine == *count)
        && let Err(error) = password::set(libvirt, vm, kind, &unusable(), -1).await
    {
        tracing::debug!(%error, "a viewer's password ends by itself");
    }
    drop(count);
    let _ = to_engine.shutdown().await;
}

/// Nobody knows it, and it is over already.
fn unusable() -> String {
    uuid::Uuid::new_v4().simple().to_string().chars().take(8).collect()
}

async fn tell(engine: &mut (impl AsyncWrite + Unpin), news: &ViewerNews) -> std::io::Result<()> {
    let mut line = serde_json::to_vec(news)?;
    line.push(b'\n');
    engine.write_all(&line).await?;
    engine.flush().await
}

/// Lets connections in until the time is over or the viewer needs no more; ends with the last connection.
async fn admit(
    libvirt: &Libvirt,
    viewers: &Viewers,
    vm: VmId,
    kind: ConsoleKind,
    listener: TcpListener,
    seconds: u32,
    engine: &mut (impl AsyncWrite + Unpin),
) -> std::io::Result<()> {
    let from = listener.local_addr()?;
    tell(engine, &ViewerNews::Listening { port: from.port(), subject: viewers.identity.viewer().subject }).await?;
    let (news, mut heard) = mpsc::channel(4);
    let gate = Arc::new(Gate {
        libvirt: libvirt.clone(),
        vm,
        kind,
        acceptor: TlsAcceptor::from(viewers.identity.viewer().server),
        taken: AtomicBool::new(false),
        tries: AtomicU8::new(TRIES),
        news,
    });
    let until = Instant::now() + Duration::from_secs(seconds.into());
    let mut listener = Some(listener);
    let mut open = JoinSet::new();
    loop {
        // VNC has one connection. SPICE's others come a moment after the first.
        if !gate.may_try() || (kind == ConsoleKind::Vnc && gate.is_taken()) {
            listener = None;
        }
        if listener.is_none() && open.is_empty() {
            return Ok(());
        }
        tokio::select! {
            accepted = accept(listener.as_ref()), if listener.is_some() && open.len() < AT_ONCE => {
                let Ok((tcp, from)) = accepted else { continue };
                open.spawn(connection(gate.clone(), tcp, from));
            }
            Some(news) = heard.recv() => tell(engine, &news).await?,
            // The end of the connection that came in first is the end of the viewer.
            Some(ended) = open.join_next() => if ended.unwrap_or(false) { return Ok(()) },
            () = sleep_until(until), if listener.is_some() => listener = None,
        }
    }
}

async fn accept(listener: Option<&TcpListener>) -> std::io::Result<(TcpStream, SocketAddr)> {
    match listener {
        Some(listener) => listener.accept().await,
        None => std::future::pending().await,
    }
}

/// True: it was the viewer's first, and is over.
async fn connection(gate: Arc<Gate>, tcp: TcpStream, from: SocketAddr) -> bool {
    let _ = tcp.set_nodelay(true);
    let greeted = match gate.kind {
        ConsoleKind::Spice => timeout(GREETINGS, spice::greet(&gate, tcp)).await,
        ConsoleKind::Vnc | ConsoleKind::Serial => timeout(GREETINGS, vnc::greet(&gate, tcp)).await,
    };
    let (first, viewer, display) = match greeted {
        Ok(Ok(in_)) => in_,
        Ok(Err(error)) => {
            tracing::info!(%from, vm = %gate.vm, %error, "a viewer was turned away");
            return false;
        }
        Err(_) => return false,
    };
    if first {
        let _ = gate.news.send(ViewerNews::Connected { from: from.to_string() }).await;
    }
    console::carry(viewer, display).await;
    first
}

/// A viewer that is in: whether it is the first connection, its side, QEMU's side.
type In = (bool, tokio_rustls::server::TlsStream<TcpStream>, UnixStream);

fn turned_away(why: &str) -> std::io::Error {
    std::io::Error::new(std::io::ErrorKind::PermissionDenied, why.to_owned())
}
