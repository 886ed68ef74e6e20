//! OpenID providers: where they are, what their claims mean here, and what can go wrong on the way.

use crate::model::ids::ProviderId;
use crate::model::valid::{self, Invalid, Problem};

/// A word that nobody may read in a log.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Secret(pub String);

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("…")
    }
}

/// Which claim says what of a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claims {
    pub user_name: String,
    pub first_name: String,
    pub last_name: String,
    pub email: String,
    pub groups: String,
}

/// What is set of a provider, its secret apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProviderView {
    pub id: ProviderId,
    /// The domain of its users: `alice@school`.
    pub name: String,
    /// What stands on its button.
    pub label: String,
    pub issuer: String,
    pub client_id: String,
    /// Without one the client is a public one, and PKCE alone protects the code.
    pub has_secret: bool,
    /// Beside `openid`, with spaces between.
    pub scopes: String,
    pub claims: Claims,
    /// PEM of the certificate authorities to trust; empty: the system's.
    pub ca_pem: String,
    /// Whom an access token must be for, to be taken at the API; empty: none is.
    pub api_audience: String,
    /// Signing out here signs out there, too.
    pub sign_out: bool,
    pub enabled: bool,
    /// Grows with every change.
    pub generation: i64,
}

/// A provider with its secret: what it takes to talk to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProviderConfig {
    pub view: ProviderView,
    pub client_secret: Option<Secret>,
}

/// What somebody wants to set of a provider.
#[derive(Debug, Clone, Default)]
pub struct Draft {
    pub name: String,
    pub label: String,
    pub issuer: String,
    pub client_id: String,
    pub client_secret: NewSecret,
    pub scopes: String,
    pub user_name_claim: String,
    pub first_name_claim: String,
    pub last_name_claim: String,
    pub email_claim: String,
    pub groups_claim: String,
    pub ca_pem: String,
    pub api_audience: String,
    pub sign_out: bool,
    pub enabled: bool,
}

/// What becomes of a provider's secret.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum NewSecret {
    /// Stays as it is.
    #[default]
    Kept,
    None,
    Set(Secret),
}

const MOST: usize = 255;
const MOST_PEM: usize = 100_000;
/// What most providers say (OpenID Connect Core 5.1); groups have no standard claim, but this name is usual.
pub const USUAL_CLAIMS: [&str; 5] = ["preferred_username", "given_name", "family_name", "email", "groups"];
pub const USUAL_SCOPES: &str = "profile email";

impl Draft {
    /// Checked, as it is kept; the secret and the generation are the caller's.
    ///
    /// # Errors
    /// What is wrong with each field.
    pub fn check(&self, id: ProviderId) -> Result<ProviderView, Vec<Invalid>> {
        let mut wrong = Vec::new();
        let mut take = |result: Result<String, Invalid>| result.map_err(|one| wrong.push(one)).unwrap_or_default();
        let name = take(valid::name("name", &self.name.to_lowercase(), 50));
        let label = take(line("label", &self.label, 100));
        let issuer = take(https("issuer", &self.issuer));
        let client_id = take(needed("client_id", &self.client_id));
        let scopes = take(line("scopes", &self.scopes, MOST));
        let claims = Claims {
            user_name: take(needed("user_name_claim", &self.user_name_claim)),
            first_name: take(line("first_name_claim", &self.first_name_claim, MOST)),
            last_name: take(line("last_name_claim", &self.last_name_claim, MOST)),
            email: take(line("email_claim", &self.email_claim, MOST)),
            groups: take(line("groups_claim", &self.groups_claim, MOST)),
        };
        let ca_pem = take(valid::text("ca_pem", &self.ca_pem, MOST_PEM));
        let api_audience = take(line("api_audience", &self.api_audience, MOST));
        if let NewSecret::Set(secret) = &self.client_secret {
            take(line("client_secret", &secret.0, 1000));
        }
        // An ID token is for the client: it would open the API, too, for whoever gets hold of one.
        if !api_audience.is_empty() && api_audience == client_id {
            wrong.push(Invalid::new("api_audience", Problem::SameAsClient));
        }
        if !wrong.is_empty() {
            return Err(wrong);
        }
        let label = if label.is_empty() { name.clone() } else { label };
        Ok(ProviderView {
            id,
            name,
            label,
            issuer,
            client_id,
            has_secret: false,
            scopes,
            claims,
            ca_pem,
            api_audience,
            sign_out: self.sign_out,
            enabled: self.enabled,
            generation: 0,
        })
    }
}

fn line(field: &'static str, text: &str, max: usize) -> Result<String, Invalid> {
    let text = valid::text(field, text, max)?;
    match text.chars().find(|c| c.is_control()) {
        Some(found) => Err(Invalid::new(field, Problem::Character { found })),
        None => Ok(text),
    }
}

fn needed(field: &'static str, text: &str) -> Result<String, Invalid> {
    let text = line(field, text, MOST)?;
    if text.is_empty() { Err(Invalid::new(field, Problem::Missing)) } else { Ok(text) }
}

/// The issuer's address, to the letter as the provider writes it.
fn https(field: &'static str, text: &str) -> Result<String, Invalid> {
    let text = needed(field, text)?;
    let host = text.strip_prefix("https://").and_then(|rest| rest.split('/').next()).unwrap_or_default();
    let bad = host.is_empty() || host.contains('@') || text.contains(['?', '#', ' ', '"', '<', '>', '\\']);
    if bad { Err(Invalid::new(field, Problem::NotHttps { value: text })) } else { Ok(text) }
}

/// What a provider says of itself, for who sets it up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Discovery {
    pub authorization_endpoint: String,
    pub token_endpoint: String,
    pub keys: usize,
    pub userinfo: bool,
    pub introspection: bool,
    pub sign_out: bool,
}

/// What a provider's answer to the browser carries back here (RFC 6749 4.1.2, RFC 9207).
#[derive(Debug, Clone, Default, serde::Deserialize)]
#[serde(default)]
pub struct Callback {
    pub state: String,
    pub code: Option<String>,
    pub iss: Option<String>,
    pub error: Option<String>,
    pub error_description: Option<String>,
}

/// Why a provider did not do what it was asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProviderTrouble {
    #[error("{url} cannot be reached: {why}")]
    Unreachable { url: String, why: String },
    #[error("{url} did not answer within {seconds} seconds")]
    Slow { url: String, seconds: u64 },
    #[error("{url} shows a certificate that is not trusted: {why}; give the certificate authority that signed it")]
    Untrusted { url: String, why: String },
    #[error("the certificate authority cannot be read: {why}; give it in PEM form")]
    BadCa { why: String },
    #[error("{url} answered with status {status}")]
    Status { url: String, status: u16 },
    #[error("{url} sent more than {max} bytes")]
    TooMuch { url: String, max: usize },
    #[error("{url} sent what is not understood: {why}")]
    Nonsense { url: String, why: String },
    #[error("the issuer calls itself {found}, not {expected}; set the issuer as it writes it")]
    OtherIssuer { expected: String, found: String },
    #[error("the issuer names {url}, which is not an https address")]
    NotHttps { url: String },
    #[error("the issuer does not offer PKCE with S256")]
    NoPkce,
}

/// Why a provider's answer lets nobody in. Who signs in hears which kind it is; the event has the whole.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OpenIdRefusal {
    /// Used, expired, another browser's, or made up.
    #[error("this sign-in was not started in this browser, or it was used or has expired; start again")]
    NotStarted,
    #[error("the provider did not let the user in: {error} {description}")]
    Denied { error: String, description: String },
    #[error("the answer is from {found}, not from {expected}")]
    Issuer { expected: String, found: String },
    #[error("the answer has no code")]
    NoCode,
    #[error("the provider refused to give a token for the code: {why}")]
    Exchange { why: String },
    #[error("the provider gave no ID token")]
    NoIdToken,
    #[error("the token is not good: {why}")]
    Token { why: String },
    #[error("no claim {claim} says what the user is called")]
    NoName { claim: String },
    #[error("the claim {claim} is longer than {max} characters or has characters that no name has")]
    BadName { claim: String, max: usize },
}

#[cfg(test)]
mod tests {
    use super::*;

    fn draft() -> Draft {
        Draft {
            name: "School".to_owned(),
            issuer: "https://id.example.com/realms/a".to_owned(),
            client_id: "vireo".to_owned(),
            user_name_claim: "preferred_username".to_owned(),
            ..Draft::default()
        }
    }

    #[test]
    fn a_draft_is_checked_field_by_field() {
        let good = draft().check(ProviderId::random()).unwrap();
        assert_eq!((good.name.as_str(), good.label.as_str()), ("school", "school"));
        let field = |change: fn(&mut Draft)| {
            let mut draft = draft();
            change(&mut draft);
            draft.check(ProviderId::random()).unwrap_err().into_iter().map(|w| w.field).collect::<Vec<_>>()
        };
        assert_eq!(field(|d| d.name = "a b".to_owned()), ["name"]);
        for bad in
            ["http://id.example.com", "https://", "https://a@b/", "https://a/?x=1", "javascript:1", "https://a/ b"]
        {
            assert!(Draft { issuer: bad.to_owned(), ..draft() }.check(ProviderId::random()).is_err(), "{bad}");
        }
        assert_eq!(field(|d| d.client_id = String::new()), ["client_id"]);
        assert_eq!(field(|d| d.api_audience = "vireo".to_owned()), ["api_audience"]);
        assert_eq!(field(|d| d.scopes = "a\nb".to_owned()), ["scopes"]);
        assert_eq!(field(|d| d.ca_pem = "x".repeat(MOST_PEM + 1)), ["ca_pem"]);
        assert_eq!(field(|d| *d = Draft::default()), ["name", "issuer", "client_id", "user_name_claim"]);
    }

    #[test]
    fn secrets_are_not_shown() {
        assert_eq!(format!("{:?}", NewSecret::Set(Secret("s3cret".to_owned()))), "Set(…)");
    }
}
