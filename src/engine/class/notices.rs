//! What somebody who has a VM of a class is shown: what his teacher told and gave him, that his screen is locked, who looks on; and the
//! hand that he raises.

use super::{admit_to, changed};
use crate::db::Db;
use crate::engine::{Cx, EngineError, pools};
use crate::model::class::{Desk, Notices};
use crate::model::console::{Entry, Watcher};
use crate::model::ids::{GiftId, PoolId, VmId};
use crate::model::role::Action;
use crate::store::class::gifts;
use crate::store::class::seats::{self, Seat, Whose};
use std::collections::HashSet;

/// What there is for the actor.
///
/// # Errors
/// The database failed.
pub async fn notices(cx: &Cx) -> Result<Notices, EngineError> {
    let inner = cx.clone();
    cx.engine.db.read(move |db| read(&inner, db)).await
}

/// The actor's seats that are still his.
fn own(cx: &Cx, db: &mut Db) -> Result<Vec<Seat>, EngineError> {
    let seats = seats::seats(db, Whose::User(cx.actor.user))?;
    Ok(seats.into_iter().filter(|seat| !seat.returning).collect())
}

fn read(cx: &Cx, db: &mut Db) -> Result<Notices, EngineError> {
    let (now, me) = (cx.engine.clock.now(), cx.actor.user);
    let seats = own(cx, db)?;
    if seats.is_empty() {
        return Ok(Notices::default());
    }
    let pools: Vec<PoolId> = seats.iter().map(|seat| seat.pool).collect();
    let away: HashSet<GiftId> = gifts::put_away_by(db, me)?.into_iter().collect();
    let mut mine = gifts::of_pools(db, &pools, now)?;
    mine.retain(|gift| gift.to.is_none_or(|to| to == me) && !away.contains(&gift.id));
    let ids: Vec<GiftId> = mine.iter().map(|gift| gift.id).collect();
    let deliveries = gifts::deliveries(db, &ids)?;
    let his = |vm: VmId| seats.iter().any(|seat| seat.vm == vm);
    let with = |gift: crate::model::class::Gift| {
        let delivery = deliveries.iter().find(|d| d.gift == gift.id && his(d.vm)).cloned();
        (gift, delivery)
    };
    let gifts = mine.into_iter().map(with).collect();
    let mut desks = Vec::new();
    for seat in seats {
        desks.push(desk(cx, db, seat)?);
    }
    Ok(Notices { gifts, desks })
}

fn desk(cx: &Cx, db: &mut Db, seat: Seat) -> Result<Desk, EngineError> {
    let mut teachers: Vec<Watcher> = cx.engine.consoles.watchers(seat.vm);
    teachers.retain(|watcher| watcher.entry != Entry::Own);
    let ids: Vec<_> = teachers.iter().map(|watcher| watcher.user).collect();
    let names = seats::full_names(db, &ids)?;
    for teacher in &mut teachers {
        if let Some(name) = names.get(&teacher.user) {
            teacher.name.clone_from(name);
        }
    }
    let locked = super::locks(&cx.engine, db, &cx.actor, seat.vm)?;
    Ok(Desk {
        vm: seat.vm,
        name: seat.name,
        pool: seat.pool,
        pool_name: seat.pool_name,
        hand: seat.hand.is_some(),
        locked,
        teachers,
        ends: pools::reservations::ending(db, seat.pool, seat.vm, cx.engine.clock.now())?,
    })
}

/// Shows the actor something no more.
///
/// # Errors
/// It is not his, or the database failed.
pub async fn put_away(cx: &Cx, id: GiftId) -> Result<(), EngineError> {
    let inner = cx.clone();
    cx.engine
        .db
        .write(move |db| {
            let his = |notices: Notices| notices.gifts.into_iter().any(|(gift, _)| gift.id == id);
            if his(read(&inner, db)?) {
                gifts::put_away(db, id, inner.actor.user)?;
            }
            Ok(())
        })
        .await
}

/// The actor raises his hand at a VM that he has, or takes it down.
///
/// # Errors
/// He does not have it, or the database failed.
pub async fn hand(cx: &Cx, vm: VmId, up: bool) -> Result<(), EngineError> {
    let inner = cx.clone();
    cx.engine
        .db
        .write(move |db| {
            let none = || EngineError::NotFound { kind: "VM", id: vm.to_string() };
            let seat = own(&inner, db)?.into_iter().find(|seat| seat.vm == vm).ok_or_else(none)?;
            if seats::hand(db, vm, up.then(|| inner.engine.clock.now()))? {
                changed(&inner.engine, seat.pool);
            }
            Ok(())
        })
        .await
}

/// The teacher has seen a hand, which goes down.
///
/// # Errors
/// Refused, hidden, or the database failed.
pub async fn hand_seen(cx: &Cx, pool: PoolId, vm: VmId) -> Result<(), EngineError> {
    let inner = cx.clone();
    cx.engine
        .db
        .write(move |db| {
            admit_to(&inner, db, pool, vm, Action::WatchClass)?;
            if seats::hand(db, vm, None)? {
                changed(&inner.engine, pool);
            }
            Ok(())
        })
        .await
}
