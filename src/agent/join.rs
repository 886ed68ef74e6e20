//! A machine becomes a host: it looks at itself and asks the engine for a certificate of its own key; then its agent may run
//! ([`super::service`]). Until then none does. Every step can be repeated with the same command.

use super::{facts, identity};
use crate::model::host_install::{Found, MAX_DRIFT_SECONDS};
use crate::model::join::{JoinRequest, JoinToken, Joined};
use crate::wire::pin::Pinned;
use rcgen::KeyPair;
use reqwest::Response;
use rustls::ClientConfig;
use std::fs;
use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::time::Duration;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc2822;

/// An engine that cannot be connected to is tried again so often.
const TRIES_AGAIN: u32 = 2;
const BETWEEN_TRIES: Duration = Duration::from_secs(2);

/// What is joined, and how.
#[derive(Debug)]
pub struct Join {
    /// `https://engine:8443`
    pub engine: String,
    pub token: JoinToken,
    /// Where the engine is to call this machine; none: where this comes from.
    pub address: Option<String>,
    pub port: u16,
    /// Where the agent keeps its files, and its certificate in `host-pki`.
    pub data_dir: PathBuf,
}

/// Why this machine did not become a host.
#[derive(Debug, thiserror::Error)]
pub enum JoinError {
    #[error("this machine cannot be a host: {0}")]
    Unfit(String),
    #[error("{path}: {source}")]
    File { path: PathBuf, source: std::io::Error },
    #[error("the key cannot be made: {0}")]
    Key(String),
    #[error("the engine at {engine} cannot be asked: {reason}")]
    Engine { engine: String, reason: String },
    /// The engine's own words.
    #[error("the engine refuses: {0}")]
    Refused(String),
    #[error("{program} failed: {reason}")]
    Systemd { program: &'static str, reason: String },
    #[error("another program listens on port {0} already, which is the agent's; end that first")]
    PortTaken(u16),
    #[error("the agent ended at once; it said: {0}")]
    Ended(String),
}

/// Looks at the machine.
///
/// # Errors
/// [`JoinError::Unfit`]: it lacks what no host can do without, and how to get it.
pub fn examine() -> Result<Vec<Found>, JoinError> {
    let cpu = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let mut found = vec![flags(&cpu)?];
    found.push(if facts::kvm() { Found::Kvm } else { Found::NoKvm });
    if !Path::new(facts::EMULATOR).exists() {
        let message = format!("{} is missing; install QEMU (qemu-system-x86 on Debian)", facts::EMULATOR);
        return Err(JoinError::Unfit(message));
    }
    let libvirt = ["libvirtd", "virtqemud"].iter().find(|name| program(name).is_some());
    let Some(libvirt) = libvirt else {
        let message = "libvirt is missing; install libvirt-daemon-system and libvirt-daemon-driver-qemu (Debian)";
        return Err(JoinError::Unfit(message.to_owned()));
    };
    found.push(Found::Programs { libvirt: (*libvirt).to_owned() });
    let name = nix::unistd::gethostname().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
    found.push(match name.as_str() {
        "" | "localhost" | "localhost.localdomain" => Found::NoName,
        _ => Found::Name { name },
    });
    Ok(found)
}

/// 64 bits and no-execute every guest needs; virtualization only those that are to be fast.
fn flags(cpu: &str) -> Result<Found, JoinError> {
    let line = cpu.lines().find(|line| line.starts_with("flags")).unwrap_or_default();
    let has = |flag: &str| line.split_whitespace().any(|word| word == flag);
    let missing: Vec<&str> = ["lm", "nx"].into_iter().filter(|flag| !has(flag)).collect();
    if !missing.is_empty() {
        return Err(JoinError::Unfit(format!("its CPU lacks {}", missing.join(" and "))));
    }
    Ok(if has("vmx") || has("svm") { Found::Cpu } else { Found::NoVirtualization })
}

fn program(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let usual = ["/usr/sbin", "/sbin", "/usr/local/sbin"].map(PathBuf::from);
    std::env::split_paths(&path).chain(usual).map(|dir| dir.join(name)).find(|file| file.is_file())
}

impl Join {
    fn tls_dir(&self) -> PathBuf {
        self.data_dir.join("host-pki")
    }

    /// Asks the engine for a certificate, and keeps it.
    ///
    /// # Errors
    /// The engine is away, is another one, or refuses; the clocks differ; the folder cannot be written.
    pub async fn enrol(&self) -> Result<Joined, JoinError> {
        let dir = self.tls_dir();
        let file = |path: &Path| {
            let path = path.to_owned();
            move |source| JoinError::File { path, source }
        };
        fs::DirBuilder::new().recursive(true).mode(0o700).create(&dir).map_err(file(&dir))?;
        // The same key when this is repeated: the engine knows by it that it is the same machine.
        let fresh = dir.join("host-key.new.pem");
        if !fresh.exists() {
            let pem = KeyPair::generate().map_err(|e| JoinError::Key(e.to_string()))?.serialize_pem();
            write(&fresh, &pem, 0o600).map_err(file(&fresh))?;
        }
        let pem = fs::read_to_string(&fresh).map_err(file(&fresh))?;
        let key = KeyPair::from_pem(&pem).map_err(|e| JoinError::Key(e.to_string()))?;
        let csr = identity::request(&key).map_err(|e| JoinError::Key(e.to_string()))?;
        let joined = self.ask(csr).await?;
        for (name, text) in [("ca.pem", &joined.ca), ("host.pem", &joined.certificate)] {
            let path = dir.join(name);
            write(&path, text, 0o644).map_err(file(&path))?;
        }
        // Last: whoever finds this key has the rest.
        let path = dir.join("host-key.pem");
        fs::rename(&fresh, &path).map_err(file(&path))?;
        Ok(joined)
    }

    async fn ask(&self, csr: String) -> Result<Joined, JoinError> {
        let failed = |reason: String| JoinError::Engine { engine: self.engine.clone(), reason };
        let tls = ClientConfig::builder().dangerous();
        let tls = tls.with_custom_certificate_verifier(Pinned::engine_of(&self.token.authority)).with_no_client_auth();
        let client = reqwest::Client::builder()
            .tls_backend_preconfigured(tls)
            .https_only(true)
            .no_proxy()
            .timeout(Duration::from_secs(30))
            .build()
            .map_err(|e| failed(e.to_string()))?;
        let request = JoinRequest {
            secret: self.token.secret.clone(),
            csr,
            hostname: nix::unistd::gethostname().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default(),
            address: self.address.clone(),
            port: self.port,
        };
        let url = format!("{}/hosts/join", self.engine.trim_end_matches('/'));
        let mut tries = 0;
        let response = loop {
            match client.post(&url).json(&request).send().await {
                // An engine that is busy may end a connection before it has begun.
                Err(e) if e.is_connect() && tries < TRIES_AGAIN => {
                    tries += 1;
                    tokio::time::sleep(BETWEEN_TRIES).await;
                }
                other => break other.map_err(|e| failed(innermost(&e)))?,
            }
        };
        if let Some(seconds) = drift(&response).filter(|seconds| *seconds > MAX_DRIFT_SECONDS) {
            return Err(JoinError::Unfit(format!(
                "its clock and the engine's differ by {seconds} seconds; set both by the same time server"
            )));
        }
        let good = response.status().is_success();
        let text = response.text().await.map_err(|e| failed(innermost(&e)))?;
        if !good {
            return Err(JoinError::Refused(text));
        }
        serde_json::from_str(&text).map_err(|e| failed(e.to_string()))
    }
}

pub(super) fn write(path: &Path, text: &str, mode: u32) -> std::io::Result<()> {
    let aside = path.with_extension("part");
    let mut file = fs::OpenOptions::new().write(true).create(true).truncate(true).mode(mode).open(&aside)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    fs::rename(&aside, path)
}

/// Seconds between this clock and the engine's.
fn drift(response: &Response) -> Option<u64> {
    let told = response.headers().get("date")?.to_str().ok()?;
    let theirs = OffsetDateTime::parse(&told.replace("GMT", "+0000"), &Rfc2822).ok()?;
    Some((OffsetDateTime::now_utc() - theirs).whole_seconds().unsigned_abs())
}

fn innermost(error: &(dyn std::error::Error + 'static)) -> String {
    let mut inner = error;
    while let Some(source) = inner.source() {
        inner = source;
    }
    inner.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cpu_is_told_by_its_flags() {
        assert!(matches!(flags("flags\t\t: fpu lm nx svm"), Ok(Found::Cpu)));
        assert!(matches!(flags("flags\t\t: fpu lm nx"), Ok(Found::NoVirtualization)));
        let error = flags("flags\t\t: fpu vmx").unwrap_err().to_string();
        assert!(error.contains("lm and nx"), "{error}");
    }
}
