//! Same-page merging runs on hosts that run pools' VMs, which are much alike, and on all of a cluster that is set so.

use crate::engine::{Engine, EngineError};
use crate::model::ids::HostId;
use crate::store::hosts;
use crate::store::scheduling::places;
use crate::wire::EnableKsm;
use std::collections::BTreeSet;
use std::sync::Arc;

/// Switches it on where it is of use; who switched it off on a host without pools' VMs is left alone.
///
/// # Errors
/// The database failed.
pub(in crate::engine) async fn keep(engine: &Arc<Engine>) -> Result<(), EngineError> {
    let wanted = engine.db.read(|db| {
        let mut wanted: BTreeSet<HostId> = hosts::list::with_pool_vms(db)?.into_iter().collect();
        for (cluster, _) in places::all_settings(db)?.into_iter().filter(|(_, settings)| settings.ksm) {
            wanted.extend(places::facts(db, cluster)?.into_iter().map(|(host, _)| host));
        }
        Ok::<_, EngineError>(wanted)
    });
    for host in wanted.await?.into_iter().filter(|host| engine.live.host(*host).ksm_saved_mib.is_none()) {
        if let Err(error) = engine.call(host, &EnableKsm {}).await {
            tracing::debug!(%host, %error, "same-page merging could not be switched on");
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::clusters;
    use crate::engine::testing::Bench;

    #[tokio::test(flavor = "multi_thread")]
    async fn a_cluster_that_is_set_so_merges_without_pools() {
        let b = Bench::new().await;
        keep(&b.engine).await.unwrap();
        assert_eq!(b.agent.calls("enable_ksm"), 0);
        let merging = clusters::edit(&b.cx, b.cluster, |mut old| {
            old.settings.ksm = true;
            Ok(old)
        });
        merging.await.unwrap();
        keep(&b.engine).await.unwrap();
        assert!(b.agent.calls("enable_ksm") > 0);
    }
}
