//! Whose certificates are trusted: the domain's certificate authority, else the system's.

use crate::model::domain::DirectoryTrouble;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};
use std::sync::Arc;

/// How TLS is spoken to the servers of a domain.
///
/// # Errors
/// [`DirectoryTrouble::BadCa`].
pub(super) fn client(ca_pem: Option<&str>) -> Result<Arc<ClientConfig>, DirectoryTrouble> {
    let roots = match ca_pem {
        Some(pem) => given(pem)?,
        None => system()?,
    };
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().map_err(bad)?;
    Ok(Arc::new(builder.with_root_certificates(roots).with_no_client_auth()))
}

fn given(pem: &str) -> Result<RootCertStore, DirectoryTrouble> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(pem.as_bytes()) {
        roots.add(certificate.map_err(|error| bad(format!("{error:?}")))?).map_err(bad)?;
    }
    if roots.is_empty() { Err(bad("there is no certificate in it")) } else { Ok(roots) }
}

/// One unreadable certificate among the system's hundred is no reason to trust none.
fn system() -> Result<RootCertStore, DirectoryTrouble> {
    let mut roots = RootCertStore::empty();
    let found = rustls_native_certs::load_native_certs();
    roots.add_parsable_certificates(found.certs);
    if roots.is_empty() { Err(bad("this machine trusts none, and none was given")) } else { Ok(roots) }
}

fn bad(why: impl std::fmt::Display) -> DirectoryTrouble {
    DirectoryTrouble::BadCa { why: why.to_string() }
}
