//! How providers are called: TLS with roots of our own choice, no redirects, bounded in time and size.

use crate::model::provider::ProviderTrouble;
use openidconnect::http::{HeaderValue, Request, Response, header};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use std::sync::Arc;
use std::time::Duration;

const CONNECT: Duration = Duration::from_secs(5);
/// For a whole answer.
const PATIENCE: Duration = Duration::from_secs(10);
const MAX_BODY: usize = 1 << 20;

/// A client that trusts what one provider's administrator said.
#[derive(Debug, Clone)]
pub(super) struct Http {
    client: reqwest::Client,
}

impl Http {
    /// # Errors
    /// The certificate authority cannot be read.
    pub(super) fn new(ca_pem: &str) -> Result<Self, ProviderTrouble> {
        let bad = |why: String| ProviderTrouble::BadCa { why };
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|e| bad(e.to_string()))?
            .with_root_certificates(roots(ca_pem)?)
            .with_no_client_auth();
        let client = reqwest::Client::builder()
            .tls_backend_preconfigured(config)
            .no_proxy()
            .https_only(true)
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(CONNECT)
            .timeout(PATIENCE)
            .build()
            .map_err(|e| bad(e.to_string()))?;
        Ok(Self { client })
    }

    /// Sends a request; the answer's status is the caller's to judge.
    ///
    /// # Errors
    /// No whole answer came.
    pub(super) async fn send(&self, request: Request<Vec<u8>>) -> Result<Response<Vec<u8>>, ProviderTrouble> {
        let url = request.uri().to_string();
        let request = reqwest::Request::try_from(request).map_err(|e| trouble(&url, &e))?;
        let mut answer = self.client.execute(request).await.map_err(|e| trouble(&url, &e))?;
        let mut body = Vec::new();
        while let Some(piece) = answer.chunk().await.map_err(|e| trouble(&url, &e))? {
            if body.len() + piece.len() > MAX_BODY {
                return Err(ProviderTrouble::TooMuch { url, max: MAX_BODY });
            }
            body.extend_from_slice(&piece);
        }
        let kind = answer.headers().get(header::CONTENT_TYPE).cloned();
        let mut built = Response::new(body);
        *built.status_mut() = answer.status();
        if let Some(kind) = kind {
            built.headers_mut().insert(header::CONTENT_TYPE, kind);
        }
        Ok(built)
    }

    /// A JSON document.
    ///
    /// # Errors
    /// No whole answer came, or none that is this kind of JSON.
    pub(super) async fn json<T: serde::de::DeserializeOwned>(
        &self,
        url: &str,
        bearer: Option<&str>,
    ) -> Result<T, ProviderTrouble> {
        let nonsense = |why: String| ProviderTrouble::Nonsense { url: url.to_owned(), why };
        let mut request = Request::get(url).body(Vec::new()).map_err(|e| nonsense(e.to_string()))?;
        let headers = request.headers_mut();
        headers.insert(header::ACCEPT, HeaderValue::from_static("application/json"));
        if let Some(token) = bearer {
            let value = HeaderValue::from_str(&format!("Bearer {token}")).map_err(|e| nonsense(e.to_string()))?;
            headers.insert(header::AUTHORIZATION, value);
        }
        self.answer(url, request).await
    }

    /// The JSON that answers a request.
    ///
    /// # Errors
    /// As [`Self::json`].
    pub(super) async fn answer<T: serde::de::DeserializeOwned>(
        &self,
        url: &str,
        request: Request<Vec<u8>>,
    ) -> Result<T, ProviderTrouble> {
        let answer = self.send(request).await?;
        if !answer.status().is_success() {
            return Err(ProviderTrouble::Status { url: url.to_owned(), status: answer.status().as_u16() });
        }
        serde_json::from_slice(answer.body())
            .map_err(|e| ProviderTrouble::Nonsense { url: url.to_owned(), why: e.to_string() })
    }
}

fn roots(ca_pem: &str) -> Result<rustls::RootCertStore, ProviderTrouble> {
    let mut store = rustls::RootCertStore::empty();
    if ca_pem.is_empty() {
        store.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        return Ok(store);
    }
    for one in CertificateDer::pem_slice_iter(ca_pem.as_bytes()) {
        let one = one.map_err(|e| ProviderTrouble::BadCa { why: e.to_string() })?;
        store.add(one).map_err(|e| ProviderTrouble::BadCa { why: e.to_string() })?;
    }
    if store.is_empty() { Err(ProviderTrouble::BadCa { why: "it holds no certificate".to_owned() }) } else { Ok(store) }
}

fn trouble(url: &str, error: &reqwest::Error) -> ProviderTrouble {
    let url = url.to_owned();
    if error.is_timeout() {
        return ProviderTrouble::Slow { url, seconds: PATIENCE.as_secs() };
    }
    let mut cause: &dyn std::error::Error = error;
    loop {
        if let Some(rustls::Error::InvalidCertificate(why)) = cause.downcast_ref::<rustls::Error>() {
            return ProviderTrouble::Untrusted { url, why: why.to_string() };
        }
        // An io::Error's source is its inner error's source: the inner one itself must be asked for.
        let inner = cause.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
        match inner.map(|inner| inner as &dyn std::error::Error).or_else(|| cause.source()) {
            Some(next) => cause = next,
            None => return ProviderTrouble::Unreachable { url, why: cause.to_string() },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bad_certificate_authority_is_told() {
        assert!(Http::new("").is_ok());
        for bad in ["nonsense", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"] {
            assert!(matches!(Http::new(bad), Err(ProviderTrouble::BadCa { .. })), "{bad}");
        }
    }
}
