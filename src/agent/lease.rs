//! A mark that this host keeps renewing in every storage domain that it was asked about: as long as it changes, the host can write there,
//! whoever else may have lost it. Others compare what they read twice, so clocks do not matter.

use super::error::{from_io, refused};
use super::identity::Identity;
use super::storage::{check_path, domain_dir};
use crate::wire::fence::{HostSeen, SeesHost};
use crate::wire::{DomainPath, ErrorCode, WireError};
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

const EVERY: Duration = Duration::from_secs(3);
const MAX_LOOK: u64 = 60;

/// The domains with this host's mark.
#[derive(Debug, Clone)]
pub struct Leases {
    name: String,
    domains: Arc<Mutex<BTreeSet<PathBuf>>>,
}

impl Leases {
    pub fn new(identity: &Identity) -> Self {
        Self { name: identity.fingerprint(), domains: Arc::default() }
    }

    /// From now on the mark is kept there, for as long as the agent runs. Each domain by itself: one that hangs holds up its own mark only.
    pub fn keep(&self, domain: &DomainPath) {
        let marks = domain_dir(domain).join("dom_md").join("hosts");
        if self.domains.lock().unwrap_or_else(PoisonError::into_inner).insert(marks.clone()) {
            tokio::spawn(renew(marks, self.name.clone()));
        }
    }
}

async fn renew(marks: PathBuf, name: String) {
    loop {
        let (at, name) = (marks.clone(), name.clone());
        let written = tokio::task::spawn_blocking(move || mark(&at, &name, &uuid::Uuid::new_v4().to_string())).await;
        if let Ok(Err(error)) = written {
            tracing::debug!(marks = %marks.display(), %error, "this host's mark");
        }
        tokio::time::sleep(EVERY).await;
    }
}

fn mark(marks: &Path, name: &str, text: &str) -> std::io::Result<()> {
    // The domain itself is made by others; a mark must not bring back one that was removed.
    match fs::create_dir(marks) {
        Err(e) if e.kind() != std::io::ErrorKind::AlreadyExists => return Err(e),
        _ => {}
    }
    let aside = marks.join(format!("{name}.new"));
    fs::write(&aside, text)?;
    fs::rename(aside, marks.join(name))
}

/// Whether another host's mark changes.
///
/// # Errors
/// The request is wrong, or this host cannot read the domain.
pub async fn sees(request: SeesHost) -> Result<HostSeen, WireError> {
    check_path(&request.domain)?;
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    if request.fingerprint.is_empty() || !request.fingerprint.chars().all(plain) || request.seconds > MAX_LOOK {
        return Err(refused(ErrorCode::InvalidRequest, "fingerprint: is no host's, or the look takes too long"));
    }
    let file = domain_dir(&request.domain).join("dom_md").join("hosts").join(&request.fingerprint);
    let read = |file: PathBuf| async move {
        tokio::task::spawn_blocking(move || match fs::read(&file) {
            Ok(text) => Ok(Some(text)),
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(e) => Err(from_io(&file, &e)),
        })
        .await
        .map_err(|e| refused(ErrorCode::Io, format!("a look at a mark ended early: {e}")))?
    };
    let first = read(file.clone()).await?;
    for _ in 0..request.seconds {
        tokio::time::sleep(Duration::from_secs(1)).await;
        if read(file.clone()).await? != first {
            return Ok(HostSeen { writes: true });
        }
    }
    Ok(HostSeen { writes: false })
}
