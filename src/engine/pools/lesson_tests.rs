//! Lessons: kept for those they are for, started before, shut down after.

use super::reservations::{add, end_at, list, remove};
use super::{create, get, keep_full, take};
use crate::engine::testing::Bench;
use crate::engine::testing::kinds::{new_pool, template, wait};
use crate::engine::testing::people::{again, person};
use crate::engine::{Cx, EngineError, permissions};
use crate::model::conflict::Conflict;
use crate::model::ids::{EVERYONE, PoolId, PrincipalId};
use crate::model::permission::ObjectKind;
use crate::model::pool::NewPool;
use crate::model::reservation::{NewReservation, TimeOfDay, Weekdays};
use crate::model::role::USER_ROLE;

async fn pool(bench: &Bench) -> PoolId {
    let new = NewPool { size: 4, ..new_pool(template(bench).await) };
    let created = create(&bench.cx, new).await.unwrap();
    wait(bench, created.job).await;
    created.id
}

async fn user(bench: &Bench, name: &str, pool: PoolId) -> Cx {
    let cx = person(bench, name).await;
    permissions::grant(&bench.cx, USER_ROLE, cx.actor.user.into(), ObjectKind::Pool, pool.object()).await.unwrap();
    again(bench, &cx).await
}

/// Every day, in a place where it is about noon: from `from` to `until` minutes from now.
fn lesson(bench: &Bench, principal: PrincipalId, from: i16, until: i16) -> NewReservation {
    let now = bench.engine.clock.now();
    let ahead = 12 - i16::from(now.hour());
    let noon = 12 * 60 + i16::from(now.minute());
    let at = |minutes: i16| TimeOfDay::from_minutes(u16::try_from(noon + minutes).unwrap()).unwrap();
    NewReservation {
        principal,
        weekdays: Weekdays(0x7f),
        from: at(from),
        until: at(until),
        // Their signs are the other way round (IANA's etcetera).
        time_zone: format!("Etc/GMT{:+}", -ahead),
        lead_minutes: 15,
        prestarted: 0,
        shuts_down: true,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reserved_pool_is_for_those_it_is_for() {
    let bench = Bench::new().await;
    let pool = pool(&bench).await;
    let (pupil, other) = (user(&bench, "pupil", pool).await, user(&bench, "other", pool).await);
    let his = pupil.actor.user.into();
    // In ten minutes; the lead has begun.
    let id = add(&bench.cx, pool, lesson(&bench, his, 10, 60)).await.unwrap();
    let refused = take(&other, pool).await.unwrap_err();
    assert!(
        matches!(refused, EngineError::Conflict(Conflict::PoolReserved { ref who, .. }) if who.contains("pupil")),
        "{refused}"
    );
    assert!(!get(&other, pool).await.unwrap().can_take && get(&pupil, pool).await.unwrap().can_take);
    wait(&bench, take(&pupil, pool).await.unwrap().job).await;
    remove(&bench.cx, pool, id).await.unwrap();
    wait(&bench, take(&other, pool).await.unwrap().job).await;
    // In an hour: not yet.
    add(&bench.cx, pool, lesson(&bench, his, 60, 120)).await.unwrap();
    assert!(get(&bench.cx, pool).await.unwrap().reserved.is_none());
    let next = list(&bench.cx, pool).await.unwrap().remove(0).next.unwrap();
    let minutes = (next.begins - bench.engine.clock.now()).whole_minutes();
    assert!((58..=60).contains(&minutes), "{minutes}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reservation_for_who_is_gone_keeps_nobody_out() {
    let bench = Bench::new().await;
    let pool = pool(&bench).await;
    let (pupil, other) = (user(&bench, "pupil", pool).await, user(&bench, "other", pool).await);
    add(&bench.cx, pool, lesson(&bench, pupil.actor.user.into(), 10, 60)).await.unwrap();
    assert!(take(&other, pool).await.is_err());
    crate::engine::users::remove(&bench.cx, pupil.actor.user).await.unwrap();
    wait(&bench, take(&other, pool).await.unwrap().job).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn vms_run_before_the_lesson_and_are_shut_down_after_it() {
    let bench = Bench::new().await;
    let pool = pool(&bench).await;
    let pupil = user(&bench, "pupil", pool).await;
    let new = NewReservation { prestarted: 3, ..lesson(&bench, pupil.actor.user.into(), 10, 30) };
    add(&bench.cx, pool, new).await.unwrap();
    let running = || async {
        keep_full(&bench.engine).await.unwrap();
        get(&bench.cx, pool).await.unwrap().running
    };
    bench.until("three run", running, |n| *n == 3).await;
    let taken = take(&pupil, pool).await.unwrap();
    wait(&bench, taken.job).await;
    for _ in 0..5 {
        assert_eq!(running().await, 3, "who has one is counted in");
    }
    let now = bench.engine.clock.now();
    let told = |minutes: i64| {
        let at = now + time::Duration::minutes(minutes);
        bench.engine.db.read(move |db| super::reservations::ending(db, pool, taken.id, at))
    };
    assert!(told(10).await.unwrap().is_none() && told(25).await.unwrap().is_some(), "told before it ends");
    end_at(&bench.engine, now).await.unwrap();
    assert!(bench.status(taken.id).await.is_running(), "the lesson goes on");
    end_at(&bench.engine, now + time::Duration::minutes(32)).await.unwrap();
    let assigned = || async { get(&bench.cx, pool).await.unwrap().assigned };
    bench.until("it is given back", assigned, |n| *n == 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guest_that_does_not_listen_is_powered_off_later() {
    let bench = Bench::new().await;
    bench.agent.deafen_guests();
    let pool = pool(&bench).await;
    let pupil = user(&bench, "pupil", pool).await;
    add(&bench.cx, pool, lesson(&bench, pupil.actor.user.into(), 10, 30)).await.unwrap();
    let taken = take(&pupil, pool).await.unwrap();
    wait(&bench, taken.job).await;
    let now = bench.engine.clock.now();
    end_at(&bench.engine, now + time::Duration::minutes(31)).await.unwrap();
    assert!(bench.status(taken.id).await.is_running());
    end_at(&bench.engine, now + time::Duration::minutes(36)).await.unwrap();
    let assigned = || async { get(&bench.cx, pool).await.unwrap().assigned };
    bench.until("it is given back", assigned, |n| *n == 0).await;
    bench.assert_no_locks().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reservation_is_checked() {
    let bench = Bench::new().await;
    let pool = pool(&bench).await;
    let pupil = user(&bench, "pupil", pool).await;
    let fields = |error: EngineError| {
        let EngineError::Invalid(wrong) = error else { panic!("{error}") };
        wrong.into_iter().map(|w| w.field).collect::<Vec<_>>()
    };
    let everyone = lesson(&bench, EVERYONE.into(), 10, 30);
    assert_eq!(fields(add(&bench.cx, pool, everyone).await.unwrap_err()), ["principal"]);
    let good = lesson(&bench, pupil.actor.user.into(), 10, 30);
    let many = NewReservation { prestarted: 5, weekdays: Weekdays(0), ..good.clone() };
    assert_eq!(fields(add(&bench.cx, pool, many).await.unwrap_err()), ["weekdays", "prestarted_vms"]);
    assert!(add(&pupil, pool, good.clone()).await.is_err(), "he may not edit the pool");
    let id = add(&bench.cx, pool, good).await.unwrap();
    assert!(remove(&pupil, pool, id).await.is_err());
    // Its reservations go with the pool.
    wait(&bench, crate::engine::pools::remove(&bench.cx, pool).await.unwrap()).await;
}
