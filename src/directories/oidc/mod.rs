//! OpenID Connect: a provider by its issuer, the code flow with PKCE, its tokens, sign-out (RP-initiated).

mod bearer;
mod claims;
mod discovery;
mod flow;
mod http;
mod token;

pub use bearer::{Bearer, issuer_of};
pub use flow::{Entered, Started};

use crate::model::clock::Timestamp;
use crate::model::provider::{Discovery, OpenIdRefusal, ProviderConfig, ProviderTrouble};
use discovery::{Known, Metadata};
use http::Http;
use openidconnect::core::CoreJsonWebKeySet;
use std::sync::Arc;
use token::{Bad, ClaimSet, Expected};

/// A provider and what was learned of it. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Provider(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    config: ProviderConfig,
    http: Http,
    known: Known,
}

/// Why nobody comes in through a provider.
#[derive(Debug, thiserror::Error)]
pub enum OidcError {
    #[error(transparent)]
    Trouble(#[from] ProviderTrouble),
    #[error(transparent)]
    Refusal(#[from] OpenIdRefusal),
}

impl Provider {
    /// Opens nothing yet.
    ///
    /// # Errors
    /// The certificate authority cannot be read.
    pub fn new(config: ProviderConfig) -> Result<Self, ProviderTrouble> {
        let http = Http::new(&config.view.ca_pem)?;
        Ok(Self(Arc::new(Inner { config, http, known: Known::default() })))
    }

    pub fn config(&self) -> &ProviderConfig {
        &self.0.config
    }

    fn issuer(&self) -> &str {
        &self.0.config.view.issuer
    }

    async fn metadata(&self, now: Timestamp) -> Result<Arc<Metadata>, ProviderTrouble> {
        self.0.known.metadata(&self.0.http, self.issuer(), now).await
    }

    async fn keys(&self, metadata: &Metadata, now: Timestamp) -> Result<Arc<CoreJsonWebKeySet>, ProviderTrouble> {
        self.0.known.keys(&self.0.http, metadata, now).await
    }

    /// Asks the provider for everything that a sign-in needs.
    ///
    /// # Errors
    /// What is wrong with it.
    pub async fn discover(&self, now: Timestamp) -> Result<Discovery, ProviderTrouble> {
        let found = self.metadata(now).await?;
        let keys = self.keys(&found, now).await?;
        Ok(Discovery {
            authorization_endpoint: found.authorization_endpoint.clone(),
            token_endpoint: found.token_endpoint.clone(),
            keys: keys.keys().len(),
            userinfo: found.userinfo_endpoint.is_some(),
            introspection: found.introspection_endpoint.is_some(),
            sign_out: found.end_session_endpoint.is_some(),
        })
    }

    /// Verifies a token; signed with a key that is not known, the keys are fetched anew (they rotate).
    async fn verify(&self, token: &str, metadata: &Metadata, expected: &Expected<'_>) -> Result<ClaimSet, OidcError> {
        let unknown =
            || OpenIdRefusal::Token { why: "it is signed with a key that the provider does not have".to_owned() };
        let keys = self.keys(metadata, expected.now).await?;
        match token::verify(token, &keys, expected) {
            Ok(claims) => return Ok(claims),
            Err(Bad::Refused(why)) => return Err(why.into()),
            Err(Bad::UnknownKey) => {}
        }
        let keys = self.0.known.look_again(&self.0.http, metadata, expected.now).await?.ok_or_else(unknown)?;
        token::verify(token, &keys, expected).map_err(|bad| match bad {
            Bad::UnknownKey => unknown().into(),
            Bad::Refused(why) => why.into(),
        })
    }

    /// Where the browser goes to sign out at the provider, too; None: it does not offer that.
    ///
    /// # Errors
    /// The provider does not say.
    pub async fn sign_out_url(
        &self,
        id_token: &str,
        return_to: &str,
        now: Timestamp,
    ) -> Result<Option<String>, ProviderTrouble> {
        let metadata = self.metadata(now).await?;
        let Some(endpoint) = &metadata.end_session_endpoint else { return Ok(None) };
        let nonsense =
            |e: openidconnect::url::ParseError| ProviderTrouble::Nonsense { url: endpoint.clone(), why: e.to_string() };
        let mut url = openidconnect::url::Url::parse(endpoint).map_err(nonsense)?;
        url.query_pairs_mut()
            .append_pair("id_token_hint", id_token)
            .append_pair("client_id", &self.0.config.view.client_id)
            .append_pair("post_logout_redirect_uri", return_to);
        Ok(Some(url.into()))
    }
}
