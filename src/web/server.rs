//! The HTTPS server: one port for portals, REST API and consoles.

use super::{
    admin, api, assets, console, console_page, error, health, icons, join, live, password, security, sign_in, user,
    viewer_file, vm_cd, vm_snapshots,
};
use crate::engine::Engine;
use actix_http::body::MessageBody;
use actix_http::{HttpService, TlsAcceptorConfig};
use actix_server::ServerHandle;
use actix_service::{IntoServiceFactory as _, ServiceFactory, ServiceFactoryExt as _, fn_service, map_config};
use actix_web::dev::{AppConfig, ServiceRequest, ServiceResponse};
use actix_web::http::header;
use actix_web::middleware::{Compress, DefaultHeaders, Next, from_fn};
use actix_web::{App, HttpMessage as _, web};
use futures_util::StreamExt as _;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpSocket;

/// A machine that is busy takes longer for a handshake than actix waits for it (3 s).
const HANDSHAKE: Duration = Duration::from_secs(15);

/// What handlers share.
#[derive(Debug)]
pub struct Shared {
    pub engine: Arc<Engine>,
    /// PEM, for those who want to trust this engine.
    pub ca: String,
    /// What the certificate calls this engine.
    pub names: Vec<String>,
    pub basic: api::sign_in::Remembered,
}

/// The server cannot start.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {address}: {source}; choose another address with --listen")]
pub struct ServerError {
    address: SocketAddr,
    source: std::io::Error,
}

/// A server at work.
pub struct Server {
    pub address: SocketAddr,
    handle: ServerHandle,
}

impl Server {
    /// Ends it; open pages are cut off after a second.
    pub async fn stop(self) {
        let _ = tokio::time::timeout(std::time::Duration::from_secs(1), self.handle.stop(false)).await;
    }
}

/// No script, style or frame from anywhere but here; data: images are PatternFly's own CSS marks, a blob: is the sound that a
/// guest's SPICE console plays.
const POLICY: &str = "default-src 'self'; img-src 'self' data: blob:; connect-src 'self'; media-src 'self' blob:; frame-ancestors 'none'; \
    base-uri 'none'; form-action 'self'; object-src 'none'";

/// Pages, API and console tickets.
fn app(
    shared: web::Data<Shared>,
) -> App<
    impl ServiceFactory<
        ServiceRequest,
        Config = (),
        Response = ServiceResponse<impl MessageBody>,
        Error = actix_web::Error,
        InitError = (),
    >,
> {
    App::new()
        .app_data(shared)
        .app_data(web::PayloadConfig::new(api::input::MAX_BODY))
        .app_data(web::FormConfig::default().limit(api::input::MAX_BODY))
        .wrap(Compress::default())
        .wrap(
            DefaultHeaders::new()
                .add((header::CONTENT_SECURITY_POLICY, POLICY))
                .add((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
                .add((header::REFERRER_POLICY, "same-origin")),
        )
        .wrap(from_fn(hear_out))
        .configure(health::routes)
        .configure(join::routes)
        .configure(api::routes)
        .configure(console_page::routes)
        .configure(viewer_file::routes)
        .configure(icons::routes)
        .configure(console::routes)
        .configure(assets::routes)
        .configure(live::routes)
        .configure(sign_in::routes)
        .configure(password::routes)
        .configure(security::routes)
        .configure(vm_cd::routes)
        .configure(vm_snapshots::routes)
        .configure(admin::routes)
        .configure(user::routes)
        .default_service(web::to(error::no_such_page))
}

/// So much of a body that is too large is read before it is refused.
const HEARD_OUT: usize = 16 << 20;

/// Where large bodies are taken, piece by piece.
const STREAMED: [&str; 2] = ["/disks/upload", "/class/file"];

/// A client that is still sending when its connection is closed learns a broken pipe, not what was wrong.
async fn hear_out(
    mut request: ServiceRequest,
    next: Next<impl MessageBody>,
) -> Result<ServiceResponse<impl MessageBody>, actix_web::Error> {
    let told = request.headers().get(header::CONTENT_LENGTH).and_then(|l| l.to_str().ok()?.parse::<usize>().ok());
    let streamed = STREAMED.iter().any(|ending| request.path().ends_with(ending));
    if !streamed && told.is_some_and(|told| told > api::input::MAX_BODY) {
        let mut body = request.take_payload();
        let mut heard = 0;
        while heard < HEARD_OUT
            && let Some(Ok(piece)) = body.next().await
        {
            heard += piece.len();
        }
    }
    next.call(request).await
}

/// As many connections may wait to be accepted: a whole school clicks at nine.
const BACKLOG: u32 = 1024;

fn bind(address: SocketAddr) -> std::io::Result<TcpListener> {
    let socket = if address.is_ipv6() { TcpSocket::new_v6()? } else { TcpSocket::new_v4()? };
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)?.into_std()
}

/// Starts listening.
///
/// # Errors
/// The address is taken.
pub fn serve(
    engine: Arc<Engine>,
    listen: SocketAddr,
    tls: rustls::ServerConfig,
    ca: String,
    names: Vec<String>,
) -> Result<Server, ServerError> {
    let failed = |source| ServerError { address: listen, source };
    let shared = web::Data::new(Shared { engine, ca, names, basic: api::sign_in::Remembered::default() });
    let listener = bind(listen).map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    // What HttpServer does, and one thing more: connections that become WebSockets leave HTTP altogether.
    let service = move || {
        let (app, consoles) = (app(shared.clone()), shared.engine.clone());
        HttpService::build()
            .secure()
            .local_addr(address)
            .tcp_nodelay(true)
            .upgrade(fn_service(move |(request, framed)| console::upgrade(consoles.clone(), request, framed)))
            .finish(map_config(app.into_factory().map_err(|e| e.error_response()), |()| AppConfig::default()))
            .rustls_0_23_with_config(tls.clone(), TlsAcceptorConfig::default().handshake_timeout(HANDSHAKE))
    };
    let server = actix_server::Server::build().workers(2).shutdown_timeout(1).disable_signals();
    let running = server.listen("https", listener, service).map_err(failed)?.run();
    let handle = running.handle();
    tokio::spawn(running);
    Ok(Server { address, handle })
}
