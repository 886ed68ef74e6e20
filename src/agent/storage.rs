//! File storage domains: `<path>/<domain>/{dom_md/metadata,images/<disk>/<image>}` (vdsm's layout). Paths are made of ids only.

use super::error::{from_io, refused};
use crate::wire::{CreateDomain, DomainPath, DomainSpace, ErrorCode, ImagePath, WireError};
use std::fs;
use std::path::{Component, Path, PathBuf};

/// The folder named after the domain.
pub fn domain_dir(domain: &DomainPath) -> PathBuf {
    Path::new(&domain.path).join(domain.id.to_string())
}

/// The folder of a disk's layers.
pub fn disk_dir(domain: &DomainPath, disk: crate::model::ids::DiskId) -> PathBuf {
    domain_dir(domain).join("images").join(disk.to_string())
}

/// The file of one layer.
pub fn image_file(image: &ImagePath) -> PathBuf {
    disk_dir(&image.domain, image.disk).join(image.image.to_string())
}

/// A domain's path comes from the engine's administrator: absolute, without `..`.
///
/// # Errors
/// `InvalidRequest` if it is not.
pub fn check_path(domain: &DomainPath) -> Result<(), WireError> {
    let path = Path::new(&domain.path);
    let plain = path.components().all(|c| matches!(c, Component::RootDir | Component::Normal(_)));
    if path.is_absolute() && plain && domain.path.len() < 1024 {
        return Ok(());
    }
    Err(refused(ErrorCode::InvalidRequest, format!("path: {:?} is not an absolute path without \"..\"", domain.path)))
}

/// Makes the folders and the metadata file.
///
/// # Errors
/// The folder cannot be written.
pub fn create(request: &CreateDomain) -> Result<DomainSpace, WireError> {
    check_path(&request.domain)?;
    let dir = domain_dir(&request.domain);
    let make = |sub: &str| {
        let path = dir.join(sub);
        fs::create_dir_all(&path).map_err(|e| from_io(&path, &e))
    };
    make("dom_md")?;
    make("images")?;
    make("ovf")?;
    let metadata = dir.join("dom_md/metadata");
    if !metadata.exists() {
        let text = format!(
            "VERSION=4\nSDUUID={}\nDESCRIPTION={}\nCLASS=Data\nTYPE=LOCALFS\nROLE=Master\n",
            request.domain.id,
            request.name.replace(['\n', '\r'], " ")
        );
        let aside = dir.join("dom_md/metadata.new");
        fs::write(&aside, text).and_then(|()| fs::rename(&aside, &metadata)).map_err(|e| from_io(&metadata, &e))?;
    }
    info(&request.domain)
}

/// Takes a domain away in which nothing is. Gone already: fine.
///
/// # Errors
/// A disk lies there, or the folder cannot be written.
pub fn remove(domain: &DomainPath) -> Result<(), WireError> {
    check_path(domain)?;
    let dir = domain_dir(domain);
    let gone = |path: PathBuf, done: std::io::Result<()>| match done {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => Err(from_io(&path, &e)),
        _ => Ok(()),
    };
    // First what tells whether it is empty.
    for sub in ["images", "ovf"] {
        gone(dir.join(sub), fs::remove_dir(dir.join(sub)))?;
    }
    gone(dir.join("dom_md"), fs::remove_dir_all(dir.join("dom_md")))?;
    gone(dir.clone(), fs::remove_dir(&dir))
}

/// How full it is.
///
/// # Errors
/// `NotFound` if folder or metadata are gone.
pub fn info(domain: &DomainPath) -> Result<DomainSpace, WireError> {
    check_path(domain)?;
    let metadata = domain_dir(domain).join("dom_md/metadata");
    fs::metadata(&metadata).map_err(|e| from_io(&metadata, &e))?;
    space(&domain_dir(domain))
}

/// Space of the file system `dir` lies on.
///
/// # Errors
/// It cannot be asked.
pub fn space(dir: &Path) -> Result<DomainSpace, WireError> {
    let vfs = nix::sys::statvfs::statvfs(dir).map_err(|e| from_io(dir, &e.into()))?;
    let block = vfs.fragment_size();
    Ok(DomainSpace { total_bytes: vfs.blocks() * block, available_bytes: vfs.blocks_available() * block })
}

/// With less than this a guest that wants to write would stand still again at once.
const ROOM: u64 = 64 << 20;

/// Writes something into the domain and takes it away again.
///
/// # Errors
/// It cannot be written, or there is no room.
pub fn try_writing(domain: &DomainPath) -> Result<(), WireError> {
    let free = info(domain)?.available_bytes;
    if free < ROOM {
        return Err(refused(ErrorCode::NoSpace, format!("{} has {free} bytes free", domain.path)));
    }
    let file = domain_dir(domain).join("dom_md").join(format!("{}.try", uuid::Uuid::new_v4()));
    let write = || {
        let mut open = fs::File::create(&file)?;
        std::io::Write::write_all(&mut open, &[0; 4096])?;
        open.sync_all()
    };
    let written = write();
    let removed = fs::remove_file(&file);
    written.and(removed).map_err(|e| from_io(&file, &e))
}
