//! The engine's own certificate authority: one folder with `ca.pem`, `ca-key.pem`, `engine.pem`, `engine-key.pem`, and a folder of the
//! same make for each host's agent.

use crate::hosts::ssh::EngineKey;
use crate::wire::pin;
use crate::wire::tls::{ENGINE_NAME, HOST_PREFIX, TlsError, certificates, identity, roots};
use rcgen::{
    BasicConstraints, CertificateParams, CertificateSigningRequestParams, DnType, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyPair, KeyUsagePurpose, PublicKeyData as _, SanType,
};
use rustls::{ClientConfig, ServerConfig};
use std::fs;
use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use time::{Duration, OffsetDateTime};
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::ParsedExtension;

const CA_YEARS: i64 = 20;
const CERTIFICATE_DAYS: i64 = 398;
/// An engine or host certificate that ends sooner is replaced at the next start.
pub const RENEW_DAYS: i64 = 60;

/// Certificates could not be read, made or written.
#[derive(Debug, thiserror::Error)]
pub enum PkiError {
    #[error("{path}: {source}")]
    File { path: PathBuf, source: std::io::Error },
    #[error("a certificate could not be made: {0}")]
    Make(#[from] rcgen::Error),
    #[error(transparent)]
    Read(#[from] TlsError),
    #[error("TLS cannot be set up: {0}")]
    Tls(#[from] rustls::Error),
    #[error("the engine's SSH key cannot be made or read: {0}")]
    Ssh(String),
}

/// A certificate that was made for a host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostCertificate {
    pub pem: String,
    /// Of the host's key.
    pub fingerprint: String,
    pub ends: OffsetDateTime,
}

/// The engine's authority with its folder.
pub struct Pki {
    dir: PathBuf,
    issuer: Issuer<'static, KeyPair>,
}

impl std::fmt::Debug for Pki {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Pki({})", self.dir.display())
    }
}

impl Pki {
    /// Opens the authority in `dir`, or makes it there; `names` are what browsers call this engine (host names, addresses).
    ///
    /// # Errors
    /// The folder cannot be written, or holds something else.
    pub fn open_or_create(dir: &Path, names: &[String]) -> Result<Self, PkiError> {
        make_dir(dir)?;
        let (cert, key) = (dir.join("ca.pem"), dir.join("ca-key.pem"));
        // The key is written last: a crash between leaves no key, and both are made anew.
        if !key.exists() {
            let fresh = KeyPair::generate()?;
            let ca = ca_params().self_signed(&fresh)?;
            write_file(&cert, ca.pem().as_bytes(), 0o644)?;
            write_file(&key, fresh.serialize_pem().as_bytes(), 0o600)?;
        }
        let pem = read(&cert)?;
        let key_pair = KeyPair::from_pem(&read(&key)?)?;
        let pki = Self { dir: dir.to_owned(), issuer: Issuer::from_ca_cert_pem(&pem, key_pair)? };
        pki.issue_if_due(dir, "engine", ENGINE_NAME, names)?;
        Ok(pki)
    }

    /// The authority's certificate, PEM.
    ///
    /// # Errors
    /// The file is gone.
    pub fn ca_pem(&self) -> Result<String, PkiError> {
        read(&self.dir.join("ca.pem"))
    }

    /// What the engine logs in to machines with; made when it is first asked for.
    ///
    /// # Errors
    /// The folder cannot be written, or holds something else.
    pub fn ssh_key(&self) -> Result<EngineKey, PkiError> {
        EngineKey::open_or_create(&self.dir)
    }

    /// Writes the folder an agent needs: `ca.pem`, `host.pem`, `host-key.pem`. Leaves a certificate that is still good.
    ///
    /// # Errors
    /// The folder cannot be written.
    pub fn issue_host(&self, dir: &Path, name: &str, addresses: &[String]) -> Result<String, PkiError> {
        make_dir(dir)?;
        write_file(&dir.join("ca.pem"), self.ca_pem()?.as_bytes(), 0o644)?;
        self.issue_if_due(dir, "host", &format!("{HOST_PREFIX}{name}"), addresses)?;
        let chain = certificates(&dir.join("host.pem"))?;
        Ok(chain.first().map(|leaf| pin::fingerprint(leaf)).unwrap_or_default())
    }

    /// Certifies a host's key. Who holds it is known by other means: of the request only its key is taken.
    ///
    /// # Errors
    /// The request cannot be read or is not signed by its own key.
    pub fn sign_host(&self, csr: &str, name: &str, addresses: &[String]) -> Result<HostCertificate, PkiError> {
        let request = CertificateSigningRequestParams::from_pem(csr)?;
        let params = leaf(&format!("{HOST_PREFIX}{name}"), addresses)?;
        let ends = params.not_after;
        let signed = params.signed_by(&request.public_key, &self.issuer)?;
        Ok(HostCertificate { pem: signed.pem(), fingerprint: pin::fingerprint(signed.der()), ends })
    }

    /// The fingerprint by which this authority is known.
    ///
    /// # Errors
    /// The file is gone.
    pub fn authority(&self) -> Result<String, PkiError> {
        let chain = certificates(&self.dir.join("ca.pem"))?;
        Ok(chain.first().map(|ca| pin::fingerprint(ca)).unwrap_or_default())
    }

    fn issue_if_due(&self, dir: &Path, stem: &str, common_name: &str, names: &[String]) -> Result<(), PkiError> {
        let (cert, key) = (dir.join(format!("{stem}.pem")), dir.join(format!("{stem}-key.pem")));
        if self.made(&cert, &key) && still_good(&cert, names) {
            return Ok(());
        }
        let fresh = KeyPair::generate()?;
        let signed = leaf(common_name, names)?.signed_by(&fresh, &self.issuer)?;
        write_file(&key, fresh.serialize_pem().as_bytes(), 0o600)?;
        write_file(&cert, signed.pem().as_bytes(), 0o644)
    }

    /// Certificate and key belong together and to this authority: a crash between writing the two leaves ones that do not.
    fn made(&self, cert: &Path, key: &Path) -> bool {
        let Ok(held) = read(key).and_then(|pem| Ok(KeyPair::from_pem(&pem)?)) else { return false };
        let (Ok(chain), Ok(authority)) = (certificates(cert), certificates(&self.dir.join("ca.pem"))) else {
            return false;
        };
        let (Some(der), Some(ca_der)) = (chain.first(), authority.first()) else { return false };
        let parsed = (x509_parser::parse_x509_certificate(der), x509_parser::parse_x509_certificate(ca_der));
        let (Ok((_, cert)), Ok((_, ca))) = parsed else { return false };
        cert.public_key().raw == held.subject_public_key_info() && issued_by(&cert, &ca)
    }

    /// How the engine calls agents.
    ///
    /// # Errors
    /// A file cannot be read.
    pub fn client_config(&self) -> Result<ClientConfig, PkiError> {
        let (chain, key) = identity(&self.dir, "engine")?;
        Ok(ClientConfig::builder().with_root_certificates(roots(&self.dir)?).with_client_auth_cert(chain, key)?)
    }

    /// How the engine serves browsers.
    ///
    /// # Errors
    /// A file cannot be read.
    pub fn portal_config(&self) -> Result<ServerConfig, PkiError> {
        let (mut chain, key) = identity(&self.dir, "engine")?;
        chain.extend(certificates(&self.dir.join("ca.pem"))?);
        Ok(ServerConfig::builder().with_no_client_auth().with_single_cert(chain, key)?)
    }
}

/// What a certificate of the engine or of a host says.
fn leaf(common_name: &str, names: &[String]) -> Result<CertificateParams, PkiError> {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, common_name);
    for name in names {
        params.subject_alt_names.push(match name.parse() {
            Ok(address) => SanType::IpAddress(address),
            Err(_) => SanType::DnsName(name.as_str().try_into()?),
        });
    }
    params.not_before = OffsetDateTime::now_utc() - Duration::days(1);
    params.not_after = OffsetDateTime::now_utc() + Duration::days(CERTIFICATE_DAYS);
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
    params.use_authority_key_identifier_extension = true;
    Ok(params)
}

fn ca_params() -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, "Vireo CA");
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params.not_before = OffsetDateTime::now_utc() - Duration::days(1);
    params.not_after = OffsetDateTime::now_utc() + Duration::days(365 * CA_YEARS);
    params
}

/// The authority key id in the one is the subject key id of the other.
fn issued_by(cert: &X509Certificate<'_>, ca: &X509Certificate<'_>) -> bool {
    let named = cert.extensions().iter().find_map(|e| match e.parsed_extension() {
        ParsedExtension::AuthorityKeyIdentifier(id) => id.key_identifier.as_ref().map(|k| k.0.to_vec()),
        _ => None,
    });
    let own = ca.extensions().iter().find_map(|e| match e.parsed_extension() {
        ParsedExtension::SubjectKeyIdentifier(id) => Some(id.0.to_vec()),
        _ => None,
    });
    named.is_some() && named == own
}

/// It names all of `names` and does not end soon.
fn still_good(cert: &Path, names: &[String]) -> bool {
    let Ok(chain) = certificates(cert) else { return false };
    let Some(Ok((_, parsed))) = chain.first().map(|der| x509_parser::parse_x509_certificate(der)) else {
        return false;
    };
    let ends = parsed.validity().not_after.timestamp();
    if ends < (OffsetDateTime::now_utc() + Duration::days(RENEW_DAYS)).unix_timestamp() {
        return false;
    }
    let Ok(Some(san)) = parsed.subject_alternative_name() else {
        return names.is_empty();
    };
    let held: Vec<String> = san
        .value
        .general_names
        .iter()
        .filter_map(|n| match n {
            x509_parser::extensions::GeneralName::DNSName(name) => Some((*name).to_owned()),
            x509_parser::extensions::GeneralName::IPAddress(b) => address(b),
            _ => None,
        })
        .collect();
    names.iter().all(|n| held.contains(n))
}

fn address(bytes: &[u8]) -> Option<String> {
    match bytes.len() {
        4 => Some(std::net::Ipv4Addr::from(<[u8; 4]>::try_from(bytes).ok()?).to_string()),
        16 => Some(std::net::Ipv6Addr::from(<[u8; 16]>::try_from(bytes).ok()?).to_string()),
        _ => None,
    }
}

fn make_dir(dir: &Path) -> Result<(), PkiError> {
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(dir)
        .map_err(|source| PkiError::File { path: dir.to_owned(), source })
}

fn read(path: &Path) -> Result<String, PkiError> {
    fs::read_to_string(path).map_err(|source| PkiError::File { path: path.to_owned(), source })
}

/// Whole or not at all: written aside, synced, renamed.
pub fn write_file(path: &Path, bytes: &[u8], mode: u32) -> Result<(), PkiError> {
    let aside = path.with_extension("new");
    let write = || {
        let mut file = fs::OpenOptions::new().write(true).create(true).truncate(true).mode(mode).open(&aside)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&aside, path)
    };
    write().map_err(|source| PkiError::File { path: path.to_owned(), source })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_made_once_and_found_again() {
        let dir = std::env::temp_dir().join(format!("vireo-pki-{}", uuid::Uuid::new_v4()));
        let names = vec!["localhost".to_owned(), "127.0.0.1".to_owned()];
        let first = Pki::open_or_create(&dir, &names).unwrap().ca_pem().unwrap();
        let engine = fs::read_to_string(dir.join("engine.pem")).unwrap();
        let again = Pki::open_or_create(&dir, &names).unwrap();
        assert_eq!(again.ca_pem().unwrap(), first);
        assert_eq!(fs::read_to_string(dir.join("engine.pem")).unwrap(), engine);
        let more = Pki::open_or_create(&dir, &[names, vec!["::1".to_owned()]].concat()).unwrap();
        assert_ne!(
            fs::read_to_string(dir.join("engine.pem")).unwrap(),
            engine,
            "a new name asks for a new certificate"
        );
        more.issue_host(&dir.join("host"), "host1", &["127.0.0.1".to_owned()]).unwrap();
        crate::wire::tls::agent_config(&dir.join("host")).unwrap();
        fs::remove_dir_all(dir).unwrap();
    }

    #[test]
    fn a_host_is_known_by_its_key() {
        let dir = std::env::temp_dir().join(format!("vireo-pki-{}", uuid::Uuid::new_v4()));
        let pki = Pki::open_or_create(&dir, &["localhost".to_owned()]).unwrap();
        let key = KeyPair::generate().unwrap();
        let csr = CertificateParams::default().serialize_request(&key).unwrap().pem().unwrap();
        let first = pki.sign_host(&csr, "host1", &["10.0.0.1".to_owned()]).unwrap();
        let again = pki.sign_host(&csr, "host1", &["10.0.0.1".to_owned()]).unwrap();
        assert_eq!(first.fingerprint, again.fingerprint);
        assert_eq!(first.fingerprint, pin::of_key(&key.subject_public_key_info()));
        assert!(first.ends > OffsetDateTime::now_utc() + Duration::days(RENEW_DAYS));
        assert!(pki.sign_host("no request", "host1", &[]).is_err());
        fs::remove_dir_all(dir).unwrap();
    }

    #[test]
    fn a_crash_between_key_and_certificate_is_mended() {
        let dir = std::env::temp_dir().join(format!("vireo-pki-{}", uuid::Uuid::new_v4()));
        let names = vec!["localhost".to_owned()];
        Pki::open_or_create(&dir, &names).unwrap();
        fs::write(dir.join("engine-key.pem"), KeyPair::generate().unwrap().serialize_pem()).unwrap();
        let pki = Pki::open_or_create(&dir, &names).unwrap();
        pki.client_config().expect("key and certificate fit again");
        let engine = fs::read_to_string(dir.join("engine.pem")).unwrap();
        // Another authority: its engine needs another certificate.
        fs::remove_file(dir.join("ca-key.pem")).unwrap();
        Pki::open_or_create(&dir, &names).unwrap();
        assert_ne!(fs::read_to_string(dir.join("engine.pem")).unwrap(), engine);
        fs::remove_dir_all(dir).unwrap();
    }
}
