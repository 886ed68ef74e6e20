//! A power saving policy with EnableAutomaticHostPowerManagement powers hosts off that are not needed, and on again when they are.
//!
//! A host that it took out of use is a row of its own: one that a person put into maintenance is never woken. Such a host rests (it is in
//! maintenance, and told to go off), is off (down), and is woken by its fence agents.

use super::{Candidate, Cluster, balance};
use crate::db::Db;
use crate::engine::changes::Topic;
use crate::engine::hosts::fence;
use crate::engine::{Engine, EngineError};
use crate::model::conflict::Conflict;
use crate::model::event::{About, EventCode};
use crate::model::host::HostStatus;
use crate::model::ids::{ClusterId, HostId};
use crate::model::permission::ObjectKind;
use crate::model::scheduling::{Balance, Property};
use crate::store::hosts::rest as store;
use crate::store::hosts::write::{self, HostRow};
use crate::store::scheduling::places;
use crate::wire::host::PowerOff;
use std::sync::Arc;

/// What is to become of a cluster's hosts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Power {
    Nothing,
    Rest(HostId),
    /// One of those that rest.
    Wake,
}

/// One step. `resting`: how many rest; `able`: hosts that can be woken again.
fn step(cluster: &Cluster, resting: usize, able: &[HostId]) -> Power {
    let number = |property| cluster.number(property).unwrap_or(0);
    let asked =
        cluster.policy.balance == Balance::PowerSaving && number(Property::EnableAutomaticHostPowerManagement) == 1;
    let Some(limits) = balance::limits(cluster).filter(|_| asked) else {
        // It was asked for once, and is no more: what rests is given back.
        return if resting > 0 { Power::Wake } else { Power::Nothing };
    };
    let up: Vec<&Candidate> = cluster.hosts.iter().filter(|host| host.status == HostStatus::Up).collect();
    let idle: Vec<&&Candidate> = up.iter().filter(|host| host.promised.vms == 0).collect();
    let reserve = number(Property::HostsInReserve) as usize;
    let crowded =
        up.iter().any(|host| host.busy_for >= limits.long) && !up.iter().any(|host| host.expected_cpu() < limits.under);
    if resting > 0 && (idle.len() < reserve || crowded) {
        return Power::Wake;
    }
    // What is busy may be about to send guests to the idle one. The last one up is needed to wake the others.
    let calm = up.iter().all(|host| host.expected_cpu() < limits.high);
    let spare = idle.iter().rev().find(|host| !host.spm && able.contains(&host.id));
    match spare {
        Some(host) if calm && idle.len() > reserve && up.len() > 1 => Power::Rest(host.id),
        _ => Power::Nothing,
    }
}

/// Sees to the hosts of a cluster.
///
/// # Errors
/// The database failed.
pub(super) async fn keep(engine: &Arc<Engine>, id: ClusterId) -> Result<(), EngineError> {
    let inner = engine.clone();
    let (resting, next) = engine
        .db
        .read(move |db| {
            let cluster = Cluster::load(&inner, db, id)?;
            let mut able = store::can_wake(db, id)?;
            able.retain(|host| !inner.hosts.runs_here(*host));
            let mut resting = Vec::new();
            for host in store::of(db, id)? {
                resting.extend(write::row(db, host)?);
            }
            let next = step(&cluster, resting.len(), &able);
            Ok::<_, EngineError>((resting, next))
        })
        .await?;
    for host in &resting {
        go_on(engine, host).await?;
    }
    match next {
        Power::Nothing => Ok(()),
        Power::Rest(host) => rest(engine, host).await,
        Power::Wake => wake(engine, &resting).await,
    }
}

/// Takes an empty host out of use.
async fn rest(engine: &Arc<Engine>, host: HostId) -> Result<(), EngineError> {
    let inner = engine.clone();
    engine
        .db
        .write(move |db| {
            let Some(row) = write::row(db, host)?.filter(|row| row.status == HostStatus::Up) else { return Ok(()) };
            if !places::on_host(db, host)?.is_empty() {
                return Ok(());
            }
            if !write::set_status(db, &row, HostStatus::Maintenance, "")? {
                return Err(Conflict::ChangedMeanwhile.into());
            }
            store::add(db, host)?;
            told(&inner, db, &row, EventCode::PolicyRests)
        })
        .await
}

/// One that rests is told to go off until it is; what somebody else made of it is his.
async fn go_on(engine: &Arc<Engine>, host: &HostRow) -> Result<(), EngineError> {
    let (inner, row, id) = (engine.clone(), host.clone(), host.id);
    match host.status {
        HostStatus::Maintenance => match engine.call(id, &PowerOff {}).await {
            Err(EngineError::Unavailable(_)) => {
                engine
                    .db
                    .write(move |db| {
                        if write::set_status(db, &row, HostStatus::Down, "")? {
                            told(&inner, db, &row, EventCode::PolicyOff)?;
                        }
                        Ok::<_, EngineError>(())
                    })
                    .await
            }
            Err(error) => {
                tracing::warn!(host = %host.name, %error, "it does not go off");
                Ok(())
            }
            Ok(()) => Ok(()),
        },
        HostStatus::Down => Ok(()),
        _ => engine.db.write(move |db| Ok::<_, EngineError>(store::remove(db, id)?)).await,
    }
}

/// Brings the first back that can be.
async fn wake(engine: &Arc<Engine>, resting: &[HostRow]) -> Result<(), EngineError> {
    for host in resting {
        if host.status == HostStatus::Down
            && let Err(error) = fence::power_on(engine, host.id).await
        {
            tracing::warn!(host = %host.name, %error, "it cannot be powered on");
            continue;
        }
        let (inner, row) = (engine.clone(), host.clone());
        engine
            .db
            .write(move |db| {
                // One that is off is called until it answers; one that is not is greeted as new.
                if row.status == HostStatus::Maintenance && !write::set_status(db, &row, HostStatus::Unassigned, "")? {
                    return Err(Conflict::ChangedMeanwhile.into());
                }
                store::remove(db, row.id)?;
                told(&inner, db, &row, EventCode::PolicyWakes)
            })
            .await?;
        engine.hosts.hang_up(host.id);
        engine.reconcilers.wake("hosts");
        return Ok(());
    }
    Ok(())
}

fn told(engine: &Arc<Engine>, db: &mut Db, row: &HostRow, code: EventCode) -> Result<(), EngineError> {
    engine.changed(Topic::Object(ObjectKind::Host), Some(row.id.0));
    engine.tell(db, code, About { host: Some((row.id, row.name.clone())), ..About::default() }, "")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::scheduler::simulation::Simulation;
    use std::time::Duration;

    fn cluster(reserve: u32) -> Cluster {
        let mut cluster = Simulation::new("power_saving", 4, 0).unwrap().into_cluster();
        let set = &mut cluster.settings.scheduling.properties;
        set.insert(Property::EnableAutomaticHostPowerManagement, 1);
        set.insert(Property::HostsInReserve, reserve);
        cluster.hosts[0].promised.vms = 3;
        cluster
    }

    #[test]
    fn what_is_not_needed_rests_and_is_woken_when_it_is() {
        let mut all = cluster(1);
        let able: Vec<HostId> = all.hosts.iter().map(|host| host.id).collect();
        assert_eq!(step(&all, 0, &able), Power::Rest(able[3]), "three are idle, one is kept");
        assert_eq!(step(&all, 0, &[]), Power::Nothing, "nothing could wake it again");
        all.hosts[3].spm = true;
        assert_eq!(step(&all, 0, &able), Power::Rest(able[2]));
        all.hosts[1].promised.vms = 1;
        all.hosts[2].promised.vms = 1;
        assert_eq!(step(&all, 0, &able), Power::Nothing, "the reserve");
        all.hosts[3].promised.vms = 1;
        assert_eq!(step(&all, 0, &able), Power::Nothing, "none rests");
        assert_eq!(step(&all, 2, &able), Power::Wake, "the reserve is used up");
    }

    #[test]
    fn a_crowd_wakes_hosts_and_keeps_idle_ones_up() {
        let mut all = cluster(0);
        let able: Vec<HostId> = all.hosts.iter().map(|host| host.id).collect();
        all.hosts[0].cpu_percent = 90.0;
        assert_eq!(step(&all, 1, &able), Power::Nothing, "guests are about to go to the idle ones");
        for host in &mut all.hosts {
            (host.cpu_percent, host.busy_for) = (90.0, Duration::from_secs(300));
        }
        assert_eq!(step(&all, 1, &able), Power::Wake);
        all.settings.scheduling.properties.insert(Property::EnableAutomaticHostPowerManagement, 0);
        assert_eq!(step(&all, 0, &able), Power::Nothing, "nobody asks for it");
        assert_eq!(step(&all, 1, &able), Power::Wake, "nobody asks for it any more");
    }
}
