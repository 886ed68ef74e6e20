//! The displays of this machine's guests, for an engine that runs in one process with the agent: the socket itself changes hands, where
//! two TLS sessions and three copies would lie between two processes.

use super::WireError;
use crate::model::ids::VmId;
use crate::model::vm::Display;
use futures_util::future::BoxFuture;
use std::sync::Arc;
use tokio::net::UnixStream;

type Opening = BoxFuture<'static, Result<UnixStream, WireError>>;

/// Opens displays; refuses as the agent does over the network.
#[derive(Clone)]
pub struct Displays(Arc<dyn Fn(VmId, Display) -> Opening + Send + Sync>);

impl Displays {
    /// What `open` opens.
    pub fn new<F>(open: impl Fn(VmId, Display) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<UnixStream, WireError>> + Send + 'static,
    {
        Self(Arc::new(move |vm, display| Box::pin(open(vm, display))))
    }

    /// Connects to a guest's display.
    ///
    /// # Errors
    /// The VM does not run or has no such display.
    pub async fn open(&self, vm: VmId, display: Display) -> Result<UnixStream, WireError> {
        (self.0)(vm, display).await
    }
}

impl std::fmt::Debug for Displays {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Displays")
    }
}
