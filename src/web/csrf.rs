//! Changes come from our own pages only: a token derived from the session's secret, and what the browser says of the request's origin.

use super::request;
use crate::auth::session::csrf_token;
use actix_web::HttpRequest;
use std::collections::HashMap;

/// The change did not come from one of our pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this request did not come from one of this engine's own pages; go back, reload the page and try again")]
pub struct Foreign;

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
/// [`Foreign`]
pub fn check(http: &HttpRequest, form: &HashMap<String, String>) -> Result<(), Foreign> {
    let secret = request::secret(http).ok_or(Foreign)?;
    let header = http.headers().get("x-csrf-token").and_then(|v| v.to_str().ok());
    let given = header.or_else(|| form.get("csrf").map(String::as_str)).ok_or(Foreign)?;
    if from_here(http) && given == csrf_token(&secret) { Ok(()) } else { Err(Foreign) }
}
