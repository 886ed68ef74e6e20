//! Image files: made, layered, copied, uploaded, inspected, removed. A file appears under its name only when it is whole.
//!
//! An image from outside is never trusted: its format is the one given, a header that names a backing or data file is refused, and qemu-img
//! runs under limits of time, memory and CPU.

use super::error::{from_io, refused};
use super::storage::{check_path, disk_dir, domain_dir, image_file, space};
use crate::model::disk::DiskFormat;
use crate::wire::{
    CopyImage, CreateImage, DomainPath, ErrorCode, ImageInfo, ImagePath, InspectImage, RemoveDisk, RemoveImage,
    WireError,
};
use bytes::Bytes;
use futures_util::{Stream, StreamExt};
use serde::Deserialize;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;
use tokio::fs;
use tokio::io::AsyncWriteExt;
use tokio::process::Command;

const INFO_SECONDS: u64 = 20;
const CREATE_SECONDS: u64 = 600;
const COPY_SECONDS: u64 = 6 * 3600;
/// What must stay free when something new is made.
const RESERVE_BYTES: u64 = 16 << 20;

type Answer<T> = Result<T, WireError>;

fn qemu_name(format: DiskFormat) -> &'static str {
    match format {
        DiskFormat::Cow => "qcow2",
        DiskFormat::Raw => "raw",
    }
}

/// Makes an image, or finds the same one made already.
///
/// # Errors
/// No space, a missing or foreign backing image, another image of that name.
pub async fn create(request: CreateImage) -> Answer<ImageInfo> {
    check_path(&request.image.domain)?;
    let file = image_file(&request.image);
    if fs::try_exists(&file).await.unwrap_or(false) {
        let have = info(&file, request.format).await?;
        return if have.virtual_bytes == request.virtual_bytes || request.backing.is_some() {
            Ok(have)
        } else {
            Err(refused(ErrorCode::Exists, format!("{} is there already with another size", file.display())))
        };
    }
    let needs = if request.sparse { 0 } else { request.virtual_bytes };
    prepare(&request.image, needs).await?;
    let aside = file.with_extension("new");
    let mut command = limited(CREATE_SECONDS);
    command.args(["create", "-q", "-f", qemu_name(request.format)]);
    match &request.backing {
        Some(backing) => {
            let below = backing_file(&request.image.domain, backing)?;
            fs::metadata(&below).await.map_err(|e| from_io(&below, &e))?;
            command.args(["-F", "qcow2", "-b"]).arg(&below).arg(&aside);
        }
        None => {
            if !request.sparse {
                command.args([
                    "-o",
                    if request.format == DiskFormat::Raw { "preallocation=falloc" } else { "preallocation=metadata" },
                ]);
            }
            command.arg(&aside).arg(request.virtual_bytes.to_string());
        }
    }
    finish(run(command, CREATE_SECONDS).await, &aside, &file).await?;
    info(&file, request.format).await
}

/// A layer lies on an image of its own domain, nowhere else.
fn backing_file(domain: &DomainPath, backing: &ImagePath) -> Answer<std::path::PathBuf> {
    if backing.domain == *domain {
        return Ok(image_file(backing));
    }
    Err(refused(ErrorCode::InvalidRequest, "backing: must be in the same storage domain as the image"))
}

/// Copies an image with all its layers into one.
///
/// # Errors
/// No space, or the source is gone.
pub async fn copy(request: CopyImage) -> Answer<ImageInfo> {
    check_path(&request.source.domain)?;
    check_path(&request.target.domain)?;
    let (source, target) = (image_file(&request.source), image_file(&request.target));
    if fs::try_exists(&target).await.unwrap_or(false) {
        return info(&target, request.format).await;
    }
    let have = info(&source, DiskFormat::Cow).await?;
    prepare(&request.target, if request.sparse { 0 } else { have.virtual_bytes }).await?;
    let aside = target.with_extension("new");
    let mut command = limited(COPY_SECONDS);
    command.args(["convert", "-q", "-f", "qcow2", "-O", qemu_name(request.format)]).arg(&source).arg(&aside);
    finish(run(command, COPY_SECONDS).await, &aside, &target).await?;
    info(&target, request.format).await
}

/// Sizes of an image.
///
/// # Errors
/// It is gone or not of that format.
pub async fn inspect(request: InspectImage) -> Answer<ImageInfo> {
    check_path(&request.image.domain)?;
    info(&image_file(&request.image), request.format).await
}

/// Removes one layer.
///
/// # Errors
/// The file system refuses.
pub async fn remove(request: RemoveImage) -> Answer<()> {
    check_path(&request.image.domain)?;
    let file = image_file(&request.image);
    gone_is_fine(&file, fs::remove_file(&file).await)?;
    let aside = file.with_extension("new");
    gone_is_fine(&aside, fs::remove_file(&aside).await)
}

/// Removes a disk's folder.
///
/// # Errors
/// The file system refuses.
pub async fn remove_disk(request: RemoveDisk) -> Answer<()> {
    check_path(&request.domain)?;
    let dir = disk_dir(&request.domain, request.disk);
    gone_is_fine(&dir, fs::remove_dir_all(&dir).await)
}

fn gone_is_fine(path: &Path, result: std::io::Result<()>) -> Answer<()> {
    match result {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => Err(from_io(path, &e)),
        _ => Ok(()),
    }
}

/// Writes an image's bytes as they come; nothing stays behind if they break off.
///
/// # Errors
/// No space, a broken stream, or not an image of that format.
pub async fn upload<S, E>(image: &ImagePath, format: DiskFormat, length: u64, mut body: S) -> Answer<ImageInfo>
where
    S: Stream<Item = Result<Bytes, E>> + Unpin,
    E: std::fmt::Display,
{
    check_path(&image.domain)?;
    prepare(image, length).await?;
    let file = image_file(image);
    let aside = file.with_extension("new");
    let written = async {
        let mut out = fs::File::create(&aside).await.map_err(|e| from_io(&aside, &e))?;
        let mut count = 0u64;
        while let Some(chunk) = body.next().await {
            let chunk =
                chunk.map_err(|e| refused(ErrorCode::Io, format!("the upload broke off after {count} bytes: {e}")))?;
            count += chunk.len() as u64;
            if count > length {
                return Err(refused(ErrorCode::InvalidRequest, format!("more bytes came than the {length} announced")));
            }
            out.write_all(&chunk).await.map_err(|e| from_io(&aside, &e))?;
        }
        if count != length {
            return Err(refused(
                ErrorCode::InvalidRequest,
                format!("{count} bytes came instead of the {length} announced"),
            ));
        }
        out.flush().await.map_err(|e| from_io(&aside, &e))?;
        out.sync_all().await.map_err(|e| from_io(&aside, &e))
    }
    .await;
    let checked = match written {
        Ok(()) => outside_image(&aside, format).await,
        Err(e) => Err(e),
    };
    finish(checked.map(drop), &aside, &file).await?;
    info(&file, format).await
}

/// An uploaded qcow2 must stand alone. Its header is read before QEMU opens it: QEMU would follow the names in it.
async fn outside_image(file: &Path, format: DiskFormat) -> Answer<ImageInfo> {
    if format == DiskFormat::Cow {
        let head = read_head(file).await.map_err(|e| from_io(file, &e))?;
        qcow2_stands_alone(&head)
            .map_err(|why| refused(ErrorCode::InvalidRequest, format!("the image is refused: {why}")))?;
    }
    info(file, format).await
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

async fn prepare(image: &ImagePath, needs: u64) -> Answer<()> {
    let domain = domain_dir(&image.domain);
    let free = space(&domain)?.available_bytes;
    if free < needs.saturating_add(RESERVE_BYTES) {
        return Err(refused(
            ErrorCode::NoSpace,
            format!("the storage has {} MiB free, {} MiB are needed", free >> 20, (needs + RESERVE_BYTES) >> 20),
        ));
    }
    let dir = disk_dir(&image.domain, image.disk);
    fs::create_dir_all(&dir).await.map_err(|e| from_io(&dir, &e))
}

/// Gives a whole file its name, or removes what is half done.
async fn finish(done: Answer<()>, aside: &Path, file: &Path) -> Answer<()> {
    let result = match done {
        Ok(()) => fs::rename(aside, file).await.map_err(|e| from_io(file, &e)),
        Err(e) => Err(e),
    };
    if result.is_err() {
        gone_is_fine(aside, fs::remove_file(aside).await)?;
        if let Some(dir) = file.parent() {
            // Only succeeds when the folder is empty, which is what is wanted.
            let _ = fs::remove_dir(dir).await;
        }
    }
    result
}

/// qemu-img with at most 2 GiB of memory and this much CPU.
fn limited(cpu_seconds: u64) -> Command {
    let mut command = Command::new("prlimit");
    command.arg(format!("--as={}", 2u64 << 30)).arg(format!("--cpu={cpu_seconds}")).arg("qemu-img");
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    command
}

async fn run(command: Command, seconds: u64) -> Answer<()> {
    output(command, seconds).await.map(drop)
}

async fn output(mut command: Command, seconds: u64) -> Answer<Vec<u8>> {
    let done = tokio::time::timeout(Duration::from_secs(seconds), command.output())
        .await
        .map_err(|_| refused(ErrorCode::Io, format!("qemu-img did not end within {seconds} seconds")))?
        .map_err(|e| refused(ErrorCode::Io, format!("qemu-img cannot be started: {e}")))?;
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

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct QemuInfo {
    virtual_size: u64,
    actual_size: u64,
}

async fn info(file: &Path, format: DiskFormat) -> Answer<ImageInfo> {
    let mut command = limited(INFO_SECONDS);
    command.args(["info", "-U", "--output=json", "-f", qemu_name(format)]).arg(file);
    let said = output(command, INFO_SECONDS).await?;
    let parsed: QemuInfo = serde_json::from_slice(&said)
        .map_err(|e| refused(ErrorCode::Io, format!("qemu-img's answer about {} is odd: {e}", file.display())))?;
    Ok(ImageInfo { virtual_bytes: parsed.virtual_size, actual_bytes: parsed.actual_size })
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
