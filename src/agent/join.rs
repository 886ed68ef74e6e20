//! A machine becomes a host: it looks at itself, asks the engine for a certificate of its own key, and has systemd run the agent from then
//! on. Until then no agent runs. Every step can be repeated with the same command.

use super::{facts, identity};
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

/// Certificates and leases do not work between clocks further apart (oVirt's HostTimeDriftInSec).
const MAX_DRIFT_SECONDS: u64 = 300;
const SYSTEMD: &str = "/run/systemd/system";
const UNIT: &str = "/etc/systemd/system/vireo-host.service";

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
}

/// What was found on the machine; the second is a warning that people should read.
#[derive(Debug, PartialEq, Eq)]
pub enum Finding {
    Good(String),
    Warning(String),
}

/// Looks at the machine.
///
/// # Errors
/// [`JoinError::Unfit`]: it lacks what no host can do without, and how to get it.
pub fn examine() -> Result<Vec<Finding>, JoinError> {
    let cpu = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let mut found = vec![flags(&cpu)?];
    if facts::kvm() {
        found.push(Finding::Good("guests run on the CPU itself (KVM)".to_owned()));
    } else {
        found.push(Finding::Warning("KVM does not work here: guests are emulated, many times slower".to_owned()));
    }
    if !Path::new(facts::EMULATOR).exists() {
        let message = format!("{} is missing; install QEMU (qemu-system-x86 on Debian)", facts::EMULATOR);
        return Err(JoinError::Unfit(message));
    }
    let libvirt = ["libvirtd", "virtqemud"].iter().find(|name| program(name).is_some());
    let Some(libvirt) = libvirt else {
        let message = "libvirt is missing; install libvirt-daemon-system and libvirt-daemon-driver-qemu (Debian)";
        return Err(JoinError::Unfit(message.to_owned()));
    };
    found.push(Finding::Good(format!("QEMU and {libvirt} are installed")));
    let name = nix::unistd::gethostname().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
    found.push(match name.as_str() {
        "" | "localhost" | "localhost.localdomain" => {
            Finding::Warning("the machine has no host name of its own; give it one with hostnamectl".to_owned())
        }
        name => Finding::Good(format!("its name is {name}")),
    });
    Ok(found)
}

/// 64 bits and no-execute every guest needs; virtualization only those that are to be fast.
fn flags(cpu: &str) -> Result<Finding, JoinError> {
    let line = cpu.lines().find(|line| line.starts_with("flags")).unwrap_or_default();
    let has = |flag: &str| line.split_whitespace().any(|word| word == flag);
    let missing: Vec<&str> = ["lm", "nx"].into_iter().filter(|flag| !has(flag)).collect();
    if !missing.is_empty() {
        return Err(JoinError::Unfit(format!("its CPU lacks {}", missing.join(" and "))));
    }
    Ok(if has("vmx") || has("svm") {
        Finding::Good("the CPU has lm, nx and virtualization".to_owned())
    } else {
        Finding::Warning("the CPU shows neither vmx nor svm; turn virtualization on in the firmware".to_owned())
    })
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
        let response = client.post(url).json(&request).send().await.map_err(|e| failed(innermost(&e)))?;
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

    /// Has systemd run the agent, now and after every boot. False: this machine has no systemd.
    ///
    /// # Errors
    /// The unit cannot be written or started.
    pub async fn install_unit(&self) -> Result<bool, JoinError> {
        if !Path::new(SYSTEMD).exists() {
            return Ok(false);
        }
        let file = |source| JoinError::File { path: UNIT.into(), source };
        let own = std::env::current_exe().map_err(file)?;
        let text = unit(&own, &self.data_dir, self.port);
        write(Path::new(UNIT), &text, 0o644).map_err(file)?;
        for arguments in [&["daemon-reload"][..], &["enable", "vireo-host"], &["restart", "vireo-host"]] {
            let ran = tokio::process::Command::new("systemctl").args(arguments).output().await;
            let ran = ran.map_err(|e| JoinError::Systemd { program: "systemctl", reason: e.to_string() })?;
            if !ran.status.success() {
                let reason = String::from_utf8_lossy(&ran.stderr).trim().to_owned();
                return Err(JoinError::Systemd { program: "systemctl", reason });
            }
        }
        Ok(true)
    }
}

/// Guests are libvirt's children or leave the agent's group by themselves: stopping the unit must not end them.
fn unit(program: &Path, data_dir: &Path, port: u16) -> String {
    format!(
        "[Unit]\nDescription=Vireo host agent\nAfter=network-online.target libvirtd.service virtqemud.socket\n\
         Wants=network-online.target\n\n[Service]\nExecStart={} host --data {} --listen [::]:{port}\nRestart=always\n\
         RestartSec=2\nKillMode=process\n\n[Install]\nWantedBy=multi-user.target\n",
        program.display(),
        data_dir.display()
    )
}

fn write(path: &Path, text: &str, mode: u32) -> std::io::Result<()> {
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
        assert!(matches!(flags("flags\t\t: fpu lm nx svm"), Ok(Finding::Good(_))));
        assert!(matches!(flags("flags\t\t: fpu lm nx"), Ok(Finding::Warning(_))));
        let error = flags("flags\t\t: fpu vmx").unwrap_err().to_string();
        assert!(error.contains("lm and nx"), "{error}");
    }

    #[test]
    fn the_agent_comes_back_after_a_boot_and_leaves_guests_alone() {
        let text = unit(Path::new("/usr/local/bin/vireo"), Path::new("/var/lib/vireo"), 54321);
        for line in ["WantedBy=multi-user.target", "KillMode=process", "Restart=always", "--listen [::]:54321"] {
            assert!(text.contains(line), "{text}");
        }
    }
}
