//! Whom one side of a TLS connection takes for the other: a key it was told of, not a name.

use crate::wire::tls::{ENGINE_NAME, common_name};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::verify_server_cert_signed_by_trust_anchor;
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};
use sha2::{Digest as _, Sha256};
use std::sync::Arc;

/// SHA-256 of a certificate's public key (SubjectPublicKeyInfo, as RFC 7469 pins it), base64 for URLs; empty: it is no certificate.
pub fn fingerprint(certificate: &[u8]) -> String {
    x509_parser::parse_x509_certificate(certificate).map_or_else(|_| String::new(), |(_, c)| of_key(c.public_key().raw))
}

/// The same of a bare SubjectPublicKeyInfo.
pub fn of_key(spki: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(spki))
}

/// The server must be …
#[derive(Debug, Clone, PartialEq, Eq)]
enum Must {
    /// … who holds this key, until when ever its certificate says.
    Hold(String),
    /// … the engine, by a certificate of the authority with this key.
    BeEngineOf(String),
}

/// Checks a server by a fingerprint.
#[derive(Debug)]
pub struct Pinned {
    must: Must,
    provider: Arc<CryptoProvider>,
}

impl Pinned {
    /// Only who holds the key with this fingerprint.
    pub fn key(fingerprint: &str) -> Arc<Self> {
        Self::new(Must::Hold(fingerprint.to_owned()))
    }

    /// Only the engine whose authority has the key with this fingerprint.
    pub fn engine_of(authority: &str) -> Arc<Self> {
        Self::new(Must::BeEngineOf(authority.to_owned()))
    }

    fn new(must: Must) -> Arc<Self> {
        Arc::new(Self { must, provider: Arc::new(rustls::crypto::ring::default_provider()) })
    }

    fn of_authority(
        &self,
        authority: &str,
        leaf: &CertificateDer<'_>,
        chain: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<(), Error> {
        let unknown = Error::InvalidCertificate(CertificateError::UnknownIssuer);
        let root = chain.iter().find(|c| fingerprint(c) == authority).ok_or_else(|| unknown.clone())?;
        let mut roots = RootCertStore::empty();
        roots.add(root.clone().into_owned())?;
        let algorithms = self.provider.signature_verification_algorithms.all;
        verify_server_cert_signed_by_trust_anchor(&ParsedCertificate::try_from(leaf)?, &roots, &[], now, algorithms)?;
        // A host of the same engine has a certificate of the same authority.
        if common_name(leaf).as_deref() == Some(ENGINE_NAME) { Ok(()) } else { Err(unknown) }
    }
}

impl ServerCertVerifier for Pinned {
    fn verify_server_cert(
        &self,
        leaf: &CertificateDer<'_>,
        chain: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        match &self.must {
            Must::Hold(key) if fingerprint(leaf) == *key => {}
            Must::Hold(_) => return Err(Error::InvalidCertificate(CertificateError::ApplicationVerificationFailure)),
            Must::BeEngineOf(authority) => self.of_authority(authority, leaf, chain, now)?,
        }
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
