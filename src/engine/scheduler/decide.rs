//! The decision, and why it was taken.

use super::cluster::most_memory;
use super::{Cluster, Need, Tie, filters, rank};
use crate::engine::EngineError;
use crate::engine::vms::admit::refuse;
use crate::model::conflict::NoRoom;
use crate::model::ids::HostId;
use crate::model::scheduling::Weight;
use crate::model::valid::{Invalid, Problem};
use crate::model::vm::{Refusal, VmAction};
use serde::{Deserialize, Serialize};
use std::cmp::Reverse;

/// So many hosts of a decision are kept, the best first.
const KEPT: usize = 16;

/// What speaks for a host.
#[derive(Debug, Clone, PartialEq)]
pub struct Weighed {
    /// The sum of its ranks; the least wins.
    pub points: u64,
    /// MiB that would stay free.
    pub free_mib: u64,
    /// Each weight with its score and how many hosts are better in it.
    pub weights: Vec<(Weight, f32, u32)>,
}

/// A host as a place for a VM.
#[derive(Debug, Clone, PartialEq)]
pub struct Explained {
    pub id: HostId,
    pub name: String,
    /// What speaks for it, or what stands against it.
    pub fits: Result<Weighed, NoRoom>,
}

/// What speaks for and against each host.
pub(in crate::engine) fn explain(cluster: &Cluster, need: &Need) -> Vec<Explained> {
    let refused = filters::refusals(cluster, need);
    let fit: Vec<_> = cluster.hosts.iter().zip(&refused).filter(|(_, no)| no.is_none()).map(|(host, _)| host).collect();
    let mut ranks = rank::rank(cluster, need, &fit).into_iter();
    let one = |(host, no): (&super::Candidate, Option<NoRoom>)| {
        let fits = match no {
            Some(no) => Err(no),
            None => {
                let (points, weights) = ranks.next().unwrap_or_default();
                let free_mib = host.free_mib(&cluster.settings).0.saturating_sub(need.memory_mib);
                Ok(Weighed { points, free_mib, weights })
            }
        };
        Explained { id: host.id, name: host.name.clone(), fits }
    };
    cluster.hosts.iter().zip(refused).map(one).collect()
}

/// The best host: the least points, of equal ones that with most room.
///
/// # Errors
/// No host of the cluster can run it; says for each why.
pub(in crate::engine) fn choose(cluster: &Cluster, need: &Need) -> Result<(HostId, Vec<Explained>), EngineError> {
    let most = cluster.hosts.iter().map(|host| most_memory(&host.facts)).max().unwrap_or_default();
    let known = cluster.hosts.iter().any(|host| host.facts.memory_mib > 0);
    if known && need.memory_mib > most {
        return Err(Invalid::new("memory", Problem::MoreThanHost { available: most }).into());
    }
    let all = explain(cluster, need);
    match best(&all) {
        Some(host) => Ok((host, all)),
        None => {
            let hosts = all.into_iter().filter_map(|one| Some((one.name, one.fits.err()?))).collect();
            let action = if matches!(need.tie, Tie::From(..)) { VmAction::Migrate } else { VmAction::Run };
            Err(refuse(action, &need.name, Refusal::NoHost { hosts }))
        }
    }
}

fn best(all: &[Explained]) -> Option<HostId> {
    let fit = all.iter().filter_map(|one| Some((one.fits.as_ref().ok()?, one)));
    fit.min_by_key(|(weighed, _)| (weighed.points, Reverse(weighed.free_mib))).map(|(_, one)| one.id)
}

/// A host with its points and each weight's score.
pub type Fitted = (String, u64, Vec<(Weight, f32)>);

/// A decision as it is kept with its VM.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Decision {
    pub policy: String,
    pub chosen: String,
    /// Hosts that fitted, the best first, with their points and each weight's score.
    pub fitted: Vec<Fitted>,
    /// Hosts that did not, each with why, in English.
    pub refused: Vec<(String, String)>,
    /// Hosts that are not in these lists.
    pub more: usize,
}

/// What of a decision is kept.
pub(in crate::engine) fn kept(cluster: &Cluster, chosen: HostId, all: &[Explained]) -> Decision {
    let mut fitted: Vec<_> = all.iter().filter_map(|one| Some((one, one.fits.as_ref().ok()?))).collect();
    fitted.sort_by_key(|(one, weighed)| (one.id != chosen, weighed.points, Reverse(weighed.free_mib)));
    let refused: Vec<_> =
        all.iter().filter_map(|one| Some((one.name.clone(), one.fits.as_ref().err()?.to_string()))).collect();
    let more = fitted.len().saturating_sub(KEPT) + refused.len().saturating_sub(KEPT);
    let scores = |weighed: &Weighed| weighed.weights.iter().map(|(weight, score, _)| (*weight, *score)).collect();
    Decision {
        policy: cluster.policy.name.clone(),
        chosen: cluster.host(chosen).map(|host| host.name.clone()).unwrap_or_default(),
        fitted: fitted.iter().take(KEPT).map(|(one, w)| (one.name.clone(), w.points, scores(w))).collect(),
        refused: refused.into_iter().take(KEPT).collect(),
        more,
    }
}
