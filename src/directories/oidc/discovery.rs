//! What a provider says of itself and which keys it signs with: fetched, checked and remembered for a while.

use super::http::Http;
use crate::model::clock::Timestamp;
use crate::model::provider::ProviderTrouble;
use openidconnect::core::CoreJsonWebKeySet;
use serde::Deserialize;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;
use time::Duration;

/// A provider may move its endpoints, and keys that it withdrew must not be good for ever.
const FRESH: Duration = Duration::HOUR;
/// An unknown key makes us look again, but a forger must not make us hammer the provider.
const LOOK_AGAIN: Duration = Duration::MINUTE;
/// Anybody may begin a sign-in: one that is away is not called by each of them.
const STAY_AWAY: std::time::Duration = std::time::Duration::from_secs(5);

/// The part of the metadata (OpenID Connect Discovery 1.0, RFC 8414) that is used here.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Metadata {
    pub issuer: String,
    pub authorization_endpoint: String,
    pub token_endpoint: String,
    pub jwks_uri: String,
    pub userinfo_endpoint: Option<String>,
    pub introspection_endpoint: Option<String>,
    pub end_session_endpoint: Option<String>,
    #[serde(default)]
    pub code_challenge_methods_supported: Vec<String>,
    #[serde(default)]
    pub token_endpoint_auth_methods_supported: Vec<String>,
    /// RFC 9207
    #[serde(default)]
    pub authorization_response_iss_parameter_supported: bool,
}

impl Metadata {
    async fn fetch(http: &Http, issuer: &str) -> Result<Self, ProviderTrouble> {
        let url = format!("{}/.well-known/openid-configuration", issuer.trim_end_matches('/'));
        let found: Self = http.json(&url, None).await?;
        if found.issuer != issuer {
            let found = found.issuer.chars().take(200).collect();
            return Err(ProviderTrouble::OtherIssuer { expected: issuer.to_owned(), found });
        }
        let optional = [&found.userinfo_endpoint, &found.introspection_endpoint, &found.end_session_endpoint];
        let needed = [&found.authorization_endpoint, &found.token_endpoint, &found.jwks_uri];
        for url in optional.into_iter().flatten().chain(needed) {
            let is_https = url.starts_with("https://") && openidconnect::url::Url::parse(url).is_ok();
            if !is_https {
                return Err(ProviderTrouble::NotHttps { url: url.chars().take(200).collect() });
            }
        }
        // Who does not say it may well offer it; who says it and leaves S256 out does not.
        let methods = &found.code_challenge_methods_supported;
        if !methods.is_empty() && !methods.iter().any(|m| m == "S256") {
            return Err(ProviderTrouble::NoPkce);
        }
        Ok(found)
    }
}

/// What was learned of a provider.
#[derive(Debug, Default)]
pub(super) struct Known {
    state: Mutex<State>,
    /// Held by the one who asks; the others wait for what he hears.
    asking: tokio::sync::Mutex<()>,
}

#[derive(Debug, Default)]
struct State {
    metadata: Option<(Arc<Metadata>, Timestamp)>,
    keys: Option<(Arc<CoreJsonWebKeySet>, Timestamp)>,
    looked_again: Option<Timestamp>,
    failed: Option<(ProviderTrouble, Instant)>,
}

impl Known {
    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn fresh(&self, now: Timestamp) -> Option<Arc<Metadata>> {
        let state = self.state();
        state.metadata.as_ref().filter(|(_, at)| is_fresh(*at, now)).map(|(known, _)| known.clone())
    }

    /// The metadata, fetched if it is not known or old.
    ///
    /// # Errors
    /// The provider does not give it, or it is not good.
    pub(super) async fn metadata(
        &self,
        http: &Http,
        issuer: &str,
        now: Timestamp,
    ) -> Result<Arc<Metadata>, ProviderTrouble> {
        if let Some(known) = self.fresh(now) {
            return Ok(known);
        }
        let _one = self.asking.lock().await;
        if let Some(known) = self.fresh(now) {
            return Ok(known);
        }
        if let Some((why, _)) = self.state().failed.as_ref().filter(|(_, at)| at.elapsed() < STAY_AWAY) {
            return Err(why.clone());
        }
        match Metadata::fetch(http, issuer).await {
            Ok(fetched) => {
                let fetched = Arc::new(fetched);
                self.state().metadata = Some((fetched.clone(), now));
                Ok(fetched)
            }
            Err(why) => {
                self.state().failed = Some((why.clone(), Instant::now()));
                Err(why)
            }
        }
    }

    /// The keys, fetched if they are not known or old.
    ///
    /// # Errors
    /// The provider does not give them.
    pub(super) async fn keys(
        &self,
        http: &Http,
        metadata: &Metadata,
        now: Timestamp,
    ) -> Result<Arc<CoreJsonWebKeySet>, ProviderTrouble> {
        if let Some((known, _)) = self.state().keys.as_ref().filter(|(_, at)| is_fresh(*at, now)) {
            return Ok(known.clone());
        }
        self.fetch_keys(http, metadata, now).await
    }

    /// The keys fetched anew, because one is missing; None: that was done a moment ago.
    ///
    /// # Errors
    /// The provider does not give them.
    pub(super) async fn look_again(
        &self,
        http: &Http,
        metadata: &Metadata,
        now: Timestamp,
    ) -> Result<Option<Arc<CoreJsonWebKeySet>>, ProviderTrouble> {
        {
            let mut state = self.state();
            if state.looked_again.is_some_and(|at| at <= now && now - at < LOOK_AGAIN) {
                return Ok(None);
            }
            state.looked_again = Some(now);
        }
        self.fetch_keys(http, metadata, now).await.map(Some)
    }

    async fn fetch_keys(
        &self,
        http: &Http,
        metadata: &Metadata,
        now: Timestamp,
    ) -> Result<Arc<CoreJsonWebKeySet>, ProviderTrouble> {
        let fetched: Arc<CoreJsonWebKeySet> = Arc::new(http.json(&metadata.jwks_uri, None).await?);
        self.state().keys = Some((fetched.clone(), now));
        Ok(fetched)
    }
}

fn is_fresh(at: Timestamp, now: Timestamp) -> bool {
    at <= now && now - at < FRESH
}
