//! One saved memory, many guests: each goes on from it under a name and on layers of its own.
//!
//! libvirt restores a saved memory only for the very domain that saved it. What it reads is a header, the domain's XML and QEMU's
//! stream (struct virQEMUSaveHeader in libvirt's src/qemu/qemu_saveimage.h, the same since libvirt 0.9.5); so it is handed, through a
//! pipe, the XML of the new guest followed by the stream of the old one.

use super::connection::Libvirt;
use super::domains::{self, find, is_active, must_find};
use super::error::{from_io, from_libvirt, refused};
use super::renew;
use super::storage::{check_path, image_file};
use super::xml::build::{self, HostTraits};
use crate::wire::{DomainReport, ErrorCode, MemorySaved, SaveMemory, StartFromMemory, VmSpec, WireError};
use std::ffi::CString;
use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use virt::connect::Connect;
use virt::domain::Domain;
use virt_sys as sys;

type Answer<T> = Result<T, WireError>;

const MAGIC: &[u8; 16] = b"LibvirtQemudSave";
const VERSION: u32 = 2;
/// Magic, five numbers, fourteen unused ones.
const HEADER_BYTES: usize = 16 + 19 * 4;
/// No domain's XML is as long.
const MAX_XML_BYTES: u32 = 16 << 20;

/// Saves a guest's memory for others.
///
/// # Errors
/// It does not run and nothing is saved, or there is no space.
pub async fn save(libvirt: &Libvirt, request: SaveMemory) -> Answer<MemorySaved> {
    check_path(&request.to.domain)?;
    libvirt
        .with(move |connection| {
            let file = image_file(&request.to);
            let size = |file: &Path| std::fs::metadata(file).map(|m| MemorySaved { bytes: m.len() });
            if let Ok(saved) = size(&file) {
                return Ok(saved);
            }
            let domain = must_find(connection, request.vm)?;
            let part = file.with_extension("part");
            if let Err(e) = save_to(&domain, &part) {
                // What is half written is as large as the guest's memory, and nobody would look for it.
                if let Err(left) = std::fs::remove_file(&part) {
                    tracing::debug!("{}: {left}", part.display());
                }
                return Err(from_libvirt("saving a memory for others", &e));
            }
            std::fs::rename(&part, &file).map_err(|e| from_io(&file, &e))?;
            size(&file).map_err(|e| from_io(&file, &e))
        })
        .await
}

fn save_to(domain: &Domain, file: &Path) -> Result<(), virt::error::Error> {
    use std::os::unix::ffi::OsStrExt as _;
    // A path that was checked has no NUL, so the error is never taken.
    let file = CString::new(file.as_os_str().as_bytes()).map_err(|_| virt::error::Error::last_error())?;
    // SAFETY: the domain is alive for the call, the name ends with a NUL. (The `virt` crate does not bind it.)
    let done = unsafe { sys::virDomainSave(domain.as_ptr(), file.as_ptr()) };
    if done < 0 { Err(virt::error::Error::last_error()) } else { Ok(()) }
}

/// Starts a guest from a memory that another one saved.
///
/// # Errors
/// The memory is gone or not of this make, libvirt or QEMU refuse, or the guest could not be given an identity of its own; then it
/// must not run on.
pub async fn start(libvirt: &Libvirt, request: StartFromMemory) -> Answer<DomainReport> {
    check_path(&request.memory.domain)?;
    libvirt
        .with(move |connection| {
            let spec = &request.vm;
            let host = domains::traits(connection, spec, domains::check_files(spec)?)?;
            let domain = match find(connection, spec.id)? {
                Some(domain) if domains::runs(&domain)? => domain,
                known => restore(connection, spec, &host, known, &image_file(&request.memory))?,
            };
            renew::identity(&domain, spec)?;
            plug(&domain, spec, &host)?;
            renew::network(&domain, spec);
            let gone = || refused(ErrorCode::Libvirt, format!("VM {} is gone right after its start", spec.name));
            domains::report(&domain)?.ok_or_else(gone)
        })
        .await
}

fn restore(
    connection: &Connect,
    spec: &VmSpec,
    host: &HostTraits,
    known: Option<Domain>,
    memory: &Path,
) -> Answer<Domain> {
    let failed = |e| from_libvirt(&format!("VM {} from a saved memory", spec.name), &e);
    let domain = domains::define(connection, spec, host, known)?;
    let bare = VmSpec { nics: Vec::new(), ..spec.clone() };
    let xml = build::domain(&bare, host).map_err(|e| refused(ErrorCode::Io, e.to_string()))?;
    let pipe = Pipe::new(spec)?;
    let given_up = Arc::new(AtomicBool::new(false));
    let feeder = feed(memory, xml, pipe.0.clone(), given_up.clone())?;
    let restored = connection.restore_domain_flags(&pipe.0.to_string_lossy(), None, sys::VIR_DOMAIN_SAVE_RUNNING);
    given_up.store(true, Ordering::Relaxed);
    let fed = feeder.join().unwrap_or_else(|_| Err(std::io::Error::other("the thread that feeds it ended early")));
    match restored {
        Ok(()) => Ok(domain),
        Err(_) if is_active(&domain)? => Ok(domain),
        Err(e) => {
            let error = failed(e);
            let fed = fed.err().map_or_else(String::new, |e| format!(" (reading the memory: {e})"));
            Err(WireError { message: format!("{}{fed}", error.message), ..error })
        }
    }
}

/// A named pipe that goes with the value.
struct Pipe(PathBuf);

impl Pipe {
    fn new(spec: &VmSpec) -> Answer<Self> {
        let name = format!("vireo-memory-{}-{}", spec.id, uuid::Uuid::new_v4().simple());
        let own = |mode| nix::sys::stat::Mode::from_bits_truncate(mode);
        let session = std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from);
        let dirs = [Some(PathBuf::from("/run")), session, Some(std::env::temp_dir())];
        let mut why = None;
        for dir in dirs.into_iter().flatten() {
            let path = dir.join(&name);
            match nix::unistd::mkfifo(&path, own(0o600)) {
                Ok(()) => return Ok(Self(path)),
                Err(e) => why = Some(from_io(&path, &e.into())),
            }
        }
        Err(why.unwrap_or_else(|| refused(ErrorCode::Io, "no folder takes a pipe")))
    }
}

impl Drop for Pipe {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

/// Feeds the pipe in a thread until QEMU has all of it, or does not want it.
fn feed(
    memory: &Path,
    xml: String,
    pipe: PathBuf,
    given_up: Arc<AtomicBool>,
) -> Answer<std::thread::JoinHandle<std::io::Result<()>>> {
    let mut source = File::open(memory).map_err(|e| from_io(memory, &e))?;
    let stream = stream_start(&mut source).map_err(|e| from_io(memory, &e))?;
    source.seek(SeekFrom::Start(stream)).map_err(|e| from_io(memory, &e))?;
    Ok(std::thread::spawn(move || {
        let Some(mut sink) = open_sink(&pipe, &given_up)? else { return Ok(()) };
        sink.write_all(&header(&xml)?)?;
        sink.write_all(xml.as_bytes())?;
        sink.write_all(&[0])?;
        match std::io::copy(&mut source, &mut sink) {
            // QEMU closes it when it has read the stream's end.
            Err(e) if e.kind() != ErrorKind::BrokenPipe => Err(e),
            _ => Ok(()),
        }
    }))
}

/// Opened for writing once libvirt reads it; none: it never did.
fn open_sink(pipe: &Path, given_up: &AtomicBool) -> std::io::Result<Option<File>> {
    let nonblocking = nix::fcntl::OFlag::O_NONBLOCK;
    loop {
        match OpenOptions::new().write(true).custom_flags(nonblocking.bits()).open(pipe) {
            Ok(sink) => {
                nix::fcntl::fcntl(&sink, nix::fcntl::FcntlArg::F_SETFL(nix::fcntl::OFlag::empty()))?;
                return Ok(Some(sink));
            }
            Err(e) if e.raw_os_error() == Some(nix::errno::Errno::ENXIO as i32) => {
                if given_up.load(Ordering::Relaxed) {
                    return Ok(None);
                }
                std::thread::sleep(Duration::from_millis(2));
            }
            Err(e) => return Err(e),
        }
    }
}

/// Where QEMU's stream begins in a saved memory.
fn stream_start(source: &mut File) -> std::io::Result<u64> {
    let mut header = [0; HEADER_BYTES];
    source.read_exact(&mut header)?;
    let number = |at: usize| {
        let mut bytes = [0; 4];
        bytes.copy_from_slice(&header[at..at + 4]);
        u32::from_ne_bytes(bytes)
    };
    let (version, length, compressed) = (number(16), number(20), number(28));
    if &header[..16] != MAGIC || version != VERSION || compressed != 0 || length > MAX_XML_BYTES {
        let what = "it is not a saved memory of the kind that libvirt 9 writes";
        return Err(std::io::Error::new(ErrorKind::InvalidData, what));
    }
    Ok(HEADER_BYTES as u64 + u64::from(length))
}

/// The header before `xml`: it ran, nothing is compressed, no cookie follows.
fn header(xml: &str) -> std::io::Result<Vec<u8>> {
    let length = u32::try_from(xml.len() + 1).map_err(std::io::Error::other)?;
    let mut header = MAGIC.to_vec();
    for number in [VERSION, length, 1, 0, 0] {
        header.extend(number.to_ne_bytes());
    }
    header.resize(HEADER_BYTES, 0);
    Ok(header)
}

/// Plugs its network cards in; those that are in already stay.
fn plug(domain: &Domain, spec: &VmSpec, host: &HostTraits) -> Answer<()> {
    let failed = |e| from_libvirt(&format!("the network cards of VM {}", spec.name), &e);
    let now = domain.xml_desc(0).map_err(failed)?.to_lowercase();
    for nic in spec.nics.iter().filter(|nic| !now.contains(&nic.mac.to_string().to_lowercase())) {
        let xml = build::nic_device(nic, host).map_err(|e| refused(ErrorCode::Io, e.to_string()))?;
        domain.attach_device_flags(&xml, sys::VIR_DOMAIN_AFFECT_LIVE).map_err(failed)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(bytes: &[u8]) -> File {
        let mut file = tempfile();
        file.write_all(bytes).unwrap();
        file.seek(SeekFrom::Start(0)).unwrap();
        file
    }

    fn tempfile() -> File {
        let path = std::env::temp_dir().join(format!("vireo-memory-{}", uuid::Uuid::new_v4()));
        let file = OpenOptions::new().read(true).write(true).create_new(true).open(&path).unwrap();
        std::fs::remove_file(path).unwrap();
        file
    }

    #[test]
    fn finds_the_stream_behind_its_own_header() {
        let mut whole = header("<domain/>").unwrap();
        whole.extend(b"<domain/>\0QEVM");
        assert_eq!(stream_start(&mut file(&whole)).unwrap(), whole.len() as u64 - 4);
    }

    #[test]
    fn refuses_what_is_no_saved_memory() {
        for bad in [b"short".to_vec(), vec![b'x'; 200], {
            let mut compressed = header("<domain/>").unwrap();
            compressed[28] = 1;
            compressed
        }] {
            assert!(stream_start(&mut file(&bad)).is_err());
        }
    }
}
