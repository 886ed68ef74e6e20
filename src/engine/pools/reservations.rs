//! Lessons: before one begins VMs are started and kept for those it is for; when it ends, what they took is shut down.

use super::{missing, reclaim};
use crate::auth::{self, Actor};
use crate::db::Db;
use crate::engine::changes::Topic;
use crate::engine::jobs::{self, NewJob};
use crate::engine::vms::{shutdown, state};
use crate::engine::{Cx, Engine, EngineError};
use crate::model::clock::Timestamp;
use crate::model::conflict::Conflict;
use crate::model::event::{About, EventCode};
use crate::model::ids::{EVERYONE, JobId, PoolId, PrincipalId, ReservationId, VmId};
use crate::model::permission::Principal;
use crate::model::reservation::{Lesson, NewReservation, Reservation, Reserved};
use crate::model::role::Action;
use crate::model::valid::{self, Invalid, Problem};
use crate::model::vm::VmAction;
use crate::store::people;
use crate::store::permissions::{self, Wanted};
use crate::store::pools::reservations as store;
use crate::store::pools::write::{self as rows, PoolConfig};
use std::sync::Arc;

/// Who has a VM for a lesson that ends is told so long before.
const WARNED: time::Duration = time::Duration::minutes(10);
/// A guest has this long to shut down after the end; then it is powered off.
const GRACE: time::Duration = time::Duration::minutes(5);
/// An engine that was away at the end does it within this; later the VMs are somebody's evening.
const LATE: time::Duration = time::Duration::minutes(60);

/// A reservation with whom it is for and when it comes round next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReservationView {
    pub reservation: Reservation,
    pub who: String,
    pub next: Option<Lesson>,
}

/// The pool's reservations, by the time of day.
///
/// # Errors
/// Hidden, or the database failed.
pub async fn list(cx: &Cx, pool: PoolId) -> Result<Vec<ReservationView>, EngineError> {
    let inner = cx.clone();
    cx.engine
        .db
        .read(move |db| {
            auth::see(db, &inner.actor, pool.object())?;
            let now = inner.engine.clock.now();
            let mut views = Vec::new();
            for reservation in store::all(db)?.into_iter().filter(|r| r.pool == pool) {
                let who = who(db, reservation.what.principal)?;
                let next = reservation.what.next(now);
                views.push(ReservationView { reservation, who, next });
            }
            Ok(views)
        })
        .await
}

/// Whom the pool can be reserved for: who may take VMs of it. (Not Everyone: that would keep nobody out.)
///
/// # Errors
/// Hidden, or the database failed.
pub async fn candidates(cx: &Cx, pool: PoolId) -> Result<Vec<Principal>, EngineError> {
    let inner = cx.clone();
    cx.engine
        .db
        .read(move |db| {
            auth::see(db, &inner.actor, pool.object())?;
            takers(db, pool)
        })
        .await
}

fn takers(db: &mut Db, pool: PoolId) -> Result<Vec<Principal>, EngineError> {
    let wanted =
        Wanted { object: Some(pool.object()), action: Some(Action::VmPoolBasicOperations), ..Wanted::default() };
    let mut found: Vec<Principal> = Vec::new();
    for held in permissions::find(db, &wanted)? {
        let known = found.iter().any(|one| one.id == held.principal);
        if !known && held.principal != EVERYONE.into() {
            found.extend(people::principal_of(db, held.principal)?);
        }
    }
    found.sort_by_key(|one| (!one.is_group, one.name.clone()));
    Ok(found)
}

pub(super) fn who(db: &mut Db, principal: PrincipalId) -> Result<String, EngineError> {
    Ok(people::principal_of(db, principal)?.map(|one| one.name).unwrap_or_default())
}

/// Reserves the pool.
///
/// # Errors
/// Refused, invalid, hidden, or the database failed.
pub async fn add(cx: &Cx, pool: PoolId, new: NewReservation) -> Result<ReservationId, EngineError> {
    let inner = cx.clone();
    cx.engine
        .db
        .write(move |db| {
            auth::check(db, &inner.actor, Action::EditVmPoolConfiguration, pool.object())?;
            let config = rows::config(db, pool)?.ok_or_else(|| missing(pool))?;
            let mut wrong = new.check();
            wrong.extend(valid::range("prestarted_vms", new.prestarted.into(), 0, config.size.into()).err());
            if !takers(db, pool)?.iter().any(|one| one.id == new.principal) {
                wrong.push(Invalid::new("principal", Problem::NoSuch { value: new.principal.to_string() }));
            }
            if !wrong.is_empty() {
                return Err(EngineError::Invalid(wrong));
            }
            let reservation = Reservation { id: ReservationId::random(), pool, what: new };
            store::insert(db, &reservation)?;
            changed(&inner, db, &config)?;
            Ok(reservation.id)
        })
        .await
}

/// Takes a reservation away.
///
/// # Errors
/// Refused, hidden, or the database failed.
pub async fn remove(cx: &Cx, pool: PoolId, id: ReservationId) -> Result<(), EngineError> {
    let inner = cx.clone();
    cx.engine
        .db
        .write(move |db| {
            auth::check(db, &inner.actor, Action::EditVmPoolConfiguration, pool.object())?;
            let config = rows::config(db, pool)?.ok_or_else(|| missing(pool))?;
            if !store::remove(db, pool, id)? {
                return Err(EngineError::NotFound { kind: "reservation", id: id.to_string() });
            }
            changed(&inner, db, &config)
        })
        .await
}

fn changed(cx: &Cx, db: &mut Db, pool: &PoolConfig) -> Result<(), EngineError> {
    cx.engine.changed(super::topic(), Some(pool.id.0));
    super::touch(&cx.engine, pool.id);
    let about = About { pool: Some((pool.id, pool.name.clone())), ..About::default() };
    cx.tell(db, EventCode::UserUpdatePool, about, "")
}

/// Who asks may take a VM of the pool now.
///
/// # Errors
/// It is kept for others.
pub(super) fn check(db: &mut Db, actor: &Actor, pool: &PoolConfig, now: Timestamp) -> Result<(), EngineError> {
    match reserved(&store::all(db)?, pool.id, actor, now, |principal| who(db, principal))? {
        Some(reserved) if !reserved.mine => {
            Err(Conflict::PoolReserved { pool: pool.name.clone(), who: reserved.who, until: reserved.until }.into())
        }
        _ => Ok(()),
    }
}

/// For whom the pool is kept now.
pub(super) fn reserved(
    all: &[Reservation],
    pool: PoolId,
    actor: &Actor,
    now: Timestamp,
    mut who: impl FnMut(PrincipalId) -> Result<String, EngineError>,
) -> Result<Option<Reserved>, EngineError> {
    let mut found: Option<Reserved> = None;
    for one in all.iter().filter(|one| one.pool == pool) {
        let Some(lesson) = one.what.now(now) else { continue };
        let mine = actor.principals.contains(&one.what.principal);
        // Of two at the same time, his own counts.
        if found.as_ref().is_none_or(|other| mine && !other.mine) {
            let who = who(one.what.principal)?;
            // A group that is gone keeps nobody out.
            if !who.is_empty() {
                found = Some(Reserved { who, until: lesson.ends, mine });
            }
        }
    }
    Ok(found)
}

/// Pools for which VMs are started ahead of a lesson, and how many, those that are taken counted in.
pub(super) fn ahead(db: &mut Db, now: Timestamp) -> Result<Vec<(PoolId, u32)>, EngineError> {
    let all = store::all(db)?;
    let held = all.iter().filter(|one| one.what.prestarted > 0 && one.what.now(now).is_some());
    Ok(held.map(|one| (one.pool, one.what.prestarted)).collect())
}

/// So many VMs are to run untaken in the pool because of a lesson.
pub(super) fn promised(db: &mut Db, pool: PoolId, now: Timestamp) -> Result<u32, EngineError> {
    let most = ahead(db, now)?.into_iter().filter(|(of, _)| *of == pool).map(|(_, many)| many).max().unwrap_or(0);
    Ok(if most == 0 { 0 } else { most.saturating_sub(store::taken(db, pool)?) })
}

/// When the VM is shut down because its lesson ends; none: not soon.
///
/// # Errors
/// The database failed.
pub(in crate::engine) fn ending(
    db: &mut Db,
    pool: PoolId,
    vm: VmId,
    now: Timestamp,
) -> Result<Option<Timestamp>, EngineError> {
    for one in store::all(db)?.into_iter().filter(|one| one.pool == pool) {
        let Some((since, lesson)) = one.what.ending(now, WARNED) else { continue };
        if store::taken_between(db, pool, since, lesson.ends)?.contains(&vm) {
            return Ok(Some(lesson.ends));
        }
    }
    Ok(None)
}

/// What was taken for a lesson that is over is shut down; what does not listen is powered off.
///
/// # Errors
/// The database failed.
pub(in crate::engine) async fn end_lessons(engine: &Arc<Engine>) -> Result<(), EngineError> {
    end_at(engine, engine.clock.now()).await
}

/// The same at a given time.
pub(super) async fn end_at(engine: &Arc<Engine>, now: Timestamp) -> Result<(), EngineError> {
    let over = engine.db.read(move |db| {
        let (mut over, mut soon) = (Vec::new(), false);
        for one in store::all(db)?.into_iter().filter(|one| one.what.shuts_down) {
            soon |= one.what.ending(now, WARNED).is_some();
            let Some((since, lesson)) = one.what.ended(now, LATE) else { continue };
            let late = lesson.ends.saturating_add(GRACE) <= now;
            over.extend(store::taken_between(db, one.pool, since, lesson.ends)?.into_iter().map(|vm| (vm, late)));
        }
        Ok::<_, EngineError>((over, soon))
    });
    let (over, soon) = over.await?;
    if soon {
        engine.changed(Topic::Class, None);
    }
    for (vm, late) in over {
        let inner = engine.clone();
        match engine.db.write(move |db| end(&inner, db, vm, late)).await {
            Ok(Some(job)) => jobs::kick(engine, job),
            Ok(None) => {}
            Err(error) => tracing::debug!(%vm, %error, "not shut down yet, though its lesson is over"),
        }
    }
    Ok(())
}

fn end(engine: &Arc<Engine>, db: &mut Db, vm: VmId, late: bool) -> Result<Option<JobId>, EngineError> {
    let run = state::load(db, vm)?;
    let new = NewJob::own(engine, &run.name);
    if late {
        return reclaim::power_off(engine, db, &run, &new);
    }
    if run.status.allows(VmAction::Shutdown) && run.intent != crate::model::vm_state::Intent::Shutdown {
        return shutdown::begin(engine, db, &run, &new).map(Some);
    }
    Ok(None)
}
