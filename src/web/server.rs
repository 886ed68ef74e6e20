//! The HTTPS server: one port for portals, REST API and consoles.

use super::{admin, api, assets, console, error, health, live, sign_in, user, vm_pages};
use crate::engine::Engine;
use actix_web::dev::ServerHandle;
use actix_web::http::header;
use actix_web::middleware::{Compress, DefaultHeaders};
use actix_web::{App, HttpServer, web};
use std::net::SocketAddr;
use std::sync::Arc;

/// What handlers share.
#[derive(Debug)]
pub struct Shared {
    pub engine: Arc<Engine>,
    /// PEM, for those who want to trust this engine.
    pub ca: String,
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

/// No script, style or frame from anywhere but here; data: images are PatternFly's own CSS marks.
const POLICY: &str = "default-src 'self'; img-src 'self' data: blob:; connect-src 'self'; frame-ancestors 'none'; \
    base-uri 'none'; form-action 'self'; object-src 'none'";

/// Starts listening.
///
/// # Errors
/// The address is taken.
pub fn serve(
    engine: Arc<Engine>,
    listen: SocketAddr,
    tls: rustls::ServerConfig,
    ca: String,
) -> Result<Server, ServerError> {
    let failed = |source| ServerError { address: listen, source };
    let shared = web::Data::new(Shared { engine, ca, basic: api::sign_in::Remembered::default() });
    let server = HttpServer::new(move || {
        App::new()
            .app_data(shared.clone())
            .app_data(web::PayloadConfig::new(api::input::MAX_BODY))
            .app_data(web::FormConfig::default().limit(api::input::MAX_BODY))
            .wrap(Compress::default())
            .wrap(
                DefaultHeaders::new()
                    .add((header::CONTENT_SECURITY_POLICY, POLICY))
                    .add((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
                    .add((header::REFERRER_POLICY, "same-origin")),
            )
            .configure(health::routes)
            .configure(api::routes)
            .configure(vm_pages::routes)
            .configure(console::routes)
            .configure(assets::routes)
            .configure(live::routes)
            .configure(sign_in::routes)
            .configure(admin::routes)
            .configure(user::routes)
            .default_service(web::to(error::no_such_page))
    })
    .workers(2)
    .tcp_nodelay(true)
    .shutdown_timeout(1)
    .disable_signals()
    .bind_rustls_0_23(listen, tls)
    .map_err(failed)?;
    let address = server.addrs().first().copied().unwrap_or(listen);
    let running = server.run();
    let handle = running.handle();
    tokio::spawn(running);
    Ok(Server { address, handle })
}
