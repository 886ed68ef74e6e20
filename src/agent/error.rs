//! Why the agent cannot do it.

use crate::wire::{ErrorCode, WireError};
use std::path::Path;
use virt::error::{ErrorNumber, ErrorNumberEnum};

/// The agent cannot start or go on.
#[derive(Debug, thiserror::Error)]
pub enum AgentError {
    #[error("the agent cannot listen on {address}: {source}")]
    Listen { address: std::net::SocketAddr, source: std::io::Error },
    #[error(transparent)]
    Pki(#[from] crate::wire::tls::TlsError),
    #[error("no libvirtd can be had: {0}")]
    Libvirtd(String),
}

/// A wire error with this code.
pub fn refused(code: ErrorCode, message: impl Into<String>) -> WireError {
    WireError { code, message: message.into() }
}

/// What libvirt's error means to the engine.
pub fn from_libvirt(what: &str, error: &virt::error::Error) -> WireError {
    let code = match error.code() {
        ErrorNumberEnum::Known(ErrorNumber::NoDomain | ErrorNumber::NoNetwork | ErrorNumber::NoDomainSnapshot) => {
            ErrorCode::NotFound
        }
        ErrorNumberEnum::Known(ErrorNumber::OperationInvalid) => ErrorCode::WrongState,
        ErrorNumberEnum::Known(
            ErrorNumber::Rpc | ErrorNumber::NoConnect | ErrorNumber::InvalidConn | ErrorNumber::SystemError,
        ) if is_connection_loss(error.message()) => ErrorCode::LibvirtGone,
        _ if error.message().contains("No space left") => ErrorCode::NoSpace,
        _ => ErrorCode::Libvirt,
    };
    refused(code, format!("{what}: {}", error.message()))
}

/// libvirt has no number of its own for a server that went away.
fn is_connection_loss(message: &str) -> bool {
    ["onnection", "socket", "Broken pipe", "End of file", "keepalive", "client"].iter().any(|w| message.contains(w))
}

/// What an I/O error on `path` means to the engine.
pub fn from_io(path: &Path, error: &std::io::Error) -> WireError {
    let code = match error.kind() {
        std::io::ErrorKind::NotFound => ErrorCode::NotFound,
        std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded => ErrorCode::NoSpace,
        _ => ErrorCode::Io,
    };
    refused(code, format!("{}: {error}", path.display()))
}
