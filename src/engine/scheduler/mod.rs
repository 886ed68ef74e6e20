//! Where a VM runs: filters take hosts out, weights rank the rest, the best rank wins (oVirt's scheduling).
//!
//! Decisions are pure functions of a [`Cluster`] (the hosts with what they have promised and how busy they are) and a [`Need`] (what
//! the VM asks for): a start, a migration, a plan for an emptied or lost host, and a simulation all take the same way.

pub mod affinity;
mod balance;
pub(in crate::engine) mod balancing;
mod cluster;
mod decide;
mod filters;
mod need;
pub mod placement;
pub mod policies;
mod power;
mod rank;
pub mod simulation;
#[cfg(test)]
mod tests;
pub mod what_if;

pub use cluster::KnownFacts;
pub(in crate::engine) use cluster::{Candidate, Cluster};
pub use decide::{Decision, Explained, Weighed};
pub(in crate::engine) use decide::{choose, explain, kept};
pub(in crate::engine) use need::{Membership, Need, Tie};

use crate::db::Db;
use crate::engine::{Engine, EngineError};
use crate::model::ids::HostId;
use crate::store::scheduling::places;
use crate::store::vms::launch::Launch;
use std::sync::Arc;

/// Clusters are looked at anew once the running write transaction is kept.
pub(in crate::engine) fn wake(engine: &Arc<Engine>) {
    let engine = engine.clone();
    crate::db::after_commit(move || engine.reconcilers.wake("balancing"));
}

/// Chooses a host, in the caller's write transaction; why it was chosen is kept with the VM.
///
/// # Errors
/// No host of its cluster can run it, or the database failed.
pub(in crate::engine) fn settle_on(engine: &Engine, db: &mut Db, vm: &Launch, tie: Tie) -> Result<HostId, EngineError> {
    let need = Need::load(db, vm, tie)?;
    settle(engine, db, vm, &need)
}

/// The same, but none of the hosts that could not start it.
///
/// # Errors
/// No other host can run it, or the database failed.
pub(in crate::engine) fn settle_elsewhere(
    engine: &Engine,
    db: &mut Db,
    vm: &Launch,
    tried: Vec<HostId>,
) -> Result<HostId, EngineError> {
    let need = Need { tried, ..Need::load(db, vm, Tie::None)? };
    settle(engine, db, vm, &need)
}

fn settle(engine: &Engine, db: &mut Db, vm: &Launch, need: &Need) -> Result<HostId, EngineError> {
    let cluster = Cluster::load(engine, db, vm.cluster)?;
    let (host, all) = choose(&cluster, need)?;
    let decision = serde_json::to_string(&kept(&cluster, host, &all)).unwrap_or_default();
    places::keep_decision(db, vm.vm, engine.clock.now(), &decision)?;
    Ok(host)
}
