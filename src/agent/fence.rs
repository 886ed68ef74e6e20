//! Another host's power, by the fence-agents (ClusterLabs): programs named `fence_…` that read `key=value` lines. An administrator's own
//! program of that name and manner does as well.

use super::error::refused;
use crate::model::fence::PowerAction;
use crate::wire::fence::{FencePower, Power};
use crate::wire::{ErrorCode, WireError};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;
use tokio::io::AsyncWriteExt as _;
use tokio::time::timeout;

/// Where such programs are.
const DIRS: [&str; 2] = ["/usr/local/sbin", "/usr/sbin"];
/// A management board is slow, and a machine that is told to go off takes its time.
const SECONDS: u64 = 50;

/// Asks for, or changes, the power.
///
/// # Errors
/// There is no such program, it takes too long, or it says that it failed.
pub async fn power(request: FencePower) -> Result<Power, WireError> {
    let program = find(&request.kind)?;
    let on = ask(&program, &request, PowerAction::Status).await?;
    let wanted = match request.action {
        PowerAction::Status => return Ok(Power { on }),
        PowerAction::On => true,
        PowerAction::Off => false,
    };
    if on != wanted {
        ask(&program, &request, request.action).await?;
    }
    Ok(Power { on: ask(&program, &request, PowerAction::Status).await? })
}

fn find(kind: &str) -> Result<PathBuf, WireError> {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    if kind.is_empty() || !kind.chars().all(plain) {
        return Err(refused(ErrorCode::InvalidRequest, format!("kind: {kind:?} is no fence agent's name")));
    }
    let name = format!("fence_{kind}");
    let found = DIRS.iter().map(|dir| Path::new(dir).join(&name)).find(|file| file.is_file());
    found.ok_or_else(|| refused(ErrorCode::NotFound, format!("{name} is not on this host; install fence-agents")))
}

/// Status: on or off by its exit code (0, 2). Others: done or not.
async fn ask(program: &Path, request: &FencePower, action: PowerAction) -> Result<bool, WireError> {
    let name = program.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
    let failed = |what: String| refused(ErrorCode::Io, format!("{name}: {what}"));
    let mut input = format!("action={action}\nip={}\n", request.address);
    for (key, value) in [("username", &request.user), ("password", &request.password)] {
        if !value.is_empty() {
            input.push_str(&format!("{key}={value}\n"));
        }
    }
    for (key, value) in &request.options {
        input.push_str(&format!("{key}={value}\n"));
    }
    let mut command = tokio::process::Command::new(program);
    command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped()).kill_on_drop(true);
    let mut running = command.spawn().map_err(|e| failed(e.to_string()))?;
    let told = async {
        if let Some(mut stdin) = running.stdin.take() {
            stdin.write_all(input.as_bytes()).await?;
        }
        running.wait_with_output().await
    };
    let ended = timeout(Duration::from_secs(SECONDS), told).await;
    let ended = ended.map_err(|_| failed(format!("did not answer within {SECONDS} seconds")))?;
    let ended = ended.map_err(|e| failed(e.to_string()))?;
    match (action, ended.status.code()) {
        (PowerAction::Status, Some(0)) => Ok(true),
        (PowerAction::Status, Some(2)) => Ok(false),
        (PowerAction::On | PowerAction::Off, Some(0)) => Ok(action == PowerAction::On),
        _ => Err(failed(last_words(&ended.stderr))),
    }
}

/// The end of what it complained about, bounded.
fn last_words(said: &[u8]) -> String {
    let text = String::from_utf8_lossy(said);
    let line = text.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or("it failed and said nothing");
    line.trim().chars().take(300).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_name_is_a_program() {
        for wrong in ["", "../../bin/sh", "a b", "Redfish"] {
            assert_eq!(find(wrong).unwrap_err().code, ErrorCode::InvalidRequest, "{wrong:?}");
        }
        assert_eq!(find("of_nobody").unwrap_err().code, ErrorCode::NotFound);
    }

    #[test]
    fn the_end_of_a_complaint_is_kept() {
        assert_eq!(last_words(b"Traceback\nUnable to connect\n\n"), "Unable to connect");
        assert_eq!(last_words(b""), "it failed and said nothing");
    }
}
