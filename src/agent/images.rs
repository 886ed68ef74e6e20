//! Image files: made, layered, copied, uploaded, inspected, removed. A file appears under its name only when it is whole.
//!
//! An image from outside is never trusted: its format is the one given, a header that names a backing or data file is refused, and qemu-img
//! runs under limits of time, memory and CPU. The format is kept beside the image (`<image>.meta`, as vdsm does): what a guest
//! writes into a raw disk can make it look like anything.

use super::error::{from_io, refused};
use super::qemu_img::{info, limited, name_of, outside_image, run};
use super::storage::{check_path, disk_dir, domain_dir, image_file, space};
use crate::model::disk::DiskFormat;
use crate::wire::{
    CopyImage, CreateImage, ErrorCode, ImageInfo, ImagePath, InspectImage, RemoveDisk, RemoveImage, WireError,
};
use bytes::Bytes;
use futures_util::{Stream, StreamExt};
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use tokio::fs;
use tokio::io::AsyncWriteExt;
use tokio::sync::OwnedMutexGuard;

const CREATE_SECONDS: u64 = 600;
const COPY_SECONDS: u64 = 6 * 3600;
/// What must stay free when something new is made.
pub(super) const RESERVE_BYTES: u64 = 16 << 20;

type Answer<T> = Result<T, WireError>;

/// A file in the making: under another name until it is whole, and gone if it never is.
struct Draft {
    aside: PathBuf,
    file: PathBuf,
    whole: bool,
    /// A verb that is repeated while the first still works waits for it.
    _alone: OwnedMutexGuard<()>,
}

impl Draft {
    async fn begin(image: &ImagePath) -> Self {
        let file = image_file(image);
        Self { aside: file.with_extension("new"), file: file.clone(), whole: false, _alone: alone(file).await }
    }

    async fn finish(mut self, format: DiskFormat) -> Answer<ImageInfo> {
        let meta = meta_file(&self.file);
        fs::write(&meta, format!("FORMAT={}\n", meta_word(format))).await.map_err(|e| from_io(&meta, &e))?;
        fs::rename(&self.aside, &self.file).await.map_err(|e| from_io(&self.file, &e))?;
        self.whole = true;
        Ok(info(&self.file, format).await?.sizes())
    }
}

/// Waits until nobody else works on this file.
pub(super) async fn alone(file: PathBuf) -> OwnedMutexGuard<()> {
    static BUSY: Mutex<Option<HashMap<PathBuf, Weak<tokio::sync::Mutex<()>>>>> = Mutex::new(None);
    let lock = {
        let mut busy = BUSY.lock().unwrap_or_else(PoisonError::into_inner);
        let busy = busy.get_or_insert_default();
        busy.retain(|_, lock| lock.strong_count() > 0);
        let known = busy.get(&file).and_then(Weak::upgrade);
        known.unwrap_or_else(|| {
            let fresh = Arc::default();
            busy.insert(file, Arc::downgrade(&fresh));
            fresh
        })
    };
    lock.lock_owned().await
}

impl Drop for Draft {
    fn drop(&mut self) {
        if self.whole {
            return;
        }
        // Each is gone, or was never there; the folder only goes when it is empty. Nobody is left to be told.
        let _ = std::fs::remove_file(&self.aside);
        if !self.file.exists() {
            let _ = std::fs::remove_file(meta_file(&self.file));
            let _ = self.file.parent().map(std::fs::remove_dir);
        }
    }
}

pub(super) fn meta_file(file: &Path) -> PathBuf {
    file.with_extension("meta")
}

pub(super) const fn meta_word(format: DiskFormat) -> &'static str {
    match format {
        DiskFormat::Cow => "COW",
        DiskFormat::Raw => "RAW",
    }
}

/// The format an image was made with.
async fn format_of(file: &Path) -> DiskFormat {
    let kept = fs::read_to_string(meta_file(file)).await.unwrap_or_default();
    let raw = kept.lines().any(|l| l == format!("FORMAT={}", meta_word(DiskFormat::Raw)));
    if raw { DiskFormat::Raw } else { DiskFormat::Cow }
}

/// Makes an image, or finds the same one made already.
///
/// # Errors
/// No space, a missing or foreign backing image, another image of that name.
pub async fn create(request: CreateImage) -> Answer<ImageInfo> {
    check_path(&request.image.domain)?;
    let below = request.backing.as_ref().map(|b| backing_name(&request, b)).transpose()?;
    let draft = Draft::begin(&request.image).await;
    if fs::try_exists(&draft.file).await.unwrap_or(false) {
        let have = info(&draft.file, request.format).await?;
        let same = have.backing_filename == below && (below.is_some() || have.virtual_size == request.virtual_bytes);
        let what = format!("{} is there already with another size or backing image", draft.file.display());
        return if same { Ok(have.sizes()) } else { Err(refused(ErrorCode::Exists, what)) };
    }
    prepare(&request.image, if request.sparse { 0 } else { request.virtual_bytes }).await?;
    let mut command = limited(CREATE_SECONDS);
    command.args(["create", "-q", "-f", name_of(request.format)]);
    match (&request.backing, below) {
        (Some(backing), Some(name)) => {
            let file = image_file(backing);
            fs::metadata(&file).await.map_err(|e| from_io(&file, &e))?;
            command.args(["-F", name_of(format_of(&file).await), "-b", &name]).arg(&draft.aside);
        }
        _ => {
            if !request.sparse {
                command.args(["-o", "preallocation=falloc"]);
            }
            command.arg(&draft.aside).arg(request.virtual_bytes.to_string());
        }
    }
    run(command, CREATE_SECONDS).await?;
    draft.finish(request.format).await
}

/// A layer lies on an image of its own domain, nowhere else. Named as seen from the layer, so that the domain can be moved.
fn backing_name(request: &CreateImage, backing: &ImagePath) -> Answer<String> {
    let invalid = |what: &str| Err(refused(ErrorCode::InvalidRequest, what));
    if backing.domain != request.image.domain {
        return invalid("backing: must be in the same storage domain as the image");
    }
    if request.format != DiskFormat::Cow {
        return invalid("format: a layer on another image must be cow");
    }
    Ok(format!("../{}/{}", backing.disk, backing.image))
}

/// Copies an image with all its layers into one.
///
/// # Errors
/// No space, or the source is gone.
pub async fn copy(request: CopyImage) -> Answer<ImageInfo> {
    check_path(&request.source.domain)?;
    check_path(&request.target.domain)?;
    let draft = Draft::begin(&request.target).await;
    if fs::try_exists(&draft.file).await.unwrap_or(false) {
        return Ok(info(&draft.file, request.format).await?.sizes());
    }
    let source = image_file(&request.source);
    fs::metadata(&source).await.map_err(|e| from_io(&source, &e))?;
    let format = format_of(&source).await;
    let have = info(&source, format).await?;
    prepare(&request.target, if request.sparse { 0 } else { have.virtual_size }).await?;
    let mut command = limited(COPY_SECONDS);
    command.args(["convert", "-q", "-f", name_of(format), "-O", name_of(request.format)]);
    if !request.sparse {
        command.args(["-o", "preallocation=falloc"]);
    }
    command.arg(&source).arg(&draft.aside);
    run(command, COPY_SECONDS).await?;
    draft.finish(request.format).await
}

/// Sizes of an image.
///
/// # Errors
/// It is gone or not of that format.
pub async fn inspect(request: InspectImage) -> Answer<ImageInfo> {
    check_path(&request.image.domain)?;
    let file = image_file(&request.image);
    fs::metadata(&file).await.map_err(|e| from_io(&file, &e))?;
    Ok(info(&file, request.format).await?.sizes())
}

/// Removes one layer.
///
/// # Errors
/// The file system refuses.
pub async fn remove(request: RemoveImage) -> Answer<()> {
    check_path(&request.image.domain)?;
    let file = image_file(&request.image);
    for doomed in [file.clone(), file.with_extension("new"), meta_file(&file)] {
        gone_is_fine(&doomed, fs::remove_file(&doomed).await)?;
    }
    Ok(())
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
pub async fn upload<S, E>(image: &ImagePath, format: DiskFormat, length: u64, body: S) -> Answer<ImageInfo>
where
    S: Stream<Item = Result<Bytes, E>> + Unpin,
    E: std::fmt::Display,
{
    check_path(&image.domain)?;
    let draft = Draft::begin(image).await;
    prepare(image, length).await?;
    write(&draft.aside, length, body).await?;
    outside_image(&draft.aside, format).await?;
    draft.finish(format).await
}

async fn write<S, E>(file: &Path, length: u64, mut body: S) -> Answer<()>
where
    S: Stream<Item = Result<Bytes, E>> + Unpin,
    E: std::fmt::Display,
{
    let invalid = |what: String| refused(ErrorCode::InvalidRequest, what);
    let mut out = fs::File::create(file).await.map_err(|e| from_io(file, &e))?;
    let mut count = 0u64;
    while let Some(chunk) = body.next().await {
        let chunk =
            chunk.map_err(|e| refused(ErrorCode::Io, format!("the upload broke off after {count} bytes: {e}")))?;
        count += chunk.len() as u64;
        if count > length {
            return Err(invalid(format!("more bytes came than the {length} announced")));
        }
        out.write_all(&chunk).await.map_err(|e| from_io(file, &e))?;
    }
    if count != length {
        return Err(invalid(format!("{count} bytes came instead of the {length} announced")));
    }
    out.flush().await.map_err(|e| from_io(file, &e))?;
    out.sync_all().await.map_err(|e| from_io(file, &e))
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
