//! Same-page merging runs on hosts that run pools' VMs, which are much alike, and where the cluster says so.

use crate::db::Db;
use crate::engine::{Engine, EngineError};
use crate::store::hosts;
use crate::store::scheduling::places;
use crate::wire::EnableKsm;
use std::sync::Arc;

/// Switches it on where it is of use; who switched it off on a host without pools' VMs is left alone.
///
/// # Errors
/// The database failed.
pub(in crate::engine) async fn keep(engine: &Arc<Engine>) -> Result<(), EngineError> {
    let find = |db: &mut Db| {
        let mut wanted = hosts::list::with_pool_vms(db)?;
        for (cluster, _) in places::all_settings(db)?.into_iter().filter(|(_, settings)| settings.ksm) {
            wanted.extend(places::facts(db, cluster)?.into_iter().map(|(host, _)| host));
        }
        Ok::<_, EngineError>(wanted)
    };
    let wanted = engine.db.read(find).await?;
    for host in wanted.into_iter().filter(|host| engine.live.host(*host).ksm_saved_mib.is_none()) {
        if let Err(error) = engine.call(host, &EnableKsm {}).await {
            tracing::debug!(%host, %error, "same-page merging could not be switched on");
        }
    }
    Ok(())
}
