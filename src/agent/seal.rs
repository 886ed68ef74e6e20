//! Sealing: what belongs to one machine only (host name, machine id, SSH host keys, logs, leases, …) is removed from the images of a
//! template, by virt-sysprep in a small guest of its own, without a network, under limits of memory, CPU and time.
//!
//! While that goes on the images have another name: whoever finds them missing knows that they have to be copied anew. A virt-sysprep
//! that outlived the agent for a moment writes into a file that nobody has any more.

use super::error::{from_io, refused};
use super::facts;
use super::images::{alone, meta_file, meta_word};
use super::qemu_img::name_of;
use super::storage::{check_path, image_file};
use crate::wire::{ErrorCode, SealImages, SealLog, SealProgress, SealSupport, SealSupported, SealingImage, WireError};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;
use tokio::fs;
use tokio::process::Command;

type Answer<T> = Result<T, WireError>;

const PROGRAM: &str = "virt-sysprep";
const SEAL_SECONDS: u64 = 3600;
/// Its own and its guest's address space.
const MEMORY_BYTES: u64 = 4 << 30;
/// So much of its log is kept.
const LOG_BYTES: u64 = 64 << 10;
/// It does about so many things to a guest.
const OPERATIONS: usize = 37;
/// In the image's description: it was sealed already.
const SEALED: &str = "SEALED=1";

/// Whether this host can seal.
pub fn support(_: &SealSupport) -> SealSupported {
    let folders = std::env::var_os("PATH").unwrap_or_default();
    SealSupported { sealing: std::env::split_paths(&folders).any(|folder| folder.join(PROGRAM).is_file()) }
}

/// Images that are being sealed; half of it is no image any more.
struct Halves {
    files: Vec<(PathBuf, PathBuf)>,
    whole: bool,
}

impl Drop for Halves {
    fn drop(&mut self) {
        for (aside, _) in self.files.iter().filter(|_| !self.whole) {
            // Gone, or never there; nobody is left to be told.
            let _ = std::fs::remove_file(aside);
        }
    }
}

/// Seals the images of one template together. Sealed already: fine.
///
/// # Errors
/// `NotFound` if one is missing: it is to be copied first. Else what virt-sysprep said.
pub async fn seal(request: SealImages) -> Answer<SealProgress> {
    let Some(first) = request.images.first().map(|one| image_file(&one.image)) else {
        return Err(refused(ErrorCode::InvalidRequest, "images: there is none"));
    };
    if !support(&SealSupport {}).sealing {
        return Err(refused(ErrorCode::WrongState, format!("this host has no {PROGRAM}")));
    }
    let mut held = Vec::new();
    for one in &request.images {
        check_path(&one.image.domain)?;
        held.push(alone(image_file(&one.image)).await);
    }
    let mut sealed = true;
    for one in &request.images {
        let file = image_file(&one.image);
        fs::metadata(&file).await.map_err(|e| from_io(&file, &e))?;
        sealed &= fs::read_to_string(meta_file(&file)).await.is_ok_and(|text| text.lines().any(|l| l == SEALED));
    }
    let log = log_file(&first);
    if sealed {
        return read_log(&log).await;
    }
    let mut halves = Halves { files: Vec::new(), whole: false };
    for one in &request.images {
        let file = image_file(&one.image);
        let aside = file.with_extension("sealing");
        halves.files.push((aside.clone(), file.clone()));
        fs::rename(&file, &aside).await.map_err(|e| from_io(&file, &e))?;
    }
    run(&request.images, &log).await?;
    for (one, (aside, file)) in request.images.iter().zip(&halves.files) {
        let meta = meta_file(file);
        let text = format!("FORMAT={}\n{SEALED}\n", meta_word(one.format));
        fs::write(&meta, text).await.map_err(|e| from_io(&meta, &e))?;
        fs::rename(aside, file).await.map_err(|e| from_io(file, &e))?;
    }
    halves.whole = true;
    read_log(&log).await
}

fn log_file(image: &Path) -> PathBuf {
    image.with_extension("log")
}

async fn run(images: &[SealingImage], log: &Path) -> Answer<()> {
    let out = std::fs::File::create(log).map_err(|e| from_io(log, &e))?;
    let err = out.try_clone().map_err(|e| from_io(log, &e))?;
    let mut command = command(images);
    command.stdin(Stdio::null()).stdout(out).stderr(err).kill_on_drop(true);
    let ended = tokio::time::timeout(Duration::from_secs(SEAL_SECONDS), command.status())
        .await
        .map_err(|_| refused(ErrorCode::WrongState, format!("{PROGRAM} did not end within {SEAL_SECONDS} seconds")))?
        .map_err(|e| refused(ErrorCode::Io, format!("{PROGRAM} cannot be started: {e}")))?;
    if ended.success() {
        return Ok(());
    }
    let said = read_log(log).await?.log;
    let errors: Vec<&str> = said.lines().filter_map(|l| l.split_once("error: ").map(|(_, why)| why)).collect();
    let why = if errors.is_empty() { ended.to_string() } else { errors.join("; ") };
    Err(refused(ErrorCode::WrongState, format!("{PROGRAM} failed: {why}")))
}

/// It ends with the agent. Its guest runs under QEMU itself, not under the libvirtd of the VMs.
fn command(images: &[SealingImage]) -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "KILL", "prlimit"]);
    command.arg(format!("--as={MEMORY_BYTES}")).arg(format!("--cpu={SEAL_SECONDS}")).arg(PROGRAM);
    command.arg("--no-network");
    for one in images {
        command.args(["--format", name_of(one.format), "-a"]);
        command.arg(image_file(&one.image).with_extension("sealing"));
    }
    // Its own default would give all of them one and the same machine id, and leave the host name.
    command.args(["--write", "/etc/machine-id:", "--write", "/etc/hostname:localhost\n"]);
    for seed in ["/var/lib/systemd/random-seed", "/var/lib/urandom/random-seed", "/var/lib/random-seed"] {
        command.args(["--delete", seed]);
    }
    command.env("LIBGUESTFS_BACKEND", "direct");
    command.env("LC_ALL", "C");
    if !facts::kvm() {
        command.env("LIBGUESTFS_BACKEND_SETTINGS", "force_tcg");
    }
    command
}

/// How far it is. Not begun: nothing.
///
/// # Errors
/// The log cannot be read.
pub async fn progress(request: SealLog) -> Answer<SealProgress> {
    check_path(&request.image.domain)?;
    read_log(&log_file(&image_file(&request.image))).await
}

async fn read_log(file: &Path) -> Answer<SealProgress> {
    use tokio::io::AsyncReadExt as _;
    let mut log = Vec::new();
    match fs::File::open(file).await {
        Ok(open) => drop(open.take(LOG_BYTES).read_to_end(&mut log).await.map_err(|e| from_io(file, &e))?),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => {}
        Err(e) => return Err(from_io(file, &e)),
    }
    let log = String::from_utf8_lossy(&log).into_owned();
    Ok(SealProgress { percent: percent(&log), log })
}

/// The start of its guest takes about half of the time.
fn percent(log: &str) -> u8 {
    let done = log.lines().filter(|line| line.contains("] Performing ")).count().min(OPERATIONS);
    let begun = usize::from(log.contains("Examining")) * 5 + usize::from(done > 0) * 45;
    u8::try_from(begun + done * 48 / OPERATIONS).unwrap_or(98)
}

#[cfg(test)]
mod tests {
    use super::percent;

    #[test]
    fn progress_is_read_from_the_log() {
        assert_eq!(percent(""), 0);
        assert_eq!(percent("[   0.0] Examining the guest ...\n"), 5);
        let half = format!("[ 0.0] Examining the guest ...\n{}", "[  33.7] Performing \"x\" ...\n".repeat(18));
        assert_eq!(percent(&half), 73);
        assert_eq!(percent(&half.repeat(9)), 98);
    }
}
