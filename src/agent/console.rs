//! A guest's display or serial line as a byte stream: libvirt hands over a socket to QEMU, no TCP port is ever open.

use super::connection::Libvirt;
use super::error::{from_io, from_libvirt, refused};
use super::xml::parse;
use crate::model::console::ConsoleKind;
use crate::model::ids::VmId;
use crate::wire::stream::piece;
use crate::wire::{ErrorCode, WireError};
use std::os::fd::{FromRawFd, OwnedFd, RawFd};
use std::os::unix::fs::OpenOptionsExt as _;
use std::os::unix::net::UnixStream as StdUnixStream;
use std::path::{Path, PathBuf};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::net::unix::pipe;
use virt::domain::Domain;
use virt_sys as sys;

/// What libvirt gives of a console.
enum Found {
    Socket(OwnedFd),
    /// A serial line's other end.
    Terminal(PathBuf),
}

/// Connects to the display or serial line. Whoever was allowed this far needs no password.
///
/// # Errors
/// The VM does not run or has no such console.
pub async fn open(libvirt: &Libvirt, vm: VmId, kind: ConsoleKind) -> Result<UnixStream, WireError> {
    let found = libvirt.with(move |connection| {
        let failed = |e| from_libvirt(&format!("the console of VM {vm}"), &e);
        let domain = connection.lookup_domain_by_uuid_string(&vm.to_string()).map_err(failed)?;
        match kind {
            ConsoleKind::Serial => terminal(&domain, vm).map(Found::Terminal),
            ConsoleKind::Vnc | ConsoleKind::Spice => {
                display(&domain, vm, kind, sys::VIR_DOMAIN_OPEN_GRAPHICS_SKIPAUTH).map(Found::Socket)
            }
        }
    });
    match found.await? {
        Found::Socket(fd) => socket(fd),
        Found::Terminal(path) => serial(&path),
    }
}

/// A socket to the display.
pub(super) fn display(
    domain: &Domain,
    vm: VmId,
    kind: ConsoleKind,
    flags: sys::virDomainOpenGraphicsFlags,
) -> Result<OwnedFd, WireError> {
    let failed = |e| from_libvirt(&format!("the console of VM {vm}"), &e);
    let xml = domain.xml_desc(0).map_err(failed)?;
    let place = parse::graphics(&xml).iter().position(|own| own == kind.as_str());
    let none = || refused(ErrorCode::NotFound, format!("VM {vm} has no {kind} display"));
    let place = place.and_then(|n| u32::try_from(n).ok()).ok_or_else(none)?;
    let fd = domain.open_graphics_fd(place, flags).map_err(failed)?;
    let fd = RawFd::try_from(fd).map_err(|_| refused(ErrorCode::Libvirt, "libvirt gave no socket"))?;
    // SAFETY: virDomainOpenGraphicsFD gives the caller a new descriptor that nobody else holds.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

pub(super) fn socket(fd: OwnedFd) -> Result<UnixStream, WireError> {
    let socket = StdUnixStream::from(fd);
    let ready = || {
        socket.set_nonblocking(true)?;
        UnixStream::from_std(socket)
    };
    ready().map_err(|e| refused(ErrorCode::Io, format!("the console's socket cannot be used: {e}")))
}

/// The pseudo terminal of the first serial line.
fn terminal(domain: &Domain, vm: VmId) -> Result<PathBuf, WireError> {
    let xml = domain.xml_desc(0).map_err(|e| from_libvirt(&format!("the console of VM {vm}"), &e))?;
    parse::attribute(&xml, "devices/serial/source", "path")
        .filter(|path| path.starts_with("/dev/"))
        .map(PathBuf::from)
        .ok_or_else(|| refused(ErrorCode::WrongState, format!("VM {vm} does not run, or has no serial line")))
}

/// The terminal, carried to a socket as displays are.
fn serial(path: &Path) -> Result<UnixStream, WireError> {
    let failed = |e: std::io::Error| from_io(path, &e);
    let flags = nix::fcntl::OFlag::O_NOCTTY | nix::fcntl::OFlag::O_NONBLOCK;
    let line = std::fs::OpenOptions::new().read(true).write(true).custom_flags(flags.bits()).open(path);
    let line = line.map_err(failed)?;
    let from_line = pipe::Receiver::from_file_unchecked(line.try_clone().map_err(failed)?).map_err(failed)?;
    let to_line = pipe::Sender::from_file_unchecked(line).map_err(failed)?;
    let (near, far) = UnixStream::pair().map_err(failed)?;
    tokio::spawn(async move {
        let (from_people, to_people) = far.into_split();
        // Either side going away is how every console ends: not worth a log line.
        let _ = tokio::select! {
            ended = pump(from_people, to_line) => ended,
            ended = pump(from_line, to_people) => ended,
        };
    });
    Ok(near)
}

/// Carries bytes both ways until either side ends: then the other is closed at once.
pub async fn carry(engine: impl AsyncRead + AsyncWrite + Unpin, mut display: UnixStream) {
    let (from_engine, mut to_engine) = tokio::io::split(engine);
    let (from_display, to_display) = display.split();
    // Either side going away is how every console ends: not worth a log line.
    let _ = tokio::select! {
        ended = pump(from_engine, to_display) => ended,
        ended = pump(from_display, &mut to_engine) => ended,
    };
    let _ = to_engine.shutdown().await;
}

pub(super) async fn pump(mut from: impl AsyncRead + Unpin, mut to: impl AsyncWrite + Unpin) -> std::io::Result<()> {
    loop {
        let bytes = piece(&mut from).await?;
        if bytes.is_empty() {
            return Ok(());
        }
        to.write_all(&bytes).await?;
        // TLS keeps what the socket does not take at once until it is told to send it.
        to.flush().await?;
    }
}
