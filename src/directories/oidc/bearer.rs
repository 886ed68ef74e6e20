//! A provider's access tokens at the API: signed ones are verified here, others by asking the provider (RFC 7662).

use super::token::{self, ClaimSet, Expected, Kind};
use super::{OidcError, Provider, claims};
use crate::model::clock::Timestamp;
use crate::model::directory::{DirectoryGroup, Person};
use crate::model::provider::OpenIdRefusal;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use openidconnect::http::{HeaderValue, Request, header};
use openidconnect::url::form_urlencoded;
use serde_json::Value;

/// Whose token it is.
#[derive(Debug)]
pub struct Bearer {
    pub external_id: String,
    /// None: the token does not describe him, so he must be known.
    pub person: Option<Person>,
    /// None: the token says nothing of groups.
    pub groups: Option<Vec<DirectoryGroup>>,
    /// Until when it is good (Unix seconds).
    pub expires: i64,
}

/// Who made a token, as it says itself; None: it is not a signed one.
pub fn issuer_of(token: &str) -> Option<String> {
    token::payload(token)?.get("iss")?.as_str().map(str::to_owned)
}

impl Provider {
    /// Who comes with this access token?
    ///
    /// # Errors
    /// It is not good, not for the API, or the provider is away.
    pub async fn bearer(&self, token: &str, now: Timestamp) -> Result<Bearer, OidcError> {
        let view = &self.config().view;
        let metadata = self.metadata(now).await?;
        let expected = Expected { issuer: &view.issuer, audience: &view.api_audience, now, kind: Kind::Access };
        let claims = if issuer_of(token).is_some() {
            self.verify(token, &metadata, &expected).await?
        } else {
            let no = || OpenIdRefusal::Token { why: "it is not signed, and the provider cannot be asked".to_owned() };
            self.introspect(metadata.introspection_endpoint.as_deref().ok_or_else(no)?, token, &expected).await?
        };
        let text = |name: &str| claims.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        Ok(Bearer {
            external_id: text("sub"),
            person: claims::person(&claims, &view.claims).ok(),
            groups: claims::groups(&claims, &view.claims.groups),
            expires: claims.get("exp").and_then(Value::as_i64).unwrap_or_default(),
        })
    }

    async fn introspect(&self, endpoint: &str, token: &str, expected: &Expected<'_>) -> Result<ClaimSet, OidcError> {
        let encode = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
        let secret = self.config().client_secret.as_ref().map(|s| s.0.as_str()).unwrap_or_default();
        let basic = STANDARD.encode(format!("{}:{}", encode(&self.config().view.client_id), encode(secret)));
        let body = format!("token={}&token_type_hint=access_token", encode(token)).into_bytes();
        let mut request = Request::post(endpoint).body(body).map_err(|e| self.strange(endpoint, &e))?;
        let basic = HeaderValue::from_str(&format!("Basic {basic}")).map_err(|e| self.strange(endpoint, &e))?;
        let headers = request.headers_mut();
        headers.insert(header::AUTHORIZATION, basic);
        headers.insert(header::ACCEPT, HeaderValue::from_static("application/json"));
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/x-www-form-urlencoded"));
        let found: ClaimSet = self.0.http.answer(endpoint, request).await?;
        active(found, expected)
    }

    fn strange(&self, url: &str, error: &dyn std::error::Error) -> OidcError {
        OpenIdRefusal::Token { why: format!("{url}: {error}") }.into()
    }
}

/// What the provider says of a token, judged as if it stood in it.
fn active(found: ClaimSet, expected: &Expected<'_>) -> Result<ClaimSet, OidcError> {
    let bad = |why: &str| Err(OpenIdRefusal::Token { why: why.to_owned() }.into());
    if found.get("active") != Some(&Value::Bool(true)) {
        return bad("the provider does not know it, or it has expired");
    }
    let is_for = |value: &Value| value.as_str() == Some(expected.audience);
    let ours = match found.get("aud") {
        Some(Value::Array(many)) => many.iter().any(is_for),
        Some(one) => is_for(one),
        None => false,
    };
    if !ours {
        return bad("it is for somebody else (aud)");
    }
    if found.get("iss").is_some_and(|iss| iss.as_str() != Some(expected.issuer)) {
        return bad("it is another issuer's (iss)");
    }
    let now = expected.now.assume_utc().unix_timestamp();
    if found.get("exp").and_then(Value::as_i64).is_none_or(|exp| exp <= now) {
        return bad("it has expired (exp)");
    }
    if found.get("sub").and_then(Value::as_str).is_none_or(|sub| sub.is_empty() || sub.len() > 255) {
        return bad("it names nobody (sub)");
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use time::macros::datetime;

    fn judged(change: impl Fn(&mut ClaimSet)) -> bool {
        let now = datetime!(2026-11-24 09:00:00);
        let later = now.assume_utc().unix_timestamp() + 60;
        let good = json!({"active": true, "aud": ["x", "urn:api"], "iss": "https://a", "sub": "7", "exp": later});
        let mut claims = good.as_object().unwrap().clone();
        change(&mut claims);
        active(claims, &Expected { issuer: "https://a", audience: "urn:api", now, kind: Kind::Access }).is_ok()
    }

    #[test]
    fn only_an_active_token_for_the_api_is_good() {
        assert!(judged(|_| {}));
        assert!(judged(|c| drop(c.insert("aud".to_owned(), json!("urn:api")))));
        assert!(judged(|c| drop(c.remove("iss"))));
        for (name, value) in [
            ("active", json!(false)),
            ("active", json!("true")),
            ("aud", json!("other")),
            ("aud", json!(["other"])),
            ("iss", json!("https://b")),
            ("exp", json!(1)),
            ("sub", json!("")),
        ] {
            assert!(!judged(|c| drop(c.insert(name.to_owned(), value.clone()))), "{name}: {value}");
        }
        for name in ["active", "aud", "exp", "sub"] {
            assert!(!judged(|c| drop(c.remove(name))), "{name}");
        }
    }
}
