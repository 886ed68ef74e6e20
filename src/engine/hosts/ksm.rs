//! Same-page merging runs on hosts that run pools' VMs: they are much alike.

use crate::engine::{Engine, EngineError};
use crate::store::hosts;
use crate::wire::EnableKsm;
use std::sync::Arc;

/// Switches it on where it is of use; who switched it off on a host without pools' VMs is left alone.
///
/// # Errors
/// The database failed.
pub(in crate::engine) async fn keep(engine: &Arc<Engine>) -> Result<(), EngineError> {
    let wanted = engine.db.read(|db| Ok::<_, EngineError>(hosts::list::with_pool_vms(db)?)).await?;
    for host in wanted.into_iter().filter(|host| engine.live.host(*host).ksm_saved_mib.is_none()) {
        if let Err(error) = engine.call(host, &EnableKsm {}).await {
            tracing::debug!(%host, %error, "same-page merging could not be switched on");
        }
    }
    Ok(())
}
