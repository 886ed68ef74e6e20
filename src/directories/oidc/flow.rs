//! The authorization code flow with PKCE: out to the provider, and back.

use super::token::{ClaimSet, Expected, Kind};
use super::{OidcError, Provider, claims};
use crate::model::clock::Timestamp;
use crate::model::directory::Person;
use crate::model::provider::{Callback, OpenIdRefusal, ProviderTrouble, Secret};
use openidconnect::core::{CoreAuthenticationFlow, CoreClient, CoreJsonWebKeySet};
use openidconnect::{
    AuthType, AuthUrl, AuthorizationCode, ClientId, ClientSecret, CsrfToken, IssuerUrl, Nonce,
    OAuth2TokenResponse as _, PkceCodeChallenge, PkceCodeVerifier, RedirectUrl, RequestTokenError, Scope,
    TokenResponse as _, TokenUrl,
};
use serde_json::Value;

/// A sign-in on its way; all but the address stays here.
#[derive(Debug)]
pub struct Started {
    /// Where the browser goes.
    pub url: String,
    pub state: Secret,
    pub nonce: Secret,
    pub verifier: Secret,
}

/// Somebody came back from the provider.
#[derive(Debug)]
pub struct Entered {
    pub person: Person,
    /// Shown to the provider when he signs out.
    pub id_token: Secret,
}

/// Texts from outside as far as they can be shown.
fn shown(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(200).collect()
}

impl Provider {
    /// A client without keys: tokens are verified elsewhere.
    fn client(&self) -> Result<CoreClient, ProviderTrouble> {
        let view = &self.config().view;
        let issuer = IssuerUrl::new(view.issuer.clone()).map_err(|e| self.nonsense(&view.issuer, &e))?;
        let client = CoreClient::new(ClientId::new(view.client_id.clone()), issuer, CoreJsonWebKeySet::new(Vec::new()));
        Ok(match &self.config().client_secret {
            Some(secret) => client.set_client_secret(ClientSecret::new(secret.0.clone())),
            None => client,
        })
    }

    fn nonsense(&self, url: &str, error: &dyn std::error::Error) -> ProviderTrouble {
        ProviderTrouble::Nonsense { url: url.to_owned(), why: error.to_string() }
    }

    /// Begins a sign-in that comes back to `redirect_uri`.
    ///
    /// # Errors
    /// The provider does not say where people sign in.
    pub async fn start(&self, redirect_uri: &str, now: Timestamp) -> Result<Started, ProviderTrouble> {
        let metadata = self.metadata(now).await?;
        let endpoint = &metadata.authorization_endpoint;
        let auth = AuthUrl::new(endpoint.clone()).map_err(|e| self.nonsense(endpoint, &e))?;
        let back = RedirectUrl::new(redirect_uri.to_owned()).map_err(|e| self.nonsense(redirect_uri, &e))?;
        let client = self.client()?.set_auth_uri(auth).set_redirect_uri(back);
        let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
        let scopes = self.config().view.scopes.split_whitespace().map(|scope| Scope::new(scope.to_owned()));
        let (url, state, nonce) = client
            .authorize_url(CoreAuthenticationFlow::AuthorizationCode, CsrfToken::new_random, Nonce::new_random)
            .add_scopes(scopes)
            .set_pkce_challenge(challenge)
            .url();
        Ok(Started {
            url: url.into(),
            state: Secret(state.into_secret()),
            nonce: Secret(nonce.secret().clone()),
            verifier: Secret(verifier.into_secret()),
        })
    }

    /// Ends a sign-in: who is it?
    ///
    /// # Errors
    /// The provider let nobody in, is away, or what it says is not good.
    pub async fn finish(
        &self,
        callback: &Callback,
        nonce: &str,
        verifier: Secret,
        redirect_uri: &str,
        now: Timestamp,
    ) -> Result<Entered, OidcError> {
        let metadata = self.metadata(now).await?;
        let issuer = self.issuer();
        // Another provider's answer in this one's place (RFC 9207).
        let said = callback.iss.as_deref();
        let missing = metadata.authorization_response_iss_parameter_supported && said.is_none();
        if missing || said.is_some_and(|said| said != issuer) {
            let found = shown(said.unwrap_or_default());
            return Err(OpenIdRefusal::Issuer { expected: issuer.to_owned(), found }.into());
        }
        if let Some(error) = &callback.error {
            let description = shown(callback.error_description.as_deref().unwrap_or_default());
            return Err(OpenIdRefusal::Denied { error: shown(error), description }.into());
        }
        let code = callback.code.as_deref().filter(|code| !code.is_empty()).ok_or(OpenIdRefusal::NoCode)?;
        let (id_token, access_token) = self.exchange(&metadata, code, verifier, redirect_uri).await?;
        let expected = Expected {
            issuer,
            audience: &self.config().view.client_id,
            now,
            kind: Kind::Id { nonce, access_token: Some(&access_token) },
        };
        let mut found = self.verify(&id_token, &metadata, &expected).await?;
        if let Some(endpoint) = &metadata.userinfo_endpoint {
            self.add_userinfo(endpoint, &access_token, &mut found).await?;
        }
        let person = claims::person(&found, &self.config().view.claims)?;
        Ok(Entered { person, id_token: Secret(id_token) })
    }

    /// The tokens for a code: ID token, access token.
    async fn exchange(
        &self,
        metadata: &super::Metadata,
        code: &str,
        verifier: Secret,
        redirect_uri: &str,
    ) -> Result<(String, String), OidcError> {
        let endpoint = &metadata.token_endpoint;
        let url = TokenUrl::new(endpoint.clone()).map_err(|e| self.nonsense(endpoint, &e))?;
        let back = RedirectUrl::new(redirect_uri.to_owned()).map_err(|e| self.nonsense(redirect_uri, &e))?;
        // Basic is what providers offer who do not say.
        let offered = &metadata.token_endpoint_auth_methods_supported;
        let basic = offered.is_empty() || offered.iter().any(|m| m == "client_secret_basic");
        let kind = if basic { AuthType::BasicAuth } else { AuthType::RequestBody };
        let client = self.client()?.set_token_uri(url).set_redirect_uri(back).set_auth_type(kind);
        let http = |request| self.0.http.send(request);
        let tokens = client
            .exchange_code(AuthorizationCode::new(code.to_owned()))
            .set_pkce_verifier(PkceCodeVerifier::new(verifier.0))
            .request_async(&http)
            .await
            .map_err(|error| -> OidcError {
                match error {
                    RequestTokenError::Request(trouble) => trouble.into(),
                    RequestTokenError::ServerResponse(said) => {
                        OpenIdRefusal::Exchange { why: shown(&said.to_string()) }.into()
                    }
                    other => self.nonsense(endpoint, &other).into(),
                }
            })?;
        let id_token = tokens.id_token().ok_or(OpenIdRefusal::NoIdToken)?.to_string();
        Ok((id_token, tokens.access_token().secret().clone()))
    }

    /// What the ID token leaves out; what it says (it is signed) holds.
    async fn add_userinfo(&self, endpoint: &str, access_token: &str, found: &mut ClaimSet) -> Result<(), OidcError> {
        let more: ClaimSet = self.0.http.json(endpoint, Some(access_token)).await?;
        if more.get("sub") != found.get("sub") {
            let why = "the userinfo is another person's (sub)".to_owned();
            return Err(OpenIdRefusal::Token { why }.into());
        }
        for (name, value) in more {
            found.entry(name).or_insert_with(|| Value::clone(&value));
        }
        Ok(())
    }
}
