//! The disc with what a guest is told at its first start: a small ISO or a floppy of the agent's own, beside its other data. It may hold secrets.

use super::error::{from_io, from_libvirt, refused};
use super::floppy;
use super::qemu_img::{limited_program, run_program};
use super::xml::{build, parse};
use crate::model::ids::VmId;
use crate::wire::{ErrorCode, Medium, Payload, WireError};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use tokio::fs;
use virt::domain::Domain;
use virt_sys as sys;

type Answer<T> = Result<T, WireError>;

const PROGRAM: &str = "xorriso";
const SECONDS: u64 = 60;

/// Where the VM's disc lies.
pub fn file(data_dir: &Path, vm: VmId, medium: Medium) -> PathBuf {
    let kind = match medium {
        Medium::Cd => "iso",
        Medium::Floppy => "img",
    };
    data_dir.join("payload").join(format!("{vm}.{kind}"))
}

/// Makes the disc anew.
///
/// # Errors
/// The file system or xorriso refuse; a name is odd.
pub async fn write(data_dir: &Path, vm: VmId, payload: &Payload) -> Answer<PathBuf> {
    let out = file(data_dir, vm, payload.medium);
    let folder = out.with_extension("files");
    let written = write_in(&folder, &out, payload).await;
    // The secrets in it are on the disc now, or nowhere.
    let _ = fs::remove_dir_all(&folder).await;
    written.map(|()| out)
}

async fn write_in(folder: &Path, out: &Path, payload: &Payload) -> Answer<()> {
    let io = |path: &Path| {
        let path = path.to_owned();
        move |e: std::io::Error| from_io(&path, &e)
    };
    fs::create_dir_all(folder).await.map_err(io(folder))?;
    if let Some(parent) = folder.parent() {
        // Others read neither the files nor the discs; QEMU is given its disc by libvirt.
        fs::set_permissions(folder, std::fs::Permissions::from_mode(0o700)).await.map_err(io(folder))?;
        fs::set_permissions(parent, std::fs::Permissions::from_mode(0o711)).await.map_err(io(parent))?;
    }
    for one in &payload.files {
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        if one.name.is_empty() || one.name.starts_with('.') || !one.name.chars().all(plain) {
            return Err(refused(ErrorCode::InvalidRequest, format!("payload: {:?} is no file's name", one.name)));
        }
        let path = folder.join(&one.name);
        fs::write(&path, &one.content).await.map_err(io(&path))?;
    }
    let aside = out.with_extension("new");
    let _ = fs::remove_file(&aside).await;
    match payload.medium {
        Medium::Cd => {
            let mut command = limited_program(PROGRAM, SECONDS);
            command.args(["-as", "mkisofs", "-quiet", "-J", "-r", "-V", &payload.label, "-o"]).arg(&aside).arg(folder);
            run_program(command, PROGRAM, SECONDS).await?;
        }
        Medium::Floppy => {
            let files: Vec<_> = payload.files.iter().map(|f| (f.name.as_str(), f.content.as_bytes())).collect();
            let image = floppy::image(&payload.label, &files)
                .map_err(|why| refused(ErrorCode::InvalidRequest, format!("payload: {why}")))?;
            fs::write(&aside, image).await.map_err(io(&aside))?;
        }
    }
    fs::set_permissions(&aside, std::fs::Permissions::from_mode(0o600)).await.map_err(io(&aside))?;
    fs::rename(&aside, out).await.map_err(io(out))
}

/// Takes the disc out of a running guest's drive: it lies on this host only. The guest has read it when it booted.
///
/// # Errors
/// libvirt's.
pub fn eject(domain: &Domain) -> Answer<()> {
    let failed = |e| from_libvirt("the disc of the first start", &e);
    let xml = domain.xml_desc(0).map_err(failed)?;
    let Some((target, bus)) = parse::drive_with(&xml, "/payload/") else { return Ok(()) };
    let xml = build::empty_drive(&target, &bus).map_err(|e| refused(ErrorCode::Io, e.to_string()))?;
    let flags = sys::VIR_DOMAIN_AFFECT_LIVE | sys::VIR_DOMAIN_AFFECT_CONFIG | sys::VIR_DOMAIN_DEVICE_MODIFY_FORCE;
    domain.update_device_flags(&xml, flags).map(drop).map_err(failed)
}

/// The VM has no disc any more. None there: fine.
pub fn forget(data_dir: &Path, vm: VmId) {
    for medium in [Medium::Cd, Medium::Floppy] {
        if let Err(error) = std::fs::remove_file(file(data_dir, vm, medium))
            && error.kind() != std::io::ErrorKind::NotFound
        {
            tracing::warn!(%vm, %error, "its disc for the first start is left");
        }
    }
}
