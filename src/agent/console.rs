//! A guest's display as a byte stream: libvirt hands over a socket to QEMU, no TCP port is ever open.

use super::connection::Libvirt;
use super::error::{from_libvirt, refused};
use crate::model::ids::VmId;
use crate::model::vm::Display;
use crate::wire::stream::piece;
use crate::wire::{ErrorCode, WireError};
use std::os::fd::{FromRawFd, OwnedFd, RawFd};
use std::os::unix::net::UnixStream as StdUnixStream;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::net::UnixStream;
use virt_sys as sys;

/// Connects to the display.
///
/// # Errors
/// The VM does not run or has no such display.
pub async fn open(libvirt: &Libvirt, vm: VmId, display: Display) -> Result<UnixStream, WireError> {
    let fd = libvirt.with(move |connection| {
        let failed = |e| from_libvirt(&format!("the console of VM {vm}"), &e);
        let domain = connection.lookup_domain_by_uuid_string(&vm.to_string()).map_err(failed)?;
        let xml = domain.xml_desc(0).map_err(failed)?;
        if super::xml::parse::attribute(&xml, "devices/graphics", "type").as_deref() != Some(display.as_str()) {
            return Err(refused(ErrorCode::NotFound, format!("VM {vm} has no {display} display")));
        }
        let fd = domain.open_graphics_fd(0, sys::VIR_DOMAIN_OPEN_GRAPHICS_SKIPAUTH).map_err(failed)?;
        RawFd::try_from(fd).map_err(|_| refused(ErrorCode::Libvirt, "libvirt gave no socket"))
    });
    let fd = fd.await?;
    // SAFETY: virDomainOpenGraphicsFD gives the caller a new descriptor that nobody else holds.
    let owned = unsafe { OwnedFd::from_raw_fd(fd) };
    let socket = StdUnixStream::from(owned);
    let ready = || {
        socket.set_nonblocking(true)?;
        UnixStream::from_std(socket)
    };
    ready().map_err(|e| refused(ErrorCode::Io, format!("the console's socket cannot be used: {e}")))
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

async fn pump(mut from: impl AsyncRead + Unpin, mut to: impl AsyncWrite + Unpin) -> std::io::Result<()> {
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
