//! Consoles: tickets, and the byte stream to a guest's display.

use crate::engine::{Cx, Engine, EngineError};
use crate::model::ids::{SessionId, UserId, VmId};
use std::sync::Arc;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::watch;

/// Both directions of a display's socket.
pub trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// An open console. It is counted as long as the value lives; dropping it tells the events.
pub struct Console {
    pub stream: Box<dyn Stream>,
    pub vm_name: String,
    pub user: UserId,
    pub session: SessionId,
    /// Turns to `Some` when the console must close.
    pub closing: watch::Receiver<Option<Closing>>,
}

/// Why a console is closed from our side.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Closing {
    /// Close code 4401.
    SessionEnded,
    /// Close code 4403.
    PermissionWithdrawn,
    /// Close code 4404.
    VmStopped,
}

/// A one-time ticket for the VM's console, valid 120 seconds.
///
/// # Errors
/// The actor may not connect to it, or it does not run.
pub async fn ticket(_cx: &Cx, _id: VmId) -> Result<String, EngineError> {
    Err(EngineError::Internal(String::new()))
}

/// Redeems a ticket and connects to the display.
///
/// # Errors
/// The ticket is not good, or the host cannot open the display.
pub async fn open(_engine: &Arc<Engine>, _id: VmId, _ticket: &str) -> Result<Console, EngineError> {
    Err(EngineError::Internal(String::new()))
}
