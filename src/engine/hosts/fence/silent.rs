//! Hosts that do not respond are fenced by the engine itself, as the fencing policy of their cluster says.

use super::{FenceType, begin};
use crate::db::Db;
use crate::engine::hosts::enrol::about;
use crate::engine::hosts::kdump::STARTS;
use crate::engine::jobs::{self, NewJob};
use crate::engine::{Engine, EngineError};
use crate::model::cluster_settings::FencingPolicy;
use crate::model::event::EventCode;
use crate::model::host::HostStatus;
use crate::model::ids::{HostId, JobId};
use crate::store::hosts::fence::{self as store, Turn};
use crate::store::hosts::kdump;
use crate::store::hosts::write::{self, HostRow};
use crate::store::scheduling::places;
use std::sync::Arc;

/// Fences hosts that do not respond. Not right after the engine's own start: it was away itself then; and not one that was tried a moment
/// ago, by whatever engine: that is a row.
///
/// # Errors
/// The database failed.
pub(in crate::engine) async fn fence_silent(engine: &Arc<Engine>) -> Result<(), EngineError> {
    if engine.hosts.watched_for() < engine.timing.fence_delay {
        return Ok(());
    }
    for host in engine.db.read(|db| Ok::<_, EngineError>(store::silent(db)?)).await? {
        let inner = engine.clone();
        if let Some(job) = engine.db.write(move |db| fence(&inner, db, host)).await? {
            jobs::kick(engine, job);
        }
    }
    Ok(())
}

fn fence(engine: &Arc<Engine>, db: &mut Db, host: HostId) -> Result<Option<JobId>, EngineError> {
    let Some(row) = write::row(db, host)?.filter(|row| row.status == HostStatus::NonResponsive) else {
        return Ok(None);
    };
    let now = engine.clock.now();
    let delay = time::Duration::try_from(engine.timing.fence_delay).unwrap_or_default();
    let listens = kdump::is_on(db, host)?;
    let first = if listens { STARTS } else { delay };
    let turn = store::take_turn(db, host, now, (now.saturating_add(first), now.saturating_add(delay)))?;
    if turn == Turn::NotYet || !permitted(engine, db, &row, turn)? {
        return Ok(None);
    }
    // It may have crashed, and will tell so in a moment.
    if listens && turn == Turn::First {
        return Ok(None);
    }
    match begin(db, &row, FenceType::Restart, &NewJob::own(engine, &row.name)) {
        Ok(job) => Ok(Some(job)),
        // Somebody is at it.
        Err(EngineError::Refused { .. } | EngineError::Conflict(_)) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Why a policy leaves a host alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Skip {
    Disabled,
    /// So many percent of the cluster's hosts are silent: it is the engine's own network, then.
    Connectivity {
        percent: usize,
    },
}

fn skip(policy: &FencingPolicy, hosts: usize, silent: usize) -> Option<Skip> {
    let percent = silent * 100 / hosts.max(1);
    if !policy.enabled {
        Some(Skip::Disabled)
    } else if policy.skip_if_silent_percent.is_some_and(|most| percent >= usize::from(most)) {
        Some(Skip::Connectivity { percent })
    } else {
        None
    }
}

/// What is skipped is told once for as long as the host is away.
fn permitted(engine: &Arc<Engine>, db: &mut Db, row: &HostRow, turn: Turn) -> Result<bool, EngineError> {
    let policy = places::settings(db, row.cluster)?.fencing;
    let (hosts, silent) = store::silent_of(db, row.cluster)?;
    let Some(why) = skip(&policy, hosts, silent) else { return Ok(true) };
    if turn == Turn::First {
        let about = about(row.id, &row.name);
        match why {
            Skip::Disabled => engine.tell(db, EventCode::FenceDisabled, about, "")?,
            Skip::Connectivity { percent } => {
                engine.tell(db, EventCode::FenceSkipped, about, &percent.to_string())?;
            }
        }
    }
    Ok(false)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::testing::Bench;
    use crate::model::cluster_settings::ClusterSettings;
    use crate::model::fence::FenceAgent;
    use crate::model::ids::FenceAgentId;
    use crate::store::hosts::fence::Armed;

    #[test]
    fn a_policy_says_when_hosts_are_left_alone() {
        let policy = FencingPolicy { skip_if_silent_percent: Some(50), ..FencingPolicy::default() };
        assert_eq!(skip(&FencingPolicy::default(), 2, 2), None);
        assert_eq!(skip(&policy, 3, 1), None);
        assert_eq!(skip(&policy, 2, 1), Some(Skip::Connectivity { percent: 50 }));
        assert_eq!(skip(&FencingPolicy { enabled: false, ..policy }, 3, 1), Some(Skip::Disabled));
    }

    fn silent_with(bench: &Bench, db: &mut Db, policy: FencingPolicy) -> Result<(), EngineError> {
        use crate::db::schema::cluster;
        use diesel::prelude::*;
        let settings = ClusterSettings { fencing: policy, ..ClusterSettings::default() }.to_json();
        diesel::update(cluster::table).set(cluster::settings.eq(settings)).execute(db)?;
        let row = write::row(db, bench.host)?.unwrap();
        write::set_status(db, &row, HostStatus::NonResponsive, "")?;
        let (kind, address, user, options) = ("redfish".to_owned(), "10.0.0.9".to_owned(), String::new(), [].into());
        let agent = FenceAgent { id: FenceAgentId::random(), host: bench.host, place: 1, kind, address, user, options };
        store::insert(db, &Armed { agent, sealed: String::new() })?;
        Ok(())
    }

    async fn tried_with(policy: FencingPolicy) -> (bool, Vec<String>) {
        let bench = Arc::new(Bench::new().await);
        let inner = bench.clone();
        let tried = bench.engine.db.write(move |db| {
            silent_with(&inner, db, policy)?;
            Ok::<_, EngineError>(fence(&inner.engine, db, inner.host)?.is_some())
        });
        let tried = tried.await.unwrap();
        let told = bench.events().await;
        (tried, told.into_iter().filter(|name| name.contains("FENCE")).collect())
    }

    #[tokio::test]
    async fn what_the_policy_forbids_is_told_and_not_done() {
        let usual = FencingPolicy::default();
        assert_eq!(tried_with(usual).await, (true, vec![]));
        let told = vec!["FENCE_DISABLED_IN_CLUSTER_POLICY".to_owned()];
        assert_eq!(tried_with(FencingPolicy { enabled: false, ..usual }).await, (false, told));
        let told = vec!["VDS_ALERT_FENCE_OPERATION_SKIPPED_BROKEN_CONNECTIVITY".to_owned()];
        assert_eq!(tried_with(FencingPolicy { skip_if_silent_percent: Some(50), ..usual }).await, (false, told));
    }

    #[tokio::test]
    async fn of_two_engines_one_has_the_turn_and_a_restart_brings_none() {
        let bench = Bench::new().await;
        let (host, now) = (bench.host, bench.engine.clock.now());
        let minutes = |n| now.saturating_add(time::Duration::minutes(n));
        let turn = async |at, next| {
            bench
                .engine
                .db
                .write(move |db| Ok::<_, EngineError>(store::take_turn(db, host, at, (next, next))?))
                .await
                .unwrap()
        };
        assert_eq!(turn(now, minutes(3)).await, Turn::First);
        assert_eq!(turn(minutes(1), minutes(4)).await, Turn::NotYet);
        assert_eq!(turn(minutes(3), minutes(6)).await, Turn::Again);
        assert_eq!(turn(minutes(3), minutes(6)).await, Turn::NotYet);
        bench.engine.db.write(move |db| Ok::<_, EngineError>(store::forget_turn(db, host)?)).await.unwrap();
        assert_eq!(turn(minutes(3), minutes(6)).await, Turn::First);
    }
}
