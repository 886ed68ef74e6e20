//! The host's packages are upgraded, and the agent's own program is replaced by the engine's.

pub mod guard;
mod packages;
mod program;

pub use packages::{check, kept, left, upgrade};
pub use program::{Anew, Upgrades};

use super::error::{from_io, refused};
use crate::model::host_upgrade::MAX_LOG;
use crate::wire::{ErrorCode, WireError};
use std::fs;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::Path;

/// What has to be known after the agent's end is here, in the agent's folder.
const DIR: &str = "upgrade";

/// A file that is there whole, or not at all.
fn put(path: &Path, text: &str) -> Result<(), WireError> {
    super::join::write(path, text, 0o600).map_err(|e| from_io(path, &e))
}

/// None: it is not there.
fn get(path: &Path) -> Result<Option<String>, WireError> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(e) => Err(from_io(path, &e)),
    }
}

/// Gone already: fine.
fn remove(path: &Path) -> Result<(), WireError> {
    match fs::remove_file(path) {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => Err(from_io(path, &e)),
        _ => Ok(()),
    }
}

/// The end of a log, from the beginning of a line on.
fn tail(path: &Path) -> Result<String, WireError> {
    let Ok(mut file) = fs::File::open(path) else { return Ok(String::new()) };
    let read = |file: &mut fs::File| {
        let length = file.metadata()?.len();
        let skipped = length.saturating_sub(MAX_LOG as u64);
        file.seek(SeekFrom::Start(skipped))?;
        let mut bytes = Vec::new();
        file.take(MAX_LOG as u64).read_to_end(&mut bytes)?;
        Ok((skipped > 0, bytes))
    };
    let (cut, bytes) = read(&mut file).map_err(|e: std::io::Error| from_io(path, &e))?;
    let text: String = String::from_utf8_lossy(&bytes).chars().filter(|c| *c == '\n' || !c.is_control()).collect();
    Ok(if cut { text.split_once('\n').map_or(text.clone(), |(_, rest)| rest.to_owned()) } else { text })
}

fn invalid(what: String) -> WireError {
    refused(ErrorCode::InvalidRequest, what)
}

/// A SHA-256 in hexadecimal digits.
fn is_digest(text: &str) -> bool {
    text.len() == 64 && text.chars().all(|c| matches!(c, '0'..='9' | 'a'..='f'))
}
