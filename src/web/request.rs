//! What every request carries: who asks, from where, under which correlation id.

use super::server::Shared;
use crate::auth::{Actor, AuthError, View, session};
use crate::engine::{Cx, EngineError};
use actix_web::HttpRequest;
use actix_web::cookie::{Cookie, SameSite};

/// The session cookie's name; the prefix makes browsers insist on Secure, no domain and path `/` (RFC 6265bis).
pub const COOKIE: &str = "__Host-vireo";

/// The session's secret, if the browser has one.
pub fn secret(request: &HttpRequest) -> Option<String> {
    request.cookie(COOKIE).map(|c| c.value().to_owned())
}

/// The cookie that keeps a session's secret in the browser.
pub fn session_cookie(secret: String) -> Cookie<'static> {
    Cookie::build(COOKIE, secret).secure(true).http_only(true).same_site(SameSite::Lax).path("/").finish()
}

/// A browser's caller.
///
/// # Errors
/// Nobody is signed in, or somebody without an admin role wants the admin view.
pub async fn signed_in(shared: &Shared, request: &HttpRequest, view: View) -> Result<Cx, EngineError> {
    let secret = secret(request).ok_or(AuthError::NotSignedIn)?;
    let (db, now) = (&shared.engine.db, shared.engine.clock.now());
    // A page that asks for itself anew is nobody's doing.
    let actor = if request.headers().contains_key("x-fragment") || request.path() == "/events/stream" {
        session::glance(db, now, &secret, view).await?
    } else {
        session::resolve(db, now, &secret, view).await?
    };
    cx(shared, request, actor)
}

/// The caller with his correlation id.
///
/// # Errors
/// The view is the administrator's and the caller is none.
pub fn cx(shared: &Shared, request: &HttpRequest, actor: Actor) -> Result<Cx, EngineError> {
    if actor.view == View::Admin && !actor.is_admin {
        return Err(AuthError::NotAdmin { user: actor.name }.into());
    }
    Ok(Cx { engine: shared.engine.clone(), actor, correlation_id: correlation_id(request) })
}

/// The caller's own (oVirt's header), if it is decent, else a fresh one.
fn correlation_id(request: &HttpRequest) -> String {
    let given = request.headers().get("correlation-id").and_then(|v| v.to_str().ok());
    let decent = |id: &&str| !id.is_empty() && id.len() <= 50 && id.chars().all(|c| c.is_ascii_graphic());
    given.filter(decent).map_or_else(|| uuid::Uuid::new_v4().to_string(), ToOwned::to_owned)
}

/// What the caller calls this engine, without the port.
pub fn asked_host(request: &HttpRequest) -> String {
    let host = request.connection_info().host().to_owned();
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|b| b.is_ascii_digit()) => name.to_owned(),
        _ => host,
    }
}

/// Where the request came from.
pub fn source_ip(request: &HttpRequest) -> String {
    request.peer_addr().map(|a| a.ip().to_string()).unwrap_or_default()
}
