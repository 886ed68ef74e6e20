//! Why the agent cannot do it.

use crate::wire::{ErrorCode, WireError};
use std::path::Path;
use virt::error::{ErrorDomain, ErrorDomainEnum, ErrorNumber, ErrorNumberEnum};

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
        _ if is_connection_loss(error) => ErrorCode::LibvirtGone,
        _ if error.message().contains("No space left") => ErrorCode::NoSpace,
        _ => ErrorCode::Libvirt,
    };
    refused(code, format!("{what}: {}", error.message()))
}

/// libvirt has no number of its own for a server that went away: the transport says it in several ways (end of file, broken pipe,
/// keep-alive, client socket is closed).
fn is_connection_loss(error: &virt::error::Error) -> bool {
    use ErrorNumber as N;
    let transport = matches!(error.domain(), ErrorDomainEnum::Known(ErrorDomain::Rpc | ErrorDomain::Remote));
    let kind = matches!(
        error.code(),
        ErrorNumberEnum::Known(N::Rpc | N::NoConnect | N::InvalidConn | N::SystemError | N::InternalError)
    );
    transport && kind
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
