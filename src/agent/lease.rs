//! A mark that this host keeps renewing in every storage domain that it was asked about: as long as it changes, the host can write there,
//! whoever else may have lost it. Others compare what they read twice, so clocks do not matter.
//!
//! And the locks that QEMU holds on its images: they end with it, however it ends.

use super::error::{from_io, refused};
use super::identity::Identity;
use super::storage::{check_path, domain_dir, image_file};
use crate::wire::fence::{HostSeen, LocksSeen, LooksForLocks, SeesHost};
use crate::wire::{DomainPath, ErrorCode, WireError};
use nix::fcntl::{FcntlArg, fcntl};
use nix::libc;
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

/// Whether somebody holds a lock on one of the images.
///
/// # Errors
/// An image is not there, or its file system cannot tell.
pub fn locks(request: &LooksForLocks) -> Result<LocksSeen, WireError> {
    for image in &request.images {
        check_path(&image.domain)?;
        let file = image_file(image);
        if is_locked(&file).map_err(|e| from_io(&file, &e))? {
            return Ok(LocksSeen { held: true });
        }
    }
    Ok(LocksSeen { held: false })
}

/// Asks for all of the file, as if to write it: whatever part another has locked, and for whatever, is in the way.
fn is_locked(file: &Path) -> std::io::Result<bool> {
    let file = fs::File::open(file)?;
    let whole = |kind: libc::c_int| libc::flock {
        l_type: i16::try_from(kind).unwrap_or_default(),
        l_whence: i16::try_from(libc::SEEK_SET).unwrap_or_default(),
        l_start: 0,
        l_len: 0,
        l_pid: 0,
    };
    let mut found = whole(libc::F_WRLCK);
    fcntl(&file, FcntlArg::F_OFD_GETLK(&mut found))?;
    Ok(found.l_type != whole(libc::F_UNLCK).l_type)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_is_seen_for_as_long_as_its_file_is_open() {
        let file = std::env::temp_dir().join(format!("vireo-lock-{}", uuid::Uuid::new_v4()));
        let open = fs::File::create(&file).unwrap();
        assert!(!is_locked(&file).unwrap());
        let part = libc::flock { l_type: libc::F_RDLCK as i16, l_whence: 0, l_start: 200, l_len: 1, l_pid: 0 };
        let writer = fs::OpenOptions::new().read(true).write(true).open(&file).unwrap();
        fcntl(&writer, FcntlArg::F_OFD_SETLK(&part)).unwrap();
        assert!(is_locked(&file).unwrap());
        drop(open);
        assert!(is_locked(&file).unwrap());
        drop(writer);
        assert!(!is_locked(&file).unwrap());
        fs::remove_file(&file).unwrap();
        assert!(is_locked(&file).is_err());
    }
}
