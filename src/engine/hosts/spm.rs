//! The storage pool manager (SPM): the host of a data center that does what concerns all of its storage.
//!
//! In oVirt it is the only host that writes the storage's metadata, so that a lost one must be fenced before another can follow. Here the
//! database holds what oVirt keeps on the storage, and jobs hold what they work on: a lost manager is simply followed by the next one,
//! and what it was doing is finished or undone by its job.

use crate::auth;
use crate::db::Db;
use crate::engine::changes::Topic;
use crate::engine::{Cx, Engine, EngineError};
use crate::model::conflict::Conflict;
use crate::model::event::{About, EventCode};
use crate::model::host::HostStatus;
use crate::model::ids::{DataCenterId, HostId};
use crate::model::permission::ObjectKind;
use crate::model::role::Action;
use crate::model::valid::{Invalid, Problem};
use crate::store::hosts::spm::{self as store, Contender};
use crate::store::hosts::write;
use crate::store::storage_domains;
use std::sync::Arc;

/// Never, and the highest of all.
pub const NEVER: i32 = -1;
const HIGHEST: i32 = 10;

/// The one that is to be it: who is it stays as long as it can.
fn elected(all: &[Contender], now: Option<HostId>) -> Option<HostId> {
    let able = || all.iter().filter(|one| one.status == HostStatus::Up && one.priority > NEVER);
    let stays = able().find(|one| Some(one.host) == now);
    // The first by name of those with the highest priority.
    let best = || {
        able().fold(None::<&Contender>, |best, one| match best {
            Some(best) if best.priority >= one.priority => Some(best),
            _ => Some(one),
        })
    };
    stays.or_else(best).map(|one| one.host)
}

/// Gives each data center a manager.
///
/// # Errors
/// The database failed.
pub(in crate::engine) async fn elect(engine: &Arc<Engine>) -> Result<(), EngineError> {
    let due = |db: &mut Db| {
        let mut due = Vec::new();
        for (center, _, now) in store::all(db)? {
            if elected(&store::contenders(db, center)?, now) != now {
                due.push(center);
            }
        }
        Ok::<_, EngineError>(due)
    };
    for center in engine.db.read(due).await? {
        let inner = engine.clone();
        engine.db.write(move |db| elect_for(&inner, db, center)).await?;
    }
    Ok(())
}

fn elect_for(engine: &Arc<Engine>, db: &mut Db, center: DataCenterId) -> Result<(), EngineError> {
    let (all, now) = (store::contenders(db, center)?, store::of(db, center)?);
    let next = elected(&all, now);
    if next == now {
        return Ok(());
    }
    store::set(db, center, next)?;
    told(engine, &[now, next]);
    match all.into_iter().find(|one| Some(one.host) == next) {
        Some(one) => engine.tell(db, EventCode::SpmElected, about(one.host, &one.name), ""),
        None => {
            let name = store::all(db)?.into_iter().find(|one| one.0 == center).map(|one| one.1);
            engine.tell(db, EventCode::SpmNone, About::default(), &name.unwrap_or_default())
        }
    }
}

/// Makes a host the manager of its data center.
///
/// # Errors
/// Refused, it is not up or may never be it, hidden, or the database failed.
pub async fn select(cx: &Cx, host: HostId) -> Result<(), EngineError> {
    let inner = cx.clone();
    cx.engine
        .db
        .write(move |db| {
            auth::check(db, &inner.actor, Action::ManipulateHost, host.object())?;
            let center = center_of(db, host)?;
            let all = store::contenders(db, center)?;
            let one = all.into_iter().find(|one| one.host == host).ok_or_else(|| missing(host))?;
            if one.status != HostStatus::Up || one.priority <= NEVER {
                return Err(Conflict::NoSpm { host: one.name }.into());
            }
            let now = store::of(db, center)?;
            store::set(db, center, Some(host))?;
            told(&inner.engine, &[now, Some(host)]);
            inner.tell(db, EventCode::SpmSelected, about(host, &one.name), "")
        })
        .await
}

/// Sets how readily a host becomes it: −1 never, else the highest first.
///
/// # Errors
/// Refused, out of range, hidden, or the database failed.
pub async fn set_priority(cx: &Cx, host: HostId, priority: i32) -> Result<(), EngineError> {
    if !(NEVER..=HIGHEST).contains(&priority) {
        let allowed = format!("{NEVER}, 0 … {HIGHEST}");
        return Err(Invalid::new("spm.priority", Problem::NotOneOf { value: priority.to_string(), allowed }).into());
    }
    let inner = cx.clone();
    cx.engine
        .db
        .write(move |db| {
            auth::check(db, &inner.actor, Action::EditHostConfiguration, host.object())?;
            let row = write::row(db, host)?.ok_or_else(|| missing(host))?;
            store::set_priority(db, host, priority)?;
            told(&inner.engine, &[Some(host)]);
            inner.tell(db, EventCode::HostEdited, about(host, &row.name), "")?;
            let center = center_of(db, host)?;
            elect_for(&inner.engine, db, center)
        })
        .await
}

fn center_of(db: &mut Db, host: HostId) -> Result<DataCenterId, EngineError> {
    let row = write::row(db, host)?.ok_or_else(|| missing(host))?;
    storage_domains::data_center_of(db, row.cluster)?.ok_or_else(|| missing(host))
}

fn missing(host: HostId) -> EngineError {
    EngineError::NotFound { kind: "host", id: host.to_string() }
}

fn about(host: HostId, name: &str) -> About {
    About { host: Some((host, name.to_owned())), ..About::default() }
}

fn told(engine: &Arc<Engine>, hosts: &[Option<HostId>]) {
    for host in hosts.iter().flatten() {
        engine.changed(Topic::Object(ObjectKind::Host), Some(host.0));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::testing::Bench;

    fn one(n: u128, status: HostStatus, priority: i32) -> Contender {
        Contender { host: HostId::fixed(n), name: n.to_string(), status, priority }
    }

    #[test]
    fn the_highest_priority_follows_and_who_is_it_stays() {
        let up = HostStatus::Up;
        let all = [one(1, up, 5), one(2, up, 10), one(3, up, 10), one(4, HostStatus::Maintenance, 10)];
        assert_eq!(elected(&all, None), Some(HostId::fixed(2)));
        assert_eq!(elected(&all, Some(HostId::fixed(1))), Some(HostId::fixed(1)));
        assert_eq!(elected(&all, Some(HostId::fixed(4))), Some(HostId::fixed(2)), "it went to maintenance");
        assert_eq!(elected(&[one(1, up, NEVER)], Some(HostId::fixed(1))), None);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn the_only_host_is_it_unless_it_may_not_be() {
        let bench = Bench::new().await;
        elect(&bench.engine).await.unwrap();
        let view = || crate::engine::catalog::host(&bench.cx, bench.host);
        assert!(view().await.unwrap().spm);
        set_priority(&bench.cx, bench.host, NEVER).await.unwrap();
        assert!(!view().await.unwrap().spm);
        assert!(select(&bench.cx, bench.host).await.unwrap_err().to_string().contains("storage pool manager"));
        let wrong = set_priority(&bench.cx, bench.host, 11).await.unwrap_err().to_string();
        assert!(wrong.contains("spm.priority"), "{wrong}");
        set_priority(&bench.cx, bench.host, 0).await.unwrap();
        let now = view().await.unwrap();
        assert!(now.spm && now.spm_priority == 0);
        select(&bench.cx, bench.host).await.unwrap();
    }
}
