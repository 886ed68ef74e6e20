//! The certificates in a folder, as both sides of a connection read them.

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The common name of the engine's certificate: agents obey nobody else.
pub const ENGINE_NAME: &str = "vireo-engine";
/// How the common names of hosts begin: one that is called like the engine must not pass for it.
pub const HOST_PREFIX: &str = "host ";

/// A certificate or key cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    #[error("{path} does not hold what its name says: {reason}")]
    Read { path: PathBuf, reason: String },
    #[error("TLS cannot be set up: {0}")]
    Tls(#[from] rustls::Error),
}

/// How an agent serves: only callers with a certificate of the engine's authority get as far as a request.
///
/// # Errors
/// A file of the agent's folder is missing.
pub fn agent_config(dir: &Path) -> Result<ServerConfig, TlsError> {
    let (chain, key) = identity(dir, "host")?;
    let verifier = WebPkiClientVerifier::builder(Arc::new(roots(dir)?))
        .build()
        .map_err(|e| TlsError::Read { path: dir.join("ca.pem"), reason: e.to_string() })?;
    Ok(ServerConfig::builder().with_client_cert_verifier(verifier).with_single_cert(chain, key)?)
}

/// How an agent serves people's viewers: anybody gets as far as the password.
///
/// # Errors
/// A file of the agent's folder is missing.
pub fn viewer_config(dir: &Path) -> Result<ViewerTls, TlsError> {
    let (chain, key) = identity(dir, "host")?;
    let subject = chain.first().and_then(common_name).unwrap_or_default();
    let server = ServerConfig::builder().with_no_client_auth().with_single_cert(chain, key)?;
    Ok(ViewerTls { server: Arc::new(server), subject: format!("CN={}", subject.replace(',', "\\,")) })
}

/// Whom viewers meet.
#[derive(Debug, Clone)]
pub struct ViewerTls {
    pub server: Arc<ServerConfig>,
    /// As viewers want it in `host-subject`.
    pub subject: String,
}

/// The common name of the caller's certificate.
pub fn common_name(certificate: &CertificateDer<'_>) -> Option<String> {
    let (_, parsed) = x509_parser::parse_x509_certificate(certificate).ok()?;
    let name = parsed.subject().iter_common_name().next()?.as_str().ok()?.to_owned();
    Some(name)
}

/// Certificate chain and key of `stem` in `dir`.
///
/// # Errors
/// One of the files is missing or wrong.
pub fn identity(dir: &Path, stem: &str) -> Result<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>), TlsError> {
    let key = dir.join(format!("{stem}-key.pem"));
    let parsed =
        PrivateKeyDer::from_pem_file(&key).map_err(|e| TlsError::Read { path: key.clone(), reason: e.to_string() })?;
    Ok((certificates(&dir.join(format!("{stem}.pem")))?, parsed))
}

/// All certificates of a PEM file.
///
/// # Errors
/// The file is missing or wrong.
pub fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let broken = |reason: String| TlsError::Read { path: path.to_owned(), reason };
    CertificateDer::pem_file_iter(path)
        .map_err(|e| broken(e.to_string()))?
        .collect::<Result<_, _>>()
        .map_err(|e| broken(e.to_string()))
}

/// The folder's `ca.pem` as what is trusted.
///
/// # Errors
/// The file is missing or wrong.
pub fn roots(dir: &Path) -> Result<RootCertStore, TlsError> {
    let mut store = RootCertStore::empty();
    for certificate in certificates(&dir.join("ca.pem"))? {
        store.add(certificate)?;
    }
    Ok(store)
}
