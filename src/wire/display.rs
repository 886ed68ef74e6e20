//! The consoles of this machine's guests, for an engine that runs in one process with the agent: the socket itself changes hands, where
//! two TLS sessions and three copies would lie between two processes.

use super::WireError;
use crate::model::console::ConsoleKind;
use crate::model::ids::VmId;
use futures_util::future::BoxFuture;
use std::sync::Arc;
use tokio::net::UnixStream;

type Opening = BoxFuture<'static, Result<UnixStream, WireError>>;

/// Opens displays; refuses as the agent does over the network.
#[derive(Clone)]
pub struct Displays(Arc<dyn Fn(VmId, ConsoleKind) -> Opening + Send + Sync>);

impl Displays {
    /// What `open` opens.
    pub fn new<F>(open: impl Fn(VmId, ConsoleKind) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<UnixStream, WireError>> + Send + 'static,
    {
        Self(Arc::new(move |vm, kind| Box::pin(open(vm, kind))))
    }

    /// Connects to a guest's display or serial line.
    ///
    /// # Errors
    /// The VM does not run or has no such console.
    pub async fn open(&self, vm: VmId, kind: ConsoleKind) -> Result<UnixStream, WireError> {
        (self.0)(vm, kind).await
    }
}

impl std::fmt::Debug for Displays {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Displays")
    }
}
