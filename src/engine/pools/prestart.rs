//! Keeps the wanted number of untaken VMs running, and gives back what a crash left taken.
//!
//! Pools that something happened in are looked at, at once; all pools now and then, by what runs and what is taken in them. While
//! nothing happens, nothing is read.

use super::{give_back, reclaim, reservations};
use crate::db::Db;
use crate::engine::jobs::{self, NewJob};
use crate::engine::quotas::Asker;
use crate::engine::vms::start::{self, StartVm};
use crate::engine::vms::state;
use crate::engine::{Engine, EngineError, templates};
use crate::model::clock::Timestamp;
use crate::model::conflict::Conflict;
use crate::model::event::{About, EventCode};
use crate::model::ids::{JobId, PoolId, VmId};
use crate::store::pools::{prestart as store, write as rows};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// All pools are looked at so often even if nobody told of anything: another engine may have changed them.
const SWEEP: Duration = Duration::from_secs(30);
/// So many of a pool are started ahead at the same time. People who wait for a VM to start come first: each takes one place.
const AT_ONCE: u32 = 4;
/// A pool that waits for others' starts is looked at again after this.
const SOON: Duration = Duration::from_secs(2);
/// After a failure it is tried again after this, doubled with each in a row.
const FIRST_WAIT: time::Duration = time::Duration::seconds(5);
const LONGEST_WAIT: time::Duration = time::Duration::minutes(5);

/// Which pools are to be looked at.
#[derive(Debug, Default)]
pub struct Refill(Mutex<Pending>);

#[derive(Debug, Default)]
struct Pending {
    due: BTreeSet<PoolId>,
    later: BTreeMap<PoolId, Instant>,
    swept: Option<Instant>,
}

impl Refill {
    fn pending(&self) -> MutexGuard<'_, Pending> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn look_at(&self, pool: PoolId) {
        self.pending().due.insert(pool);
    }

    fn look_later(&self, pool: PoolId, after: Duration) {
        self.pending().later.insert(pool, Instant::now() + after);
    }

    /// The next round looks at all pools.
    pub(in crate::engine) fn sweep(&self) {
        self.pending().swept = None;
    }

    /// The pools to look at now; whether all are.
    fn now_due(&self) -> (BTreeSet<PoolId>, bool) {
        let (mut pending, now) = (self.pending(), Instant::now());
        let mut due = std::mem::take(&mut pending.due);
        let ripe: Vec<PoolId> = pending.later.iter().filter(|(_, at)| **at <= now).map(|(pool, _)| *pool).collect();
        for pool in ripe {
            pending.later.remove(&pool);
            due.insert(pool);
        }
        let all = pending.swept.is_none_or(|at| at.elapsed() >= SWEEP);
        if all {
            pending.swept = Some(now);
        }
        (due, all)
    }
}

/// Something happened in the pool, in the running write transaction.
pub(in crate::engine) fn touch(engine: &Arc<Engine>, pool: PoolId) {
    let engine = engine.clone();
    crate::db::after_commit(move || {
        engine.refill.look_at(pool);
        engine.reconcilers.wake("pools");
    });
}

/// Runs when something happened in a pool, and now and then.
///
/// # Errors
/// The database failed.
pub(in crate::engine) async fn keep_full(engine: &Arc<Engine>) -> Result<(), EngineError> {
    let (due, all) = engine.refill.now_due();
    if due.is_empty() && !all {
        return Ok(());
    }
    let now = engine.clock.now();
    let (left, short) = engine
        .db
        .read(move |db| {
            let mut short = store::short(db, now)?;
            // For a lesson: each is looked at for what it has.
            for (pool, _) in reservations::ahead(db, now)? {
                if !short.contains(&pool) && store::failures(db, pool)?.2.is_none_or(|until| until <= now) {
                    short.push(pool);
                }
            }
            Ok::<_, EngineError>((store::left_over(db)?, short))
        })
        .await?;
    for one in left {
        // Nothing to give back: nothing happens.
        let done = if one.runs { power_off(engine, one.vm).await } else { go_back(engine, one.vm).await };
        if let Err(error) = done {
            tracing::debug!(vm = %one.vm, %error, "not given back yet");
        }
    }
    templates::renew_pools(engine, &due, all).await?;
    for pool in short.into_iter().filter(|pool| all || due.contains(pool)) {
        if let Err(error) = refill(engine, pool).await {
            tracing::warn!(%pool, %error, "its VMs cannot be started ahead");
            engine.refill.look_later(pool, SOON);
        }
    }
    Ok(())
}

async fn go_back(engine: &Arc<Engine>, vm: VmId) -> Result<(), EngineError> {
    give_back::give_back(engine, vm).await.map(drop)
}

async fn power_off(engine: &Arc<Engine>, vm: VmId) -> Result<(), EngineError> {
    let inner = engine.clone();
    let begun = engine.db.write(move |db| {
        let run = state::load(db, vm)?;
        // Down and given back meanwhile, perhaps.
        if !rows::ends(db, vm)? {
            return Ok(None);
        }
        reclaim::power_off(&inner, db, &run, &NewJob::own(&inner, &run.name))
    });
    if let Some(job) = begun.await? {
        jobs::kick(engine, job);
    }
    Ok(())
}

async fn refill(engine: &Arc<Engine>, pool: PoolId) -> Result<(), EngineError> {
    let inner = engine.clone();
    for job in engine.db.write(move |db| begin(&inner, db, pool)).await? {
        jobs::kick(engine, job);
    }
    Ok(())
}

fn begin(engine: &Arc<Engine>, db: &mut Db, pool: PoolId) -> Result<Vec<JobId>, EngineError> {
    // Who takes a VM, or another engine that fills the pool, comes before or after, not between.
    if !rows::queue_up(db, pool)? {
        return Ok(Vec::new());
    }
    let Some(config) = rows::config(db, pool)? else { return Ok(Vec::new()) };
    let standing = store::standing(db, pool)?;
    let promised = config.prestarted.max(reservations::promised(db, pool, engine.clock.now())?);
    let missing = promised.saturating_sub(standing.ahead);
    if missing == 0 || standing.held {
        return Ok(Vec::new());
    }
    let places = AT_ONCE.saturating_sub(standing.starting + standing.waiting);
    let wanted = missing.min(places);
    if wanted < missing {
        engine.refill.look_later(pool, SOON);
    }
    let mut jobs = Vec::new();
    let mut trouble = None;
    for vm in store::startable(db, pool, if wanted == 0 { 0 } else { wanted + 2 })? {
        if jobs.len() >= wanted as usize {
            break;
        }
        let run = state::load(db, vm)?;
        match start::reserve(Asker { engine, by: None }, db, &run) {
            Ok(args) => {
                jobs.push(jobs::insert::<StartVm>(db, &NewJob::own(engine, &run.name), &args, &[vm.object()])?);
            }
            Err(why @ (EngineError::Refused { .. } | EngineError::Invalid(_) | EngineError::Unavailable(_))) => {
                trouble = Some(why.to_string());
            }
            // The others would hear the same.
            Err(EngineError::Conflict(why @ (Conflict::Quota(_) | Conflict::QuotaGivesNothing { .. }))) => {
                trouble = Some(why.to_string());
                break;
            }
            Err(error) => return Err(error),
        }
    }
    if let Some(why) = trouble.filter(|_| jobs.len() < wanted as usize) {
        failed(engine, db, pool, &config.name, &why)?;
    }
    Ok(jobs)
}

/// A start by no person's wish ended; `why` it failed. Of a VM that belongs to no pool: nothing.
pub(in crate::engine) fn started_ahead(
    engine: &Arc<Engine>,
    db: &mut Db,
    vm: VmId,
    why: Option<&str>,
) -> Result<(), EngineError> {
    let Some(member) = rows::membership(db, vm)? else { return Ok(()) };
    match why {
        Some(why) => failed(engine, db, member.pool, &member.pool_name, why)?,
        None => {
            if store::works(db, member.pool)? {
                engine.changed(super::topic(), Some(member.pool.0));
            }
        }
    }
    touch(engine, member.pool);
    Ok(())
}

/// It is not tried again for a while, longer with each failure in a row; people are told when it begins and when the reason changes.
fn failed(engine: &Arc<Engine>, db: &mut Db, pool: PoolId, name: &str, why: &str) -> Result<(), EngineError> {
    // Several that were tried together fail together: that is one failure.
    rows::queue_up(db, pool)?;
    let (before, known, waits) = store::failures(db, pool)?;
    if waits.is_some_and(|until| until > engine.clock.now()) {
        return Ok(());
    }
    let failures = before.saturating_add(1);
    let wait = (FIRST_WAIT * 2_i32.pow(before.min(10))).min(LONGEST_WAIT);
    let next: Timestamp = engine.clock.now().saturating_add(wait);
    store::failed(db, pool, failures, why, next)?;
    engine.refill.look_later(pool, wait.unsigned_abs() + Duration::from_millis(100));
    engine.changed(super::topic(), Some(pool.0));
    if before == 0 || known != why {
        let about = About { pool: Some((pool, name.to_owned())), ..About::default() };
        engine.tell(db, EventCode::PrestartFailed, about, why)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_due_when_nothing_happened() {
        let refill = Refill::default();
        assert_eq!(refill.now_due(), (BTreeSet::new(), true), "the first round looks at all");
        assert_eq!(refill.now_due(), (BTreeSet::new(), false));
        let pool = PoolId::random();
        refill.look_at(pool);
        refill.look_later(pool, Duration::from_secs(600));
        assert_eq!(refill.now_due(), (BTreeSet::from([pool]), false));
        assert_eq!(refill.now_due(), (BTreeSet::new(), false));
        refill.sweep();
        assert!(refill.now_due().1);
    }
}
