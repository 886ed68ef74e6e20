//! Running qemu-img, and reading headers before it does: it would follow the names in them.

use super::error::{from_io, refused};
use crate::model::disk::DiskFormat;
use crate::wire::{ErrorCode, ImageInfo, WireError};
use serde::Deserialize;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;
use tokio::fs;
use tokio::process::Command;

const INFO_SECONDS: u64 = 20;

type Answer<T> = Result<T, WireError>;

/// QEMU's name of a format.
pub fn name_of(format: DiskFormat) -> &'static str {
    match format {
        DiskFormat::Cow => "qcow2",
        DiskFormat::Raw => "raw",
    }
}

/// qemu-img with at most 2 GiB of memory and this much CPU; it ends with the agent, so that the next one finds nobody writing.
pub fn limited(cpu_seconds: u64) -> Command {
    limited_program("qemu-img", cpu_seconds)
}

/// Another program under the same limits.
pub fn limited_program(program: &str, cpu_seconds: u64) -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "KILL", "prlimit"]);
    command.arg(format!("--as={}", 2u64 << 30)).arg(format!("--cpu={cpu_seconds}")).arg(program);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    command
}

/// Runs it for at most this long.
///
/// # Errors
/// It failed, or took longer.
pub async fn run(command: Command, seconds: u64) -> Answer<()> {
    run_program(command, "qemu-img", seconds).await
}

/// Runs another program for at most this long.
///
/// # Errors
/// It failed, or took longer.
pub async fn run_program(command: Command, name: &str, seconds: u64) -> Answer<()> {
    output(command, name, seconds).await.map(drop)
}

async fn output(mut command: Command, name: &str, seconds: u64) -> Answer<Vec<u8>> {
    let done = tokio::time::timeout(Duration::from_secs(seconds), command.output())
        .await
        .map_err(|_| refused(ErrorCode::Io, format!("{name} did not end within {seconds} seconds")))?
        .map_err(|e| refused(ErrorCode::Io, format!("{name} cannot be started: {e}")))?;
    if done.status.success() {
        return Ok(done.stdout);
    }
    let said = String::from_utf8_lossy(&done.stderr);
    let code = if said.contains("No space left") {
        ErrorCode::NoSpace
    } else if said.contains("No such file") {
        ErrorCode::NotFound
    } else {
        ErrorCode::Io
    };
    Err(refused(code, said.trim().to_owned()))
}

/// What `qemu-img info` tells of one file.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Info {
    pub virtual_size: u64,
    pub actual_size: u64,
    /// As it stands in the header.
    pub backing_filename: Option<String>,
}

impl Info {
    pub fn sizes(&self) -> ImageInfo {
        ImageInfo { virtual_bytes: self.virtual_size, actual_bytes: self.actual_size }
    }
}

/// Sizes and backing file of an image.
///
/// # Errors
/// It is gone or not of that format.
pub async fn info(file: &Path, format: DiskFormat) -> Answer<Info> {
    let mut command = limited(INFO_SECONDS);
    command.args(["info", "-U", "--output=json", "-f", name_of(format)]).arg(file);
    let said = output(command, "qemu-img", INFO_SECONDS).await?;
    serde_json::from_slice(&said)
        .map_err(|e| refused(ErrorCode::Io, format!("qemu-img's answer about {} is odd: {e}", file.display())))
}

/// An uploaded qcow2 must stand alone. Its header is read before QEMU opens it: QEMU would follow the names in it.
///
/// # Errors
/// It names other files, or is not of that format.
pub async fn outside_image(file: &Path, format: DiskFormat) -> Answer<()> {
    if format == DiskFormat::Cow {
        let head = read_head(file).await.map_err(|e| from_io(file, &e))?;
        qcow2_stands_alone(&head)
            .map_err(|why| refused(ErrorCode::InvalidRequest, format!("the image is refused: {why}")))?;
    }
    info(file, format).await.map(drop)
}

async fn read_head(file: &Path) -> std::io::Result<Vec<u8>> {
    use tokio::io::AsyncReadExt;
    let mut head = Vec::with_capacity(104);
    fs::File::open(file).await?.take(104).read_to_end(&mut head).await?;
    Ok(head)
}

/// QEMU's docs/interop/qcow2.txt: magic, version, backing file offset (bytes 8-15), incompatible features (72-79, bit 2: data file).
fn qcow2_stands_alone(head: &[u8]) -> Result<(), &'static str> {
    let number =
        |from: usize, to: usize| head.get(from..to).map(|b| b.iter().fold(0u64, |n, byte| n << 8 | u64::from(*byte)));
    if head.get(..4) != Some(b"QFI\xfb") {
        return Err("it is not a qcow2 image; choose the format raw for other files");
    }
    if number(8, 16) != Some(0) {
        return Err("it names a backing file; flatten it first (qemu-img convert)");
    }
    if number(4, 8) >= Some(3) && number(72, 80).is_none_or(|features| features & 4 != 0) {
        return Err("it names an external data file; flatten it first (qemu-img convert)");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::qcow2_stands_alone;

    fn header(version: u8, backing: u8, features: u8) -> Vec<u8> {
        let mut head = vec![0; 104];
        head[..4].copy_from_slice(b"QFI\xfb");
        head[7] = version;
        head[15] = backing;
        head[79] = features;
        head
    }

    #[test]
    fn images_that_name_other_files_are_refused() {
        assert!(qcow2_stands_alone(&header(3, 0, 0)).is_ok());
        assert!(qcow2_stands_alone(&header(2, 0, 0)).is_ok());
        assert!(qcow2_stands_alone(&header(3, 104, 0)).unwrap_err().contains("backing"));
        assert!(qcow2_stands_alone(&header(3, 0, 4)).unwrap_err().contains("data file"));
        assert!(qcow2_stands_alone(b"short").is_err());
        assert!(qcow2_stands_alone(&header(3, 0, 0)[..40]).is_err());
    }
}
