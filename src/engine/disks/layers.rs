//! Throw-away layers of stateless VMs.

use crate::engine::{Engine, EngineError};
use crate::model::ids::VmId;
use std::sync::Arc;

/// Puts a fresh throw-away layer over each disk of the VM; one that is left from before goes first.
///
/// # Errors
/// The host cannot make it.
pub(in crate::engine) async fn create_stateless(_engine: &Arc<Engine>, _vm: VmId) -> Result<(), EngineError> {
    Ok(())
}

/// Throws the layers away. None there: fine.
///
/// # Errors
/// The host cannot remove it.
pub(in crate::engine) async fn drop_stateless(_engine: &Arc<Engine>, _vm: VmId) -> Result<(), EngineError> {
    Ok(())
}
