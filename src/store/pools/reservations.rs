//! The times that pools are kept for somebody.

use crate::db::Db;
use crate::db::schema::pool_reservation;
use crate::model::clock::Timestamp;
use crate::model::ids::{PoolId, PrincipalId, ReservationId, VmId};
use crate::model::reservation::{NewReservation, Reservation, TimeOfDay, Weekdays};
use crate::store::catalog::unsigned;
use crate::store::vms::insert::signed;
use diesel::prelude::*;

type Row = ((ReservationId, PoolId, PrincipalId), (i32, i32, i32, String), (i32, i32, bool));

/// All of them; there are as many as lessons in a week.
pub fn all(db: &mut Db) -> QueryResult<Vec<Reservation>> {
    let rows: Vec<Row> = pool_reservation::table
        .select((
            (pool_reservation::id, pool_reservation::vm_pool_id, pool_reservation::principal_id),
            (
                pool_reservation::weekdays,
                pool_reservation::from_minute,
                pool_reservation::until_minute,
                pool_reservation::time_zone,
            ),
            (pool_reservation::lead_minutes, pool_reservation::prestarted, pool_reservation::shuts_down),
        ))
        .order((pool_reservation::from_minute, pool_reservation::id))
        .load(db)?;
    Ok(rows.into_iter().filter_map(reservation).collect())
}

fn reservation(
    ((id, pool, principal), (days, from, until, time_zone), (lead, prestarted, shuts_down)): Row,
) -> Option<Reservation> {
    let time = |minutes: i32| TimeOfDay::from_minutes(u16::try_from(minutes).ok()?);
    let what = NewReservation {
        principal,
        weekdays: Weekdays(u8::try_from(days).ok()?),
        from: time(from)?,
        until: time(until)?,
        time_zone,
        lead_minutes: unsigned(lead),
        prestarted: unsigned(prestarted),
        shuts_down,
    };
    Some(Reservation { id, pool, what })
}

/// Keeps one.
pub fn insert(db: &mut Db, new: &Reservation) -> QueryResult<()> {
    let what = &new.what;
    diesel::insert_into(pool_reservation::table)
        .values((
            pool_reservation::id.eq(new.id),
            pool_reservation::vm_pool_id.eq(new.pool),
            pool_reservation::principal_id.eq(what.principal),
            pool_reservation::weekdays.eq(i32::from(what.weekdays.0)),
            pool_reservation::from_minute.eq(i32::from(what.from.minutes())),
            pool_reservation::until_minute.eq(i32::from(what.until.minutes())),
            pool_reservation::time_zone.eq(&what.time_zone),
            pool_reservation::lead_minutes.eq(signed::<_, i32>(what.lead_minutes)),
            pool_reservation::prestarted.eq(signed::<_, i32>(what.prestarted)),
            pool_reservation::shuts_down.eq(what.shuts_down),
        ))
        .execute(db)
        .map(drop)
}

/// False: there is none such.
pub fn remove(db: &mut Db, pool: PoolId, id: ReservationId) -> QueryResult<bool> {
    let one = pool_reservation::table.find(id).filter(pool_reservation::vm_pool_id.eq(pool));
    Ok(diesel::delete(one).execute(db)? == 1)
}

/// The pool's VMs that were taken from then on and before then, and are still had.
pub fn taken_between(db: &mut Db, pool: PoolId, since: Timestamp, before: Timestamp) -> QueryResult<Vec<VmId>> {
    use crate::db::schema::pool_assignment as a;
    a::table
        .filter(a::vm_pool_id.eq(pool))
        .filter(a::permission_id.is_not_null())
        .filter(a::taken.ge(since).and(a::taken.lt(before)))
        .select(a::vm_id)
        .load(db)
}

/// So many of the pool's VMs are taken.
pub fn taken(db: &mut Db, pool: PoolId) -> QueryResult<u32> {
    use crate::db::schema::pool_assignment as a;
    Ok(unsigned(a::table.filter(a::vm_pool_id.eq(pool)).count().get_result::<i64>(db)?))
}
