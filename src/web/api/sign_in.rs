//! Who calls the API: a bearer token from `/sso/oauth/token`, Basic, or a portal's session.

use super::fault;
use crate::auth::session::{Opened, SessionKind};
use crate::auth::{Actor, AuthError, View, session};
use crate::engine::kerberos::sign_in as kerberos;
use crate::engine::providers::bearer;
use crate::engine::{Cx, EngineError, sign_in};
use crate::web::request;
use crate::web::server::Shared;
use crate::web::sign_in::negotiate;
use actix_web::http::{StatusCode, header};
use actix_web::{HttpRequest, HttpResponse, web};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rand::RngCore as _;
use serde_json::json;
use sha2::{Digest as _, Sha256};
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// SSO paths.
pub fn routes(config: &mut web::ServiceConfig) {
    config
        .route("/ovirt-engine/sso/oauth/token", web::post().to(token))
        .route("/ovirt-engine/sso/oauth/token", web::get().to(token))
        .route("/ovirt-engine/sso/oauth/token-http-auth", web::post().to(token_by_ticket))
        .route("/ovirt-engine/sso/oauth/token-http-auth", web::get().to(token_by_ticket))
        .route("/ovirt-engine/sso/oauth/revoke", web::post().to(revoke))
        .route("/ovirt-engine/services/sso-logout", web::post().to(revoke))
        .route("/ovirt-engine/sso/status", web::get().to(status));
}

/// Basic sends the password with each request; a good one is remembered (as a keyed hash) until a minute passes without it,
/// so that not each costs an argon2 and an event. The session it stands for is looked up each time: ended or locked accounts are out at once.
#[derive(Debug)]
pub struct Remembered {
    key: [u8; 32],
    known: Mutex<HashMap<[u8; 32], (String, Instant)>>,
}

const REMEMBER: Duration = Duration::from_secs(60);
const MOST_REMEMBERED: usize = 1000;

impl Default for Remembered {
    fn default() -> Self {
        let mut key = [0; 32];
        rand::rng().fill_bytes(&mut key);
        Self { key, known: Mutex::default() }
    }
}

impl Remembered {
    fn digest(&self, credentials: &str) -> [u8; 32] {
        Sha256::new().chain_update(self.key).chain_update(credentials).finalize().into()
    }
    fn find(&self, credentials: &str) -> Option<String> {
        let digest = self.digest(credentials);
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let (secret, at) = known.get_mut(&digest).filter(|(_, at)| at.elapsed() < REMEMBER)?;
        *at = Instant::now();
        Some(secret.clone())
    }
    fn keep(&self, credentials: &str, secret: String) {
        let digest = self.digest(credentials);
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= MOST_REMEMBERED {
            known.retain(|_, (_, at)| at.elapsed() < REMEMBER);
        }
        if known.len() < MOST_REMEMBERED {
            known.insert(digest, (secret, Instant::now()));
        }
    }
}

/// The caller, in the view he asks for (`Filter: true` is the user's).
///
/// # Errors
/// Not signed in, wrong password, locked, or no administrator without `Filter: true`.
pub async fn caller(http: &HttpRequest) -> Result<Cx, EngineError> {
    let shared = http.app_data::<web::Data<Shared>>().ok_or(AuthError::NotSignedIn)?;
    let view = if filtered(http) { View::User } else { View::Admin };
    let actor = actor(shared, http, view).await?;
    request::cx(shared, http, actor)
}

fn filtered(http: &HttpRequest) -> bool {
    let header = http.headers().get("filter").and_then(|v| v.to_str().ok()).map(str::to_owned);
    let asked = header.or_else(|| super::answer::parameters(http).get("filter").cloned());
    asked.is_some_and(|v| matches!(v.to_ascii_lowercase().as_str(), "true" | "t" | "yes" | "y" | "1" | ""))
}

async fn actor(shared: &Shared, http: &HttpRequest, view: View) -> Result<Actor, EngineError> {
    let (db, now) = (&shared.engine.db, shared.engine.clock.now());
    let authorization = http.headers().get(header::AUTHORIZATION).and_then(|v| v.to_str().ok()).unwrap_or_default();
    if let Some(token) = authorization.strip_prefix("Bearer ") {
        return match session::resolve(db, now, token.trim(), view).await {
            // No session of ours: a provider's token, perhaps.
            Err(AuthError::NotSignedIn) => {
                bearer::actor(&shared.engine, token.trim(), &request::source_ip(http), view).await
            }
            other => Ok(other?),
        };
    }
    if let Some(given) = negotiate::ticket(http) {
        return Ok(kerberos::actor(&shared.engine, given, &request::source_ip(http), view).await?.who);
    }
    if let Some(encoded) = authorization.strip_prefix("Basic ") {
        let decoded = STANDARD.decode(encoded.trim()).ok().and_then(|b| String::from_utf8(b).ok());
        let credentials = decoded.ok_or(AuthError::NotSignedIn)?;
        return basic(shared, http, &credentials, view).await;
    }
    // A portal's page may read; what changes something needs a token of its own, so that no other site can make a browser do it.
    match request::secret(http) {
        Some(secret) if http.method().is_safe() => Ok(session::resolve(db, now, &secret, view).await?),
        _ => Err(AuthError::NotSignedIn.into()),
    }
}

async fn basic(shared: &Shared, http: &HttpRequest, credentials: &str, view: View) -> Result<Actor, EngineError> {
    let (db, now) = (&shared.engine.db, shared.engine.clock.now());
    if let Some(secret) = shared.basic.find(credentials)
        && let Ok(actor) = session::resolve(db, now, &secret, view).await
    {
        return Ok(actor);
    }
    let (name, password) = credentials.split_once(':').ok_or(AuthError::NotSignedIn)?;
    let ip = request::source_ip(http);
    let opened = sign_in::sign_in(&shared.engine, name, password, &ip, SessionKind::Api, view).await?;
    shared.basic.keep(credentials, opened.secret);
    Ok(opened.actor)
}

async fn token(shared: web::Data<Shared>, http: HttpRequest, body: web::Bytes) -> HttpResponse {
    let mut form: HashMap<String, String> = serde_urlencoded::from_bytes(&body).unwrap_or_default();
    form.extend(serde_urlencoded::from_str::<HashMap<String, String>>(http.query_string()).unwrap_or_default());
    let field = |name: &str| form.get(name).map(String::as_str).unwrap_or_default();
    if field("grant_type") != "password" {
        return refused(StatusCode::BAD_REQUEST, "unsupported_grant_type", "Only the grant type password is offered.");
    }
    if !field("scope").split_whitespace().any(|s| s == "ovirt-app-api") {
        return refused(StatusCode::BAD_REQUEST, "invalid_scope", "The scope must contain ovirt-app-api.");
    }
    let ip = request::source_ip(&http);
    let opened =
        sign_in::sign_in(&shared.engine, field("username"), field("password"), &ip, SessionKind::Api, View::User).await;
    match opened {
        Ok(opened) => granted(&opened, field("scope")),
        Err(error) => refused(fault::status(&error), "access_denied", &fault::sentence(&error)),
    }
}

fn granted(opened: &Opened, scope: &str) -> HttpResponse {
    let ends = opened.ends.assume_utc();
    HttpResponse::Ok().json(json!({
        "access_token": opened.secret,
        "scope": scope,
        "exp": (ends.unix_timestamp() * 1000).to_string(),
        "token_type": "bearer",
    }))
}

/// A token for a Kerberos ticket, as oVirt's SDK asks for one with `kerberos=True`.
async fn token_by_ticket(shared: web::Data<Shared>, http: HttpRequest) -> HttpResponse {
    let Some(given) = negotiate::ticket(&http) else {
        let why = "Come with a Kerberos ticket (Authorization: Negotiate).";
        let mut response = refused(StatusCode::UNAUTHORIZED, "access_denied", why);
        negotiate::ask(&mut response);
        return response;
    };
    let ip = request::source_ip(&http);
    match kerberos::sign_in(&shared.engine, given, &ip, SessionKind::Api, View::User).await {
        Ok(entered) => {
            let mut response = granted(&entered.who, "ovirt-app-api");
            negotiate::answer(&mut response, entered.answer.as_deref());
            response
        }
        Err(error) => refused(fault::status(&error), "access_denied", &fault::sentence(&error)),
    }
}

fn refused(status: StatusCode, error: &str, description: &str) -> HttpResponse {
    HttpResponse::build(status).json(json!({"error": error, "error_code": error, "error_description": description}))
}

async fn revoke(shared: web::Data<Shared>, http: HttpRequest, body: web::Bytes) -> HttpResponse {
    let form: HashMap<String, String> = serde_urlencoded::from_bytes(&body).unwrap_or_default();
    let token = form.get("token").map(String::as_str).unwrap_or_default();
    let now = shared.engine.clock.now();
    // A token that is none any more is as good as revoked.
    if let Ok(actor) = session::resolve(&shared.engine.db, now, token, View::User).await
        && let Ok(cx) = request::cx(&shared, &http, actor)
        && let Err(error) = sign_in::sign_out(&cx).await
    {
        return fault::response(&http, &error);
    }
    HttpResponse::Ok().json(json!({}))
}

async fn status() -> HttpResponse {
    HttpResponse::Ok().json(json!({"status": "active", "status_description": "SSO Webapp Deployed", "version": "0"}))
}
