//! Why a VM is where it is, and where else it could be.

use super::decide::Decision;
use super::{Cluster, Explained, Need, Tie, explain};
use crate::auth;
use crate::engine::vms::{migrate, state};
use crate::engine::{Cx, EngineError};
use crate::model::clock::Timestamp;
use crate::model::ids::{HostId, VmId};
use crate::model::vm::VmAction;
use crate::store::scheduling::places;

/// A VM among the hosts of its cluster.
#[derive(Debug)]
pub struct Placement {
    pub vm: VmId,
    pub name: String,
    pub policy: String,
    /// Where it runs.
    pub host: Option<HostId>,
    pub host_name: String,
    /// Each host as it is now.
    pub hosts: Vec<Explained>,
    /// How it was sent to the host that it went to last.
    pub last: Option<(Timestamp, Decision)>,
}

/// The hosts of a VM's cluster as the next decision would see them, and the last decision.
///
/// # Errors
/// Refused, hidden, or the database failed.
pub async fn placement(cx: &Cx, vm: VmId) -> Result<Placement, EngineError> {
    let inner = cx.clone();
    cx.engine
        .db
        .read(move |db| {
            auth::check(db, &inner.actor, VmAction::Migrate.permit(), vm.object())?;
            let (run, config) = (state::load(db, vm)?, migrate::config(db, vm)?);
            let host = run.host.filter(|_| run.observed.is_living());
            let cluster = Cluster::load(&inner.engine, db, config.cluster)?;
            let need = Need::load(db, &config, host.map_or(Tie::None, |from| Tie::From(from, None)))?;
            let last = places::decision(db, vm)?;
            Ok(Placement {
                vm,
                name: config.name.clone(),
                policy: cluster.policy.name.clone(),
                host,
                host_name: if host.is_some() { run.host_name } else { String::new() },
                hosts: explain(&cluster, &need),
                last: last.and_then(|(at, text)| Some((at, serde_json::from_str(&text).ok()?))),
            })
        })
        .await
}
