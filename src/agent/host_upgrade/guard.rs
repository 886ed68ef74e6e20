//! The former program, in a process of its own: it waits until the engine says that the new one works, and puts itself back in its place
//! otherwise. It needs nothing of the new program, which may not start at all, hang, or not understand the engine.

use super::program::Anew;
use super::{get, put, remove};
use crate::agent::error::refused;
use crate::agent::service;
use crate::wire::host_upgrade::TRIAL_SECONDS;
use crate::wire::{ErrorCode, WireError};
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// The digest of the program that stays.
pub(super) const KEPT: &str = "kept";
/// The digest of the one that did not, and why.
pub(super) const PUT_BACK: &str = "put-back";
const LOOK: Duration = Duration::from_millis(200);

/// What the guard is started with.
#[derive(Debug)]
pub struct Guard {
    /// The agent's folder of upgrades.
    pub dir: PathBuf,
    pub program: PathBuf,
    pub sha256: String,
    /// The agent's process, before and after: it becomes the new program.
    pub pid: i32,
    /// What the agent is started with.
    pub arguments: Vec<OsString>,
}

/// Starts it, with a session and the agent's log of its own.
pub(super) fn spawn(old: &Path, dir: &Path, sha256: &str, anew: &Anew) -> Result<(), WireError> {
    // By another process that ends at once: the agent, which becomes another program, has nobody to wait for.
    let mut command = Command::new("setsid");
    command.arg("--fork").arg(old).args([
        "host",
        "guard",
        "--sha256",
        sha256,
        "--pid",
        &std::process::id().to_string(),
        "--dir",
    ]);
    command.arg(dir).arg("--program").arg(&anew.program).arg("--").args(&anew.arguments);
    let begun = command.stdin(Stdio::null()).status();
    begun.map(drop).map_err(|e| refused(ErrorCode::Io, format!("setsid {}: {e}", old.display())))
}

/// Waits; puts the former program back if it comes to that.
///
/// # Errors
/// It cannot be put back or started.
pub async fn watch(guard: &Guard) -> Result<(), WireError> {
    let old = std::env::current_exe().map_err(|e| refused(ErrorCode::Io, e.to_string()))?;
    let end = Instant::now() + Duration::from_secs(TRIAL_SECONDS);
    while Instant::now() < end {
        if get(&guard.dir.join(KEPT))?.as_deref() == Some(&guard.sha256) {
            return remove(&old);
        }
        tokio::time::sleep(LOOK).await;
    }
    let why = format!("it did not answer the engine within {TRIAL_SECONDS} seconds");
    put(&guard.dir.join(PUT_BACK), &format!("{} {why}", guard.sha256))?;
    let failed = |e: std::io::Error| refused(ErrorCode::Io, format!("{}: {e}", guard.program.display()));
    fs::rename(&old, &guard.program).map_err(failed)?;
    let again = service::again(&guard.program, &guard.arguments, guard.pid).await;
    again.map_err(|e| refused(ErrorCode::Io, e.to_string()))
}
