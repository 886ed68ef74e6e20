//! Changes come from our own pages only: a token derived from the session's secret, and what the browser says of the request's origin.

use super::request;
use crate::auth::session::csrf_token;
use crate::model::conflict::Conflict;
use actix_web::HttpRequest;
use std::collections::HashMap;

/// A form's fields.
pub fn fields(body: &[u8]) -> HashMap<String, String> {
    serde_urlencoded::from_bytes(body).unwrap_or_default()
}

/// The browser does not say that another site made the request (Fetch Metadata; old browsers say nothing).
pub fn from_here(http: &HttpRequest) -> bool {
    let site = http.headers().get("sec-fetch-site").and_then(|v| v.to_str().ok());
    matches!(site, None | Some("same-origin" | "none"))
}

/// The token is there, in the header or the form, and is this session's.
///
/// # Errors
/// [`Conflict::Foreign`]
pub fn check(http: &HttpRequest, form: &HashMap<String, String>) -> Result<(), Conflict> {
    let secret = request::secret(http).ok_or(Conflict::Foreign)?;
    let header = http.headers().get("x-csrf-token").and_then(|v| v.to_str().ok());
    let given = header.or_else(|| form.get("csrf").map(String::as_str)).ok_or(Conflict::Foreign)?;
    if from_here(http) && given == csrf_token(&secret) { Ok(()) } else { Err(Conflict::Foreign) }
}
