//! The data folder: who may use it, and the passwords in it.

use super::Failure;
use crate::auth::vault::{KEY_BYTES, Vault};
use nix::fcntl::{Flock, FlockArg};
use rand::Rng as _;
use std::fs;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

/// Where data is kept if nothing is said: the system's folder for root, else the user's.
pub fn default_data_dir() -> PathBuf {
    if nix::unistd::geteuid().is_root() {
        return PathBuf::from("/var/lib/vireo");
    }
    let home = std::env::var_os("XDG_DATA_HOME").map(PathBuf::from);
    home.or_else(|| std::env::var_os("HOME").map(|h| PathBuf::from(h).join(".local/share")))
        .unwrap_or_else(|| PathBuf::from("."))
        .join("vireo")
}

/// Makes the folder and takes it for this process.
///
/// # Errors
/// It cannot be written, or another process has it.
pub fn take(data: &Path) -> Result<Flock<fs::File>, Failure> {
    let failed = |e: std::io::Error| Failure(format!("the data folder {}: {e}", data.display()));
    fs::DirBuilder::new().recursive(true).mode(0o700).create(data).map_err(failed)?;
    let lock = fs::OpenOptions::new().create(true).append(true).mode(0o600).open(data.join("lock")).map_err(failed)?;
    Flock::lock(lock, FlockArg::LockExclusiveNonblock).map_err(|_| {
        Failure(format!(
            "another vireo uses the data folder {}; stop it, or choose another folder with --data",
            data.display()
        ))
    })
}

/// The password kept in the file, or a fresh one that is kept there (mode 0600).
///
/// # Errors
/// The file cannot be written.
pub fn password(file: &Path) -> Result<String, Failure> {
    if let Ok(text) = fs::read_to_string(file) {
        return Ok(text.trim().to_owned());
    }
    let fresh = fresh_password();
    crate::hosts::pki::write_file(file, format!("{fresh}\n").as_bytes(), 0o600).map_err(|e| Failure::of(&e))?;
    Ok(fresh)
}

/// What opens the secrets in the database; its key is kept in the data folder (mode 0600) and made at the first start.
///
/// # Errors
/// The file cannot be written, or is no key.
pub fn vault(data: &Path) -> Result<Vault, Failure> {
    let file = data.join("secret.key");
    let key = match fs::read(&file) {
        Ok(key) => key,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => {
            let fresh: [u8; KEY_BYTES] = rand::rng().random();
            crate::hosts::pki::write_file(&file, &fresh, 0o600).map_err(|e| Failure::of(&e))?;
            fresh.to_vec()
        }
        Err(e) => return Err(Failure(format!("{}: {e}", file.display()))),
    };
    let wrong = |_| {
        Failure(format!(
            "{} is not a key of {KEY_BYTES} bytes; put back the one from your backup, or remove it and enter all              secrets of domains and providers again",
            file.display()
        ))
    };
    Vault::new(&key).map_err(wrong)
}

/// 16 characters that cannot be mistaken for each other: 80 bits.
fn fresh_password() -> String {
    const LETTERS: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
    let mut rng = rand::rng();
    (0..16).map(|_| char::from(LETTERS[rng.random_range(0..LETTERS.len())])).collect()
}
