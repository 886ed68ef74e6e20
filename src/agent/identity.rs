//! The agent's key and certificate: how it serves, and how it gets a newer certificate for the same key while it runs.

use super::error::{from_io, refused};
use crate::wire::tls::{TlsError, ViewerTls, agent_config, certificates, viewer_config};
use crate::wire::{CsrPem, ErrorCode, WireError, pin};
use rcgen::{CertificateParams, KeyPair, PublicKeyData as _};
use rustls::ServerConfig;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

/// What is read from the folder with `ca.pem`, `host.pem` and `host-key.pem`.
#[derive(Debug)]
pub struct Identity {
    dir: PathBuf,
    current: RwLock<Current>,
}

#[derive(Debug, Clone)]
struct Current {
    server: Arc<ServerConfig>,
    viewer: ViewerTls,
}

fn read(dir: &Path) -> Result<Current, TlsError> {
    Ok(Current { server: Arc::new(agent_config(dir)?), viewer: viewer_config(dir)? })
}

impl Identity {
    /// # Errors
    /// A file is missing or wrong.
    pub fn open(dir: &Path) -> Result<Self, TlsError> {
        Ok(Self { dir: dir.to_owned(), current: RwLock::new(read(dir)?) })
    }

    pub fn dir(&self) -> &Path {
        &self.dir
    }

    fn current(&self) -> Current {
        self.current.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// How the engine and other agents are served.
    pub fn server(&self) -> Arc<ServerConfig> {
        self.current().server
    }

    /// Of its key, as the engine has it.
    pub fn fingerprint(&self) -> String {
        certificates(&self.dir.join("host.pem"))
            .ok()
            .and_then(|c| c.first().map(|leaf| pin::fingerprint(leaf)))
            .unwrap_or_default()
    }

    /// How viewers are served.
    pub fn viewer(&self) -> ViewerTls {
        self.current().viewer
    }

    fn key(&self) -> Result<KeyPair, WireError> {
        let path = self.dir.join("host-key.pem");
        let pem = fs::read_to_string(&path).map_err(|e| from_io(&path, &e))?;
        KeyPair::from_pem(&pem).map_err(|e| refused(ErrorCode::Io, format!("{}: {e}", path.display())))
    }

    /// A request to certify the key.
    ///
    /// # Errors
    /// The key cannot be read.
    pub fn request(&self) -> Result<CsrPem, WireError> {
        Ok(CsrPem { csr: request(&self.key()?)? })
    }

    /// Uses another certificate from now on; connections that are open keep theirs.
    ///
    /// # Errors
    /// It is not of this key, or cannot be written.
    pub fn replace(&self, certificate: &str) -> Result<(), WireError> {
        let aside = self.dir.join("host.new.pem");
        fs::write(&aside, certificate).map_err(|e| from_io(&aside, &e))?;
        let unfit = |what: String| refused(ErrorCode::InvalidRequest, format!("certificate: {what}"));
        let chain = certificates(&aside).map_err(|e| unfit(e.to_string()))?;
        let leaf = chain.first().ok_or_else(|| unfit("is empty".to_owned()))?;
        if pin::fingerprint(leaf) != pin::of_key(&self.key()?.subject_public_key_info()) {
            return Err(unfit("is of another key than this host's".to_owned()));
        }
        let path = self.dir.join("host.pem");
        fs::rename(&aside, &path).map_err(|e| from_io(&path, &e))?;
        let fresh = read(&self.dir).map_err(|e| refused(ErrorCode::Io, e.to_string()))?;
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = fresh;
        Ok(())
    }
}

/// A PKCS #10 request in PEM for a key; who it is for the engine knows by other means.
///
/// # Errors
/// It cannot be made.
pub fn request(key: &KeyPair) -> Result<String, WireError> {
    let made = CertificateParams::default().serialize_request(key).and_then(|csr| csr.pem());
    made.map_err(|e| refused(ErrorCode::Io, format!("a certificate request cannot be made: {e}")))
}
