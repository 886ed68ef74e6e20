//! What teachers told and gave, who has put it away, and what became of files in guests.

use crate::db::Db;
use crate::db::schema::{class_delivery, class_gift, class_gift_seen, pool_assignment};
use crate::model::class::{Delivery, Gift, GiftKind};
use crate::model::clock::Timestamp;
use crate::model::ids::{GiftId, PoolId, UserId, VmId};
use diesel::prelude::*;

type Row = ((GiftId, PoolId, Option<String>, GiftKind), (String, i64, String), (Timestamp, Timestamp));

/// The columns of a gift, in the row's order.
macro_rules! columns {
    () => {
        (
            (class_gift::id, class_gift::vm_pool_id, class_gift::user_id, class_gift::kind),
            (class_gift::content, class_gift::bytes, class_gift::sender),
            (class_gift::created, class_gift::expires),
        )
    };
}

fn gift(((id, pool, to, kind), (content, bytes, sender), (created, expires)): Row) -> Gift {
    let to = to.and_then(|user| user.parse().ok());
    Gift { id, pool, to, kind, content, bytes: u64::try_from(bytes).unwrap_or_default(), sender, created, expires }
}

/// Keeps one.
pub fn insert(db: &mut Db, new: &Gift) -> QueryResult<()> {
    diesel::insert_into(class_gift::table)
        .values((
            class_gift::id.eq(new.id),
            class_gift::vm_pool_id.eq(new.pool),
            class_gift::user_id.eq(new.to.map(|user| user.to_string())),
            class_gift::kind.eq(new.kind),
            class_gift::content.eq(&new.content),
            class_gift::bytes.eq(i64::try_from(new.bytes).unwrap_or(i64::MAX)),
            class_gift::sender.eq(&new.sender),
            class_gift::created.eq(new.created),
            class_gift::expires.eq(new.expires),
        ))
        .execute(db)
        .map(drop)
}

/// One.
pub fn get(db: &mut Db, id: GiftId) -> QueryResult<Option<Gift>> {
    Ok(class_gift::table.find(id).select(columns!()).first::<Row>(db).optional()?.map(gift))
}

/// What these pools have that is not over, the newest first.
pub fn of_pools(db: &mut Db, pools: &[PoolId], now: Timestamp) -> QueryResult<Vec<Gift>> {
    let rows: Vec<Row> = class_gift::table
        .filter(class_gift::vm_pool_id.eq_any(pools))
        .filter(class_gift::expires.gt(now))
        .order(class_gift::created.desc())
        .select(columns!())
        .load(db)?;
    Ok(rows.into_iter().map(gift).collect())
}

/// All files that are not over.
pub fn files(db: &mut Db, now: Timestamp) -> QueryResult<Vec<Gift>> {
    let rows: Vec<Row> = class_gift::table
        .filter(class_gift::kind.eq(GiftKind::File))
        .filter(class_gift::expires.gt(now))
        .order(class_gift::created)
        .select(columns!())
        .load(db)?;
    Ok(rows.into_iter().map(gift).collect())
}

/// Takes one away. False: it is gone already.
pub fn remove(db: &mut Db, id: GiftId) -> QueryResult<bool> {
    Ok(diesel::delete(class_gift::table.find(id)).execute(db)? == 1)
}

/// Takes all of a pool's away. How many there were.
pub fn remove_all(db: &mut Db, pool: PoolId) -> QueryResult<usize> {
    diesel::delete(class_gift::table.filter(class_gift::vm_pool_id.eq(pool))).execute(db)
}

/// Takes away what is over. How many there were.
pub fn purge(db: &mut Db, now: Timestamp) -> QueryResult<usize> {
    diesel::delete(class_gift::table.filter(class_gift::expires.le(now))).execute(db)
}

/// Whether there is any.
pub fn to_purge(db: &mut Db, now: Timestamp) -> QueryResult<bool> {
    let one: Option<GiftId> =
        class_gift::table.filter(class_gift::expires.le(now)).select(class_gift::id).first(db).optional()?;
    Ok(one.is_some())
}

/// Puts it away for this person.
pub fn put_away(db: &mut Db, id: GiftId, user: UserId) -> QueryResult<()> {
    let user = user.to_string();
    diesel::delete(class_gift_seen::table.find((id, &user))).execute(db)?;
    diesel::insert_into(class_gift_seen::table)
        .values((class_gift_seen::gift_id.eq(id), class_gift_seen::user_id.eq(user)))
        .execute(db)
        .map(drop)
}

/// What this person has put away.
pub fn put_away_by(db: &mut Db, user: UserId) -> QueryResult<Vec<GiftId>> {
    class_gift_seen::table
        .filter(class_gift_seen::user_id.eq(user.to_string()))
        .select(class_gift_seen::gift_id)
        .load(db)
}

/// What became of these files.
pub fn deliveries(db: &mut Db, gifts: &[GiftId]) -> QueryResult<Vec<Delivery>> {
    let rows: Vec<(GiftId, VmId, bool, String, i32)> =
        class_delivery::table.filter(class_delivery::gift_id.eq_any(gifts)).load(db)?;
    let delivery = |(gift, vm, done, detail, tries): (GiftId, VmId, bool, String, i32)| Delivery {
        gift,
        vm,
        done,
        detail,
        tries: u32::try_from(tries).unwrap_or_default(),
    };
    Ok(rows.into_iter().map(delivery).collect())
}

/// Notes what became of a file in a guest that this person still has. False: he has it no more, or the file was taken back.
pub fn note(db: &mut Db, new: &Delivery, user: UserId) -> QueryResult<bool> {
    let his = pool_assignment::table.find(new.vm).filter(pool_assignment::user_id.eq(user.to_string()));
    let his: Option<VmId> = his.select(pool_assignment::vm_id).first(db).optional()?;
    if his.is_none() || get(db, new.gift)?.is_none() {
        return Ok(false);
    }
    diesel::delete(class_delivery::table.find((new.gift, new.vm))).execute(db)?;
    diesel::insert_into(class_delivery::table)
        .values((
            class_delivery::gift_id.eq(new.gift),
            class_delivery::vm_id.eq(new.vm),
            class_delivery::done.eq(new.done),
            class_delivery::detail.eq(&new.detail),
            class_delivery::tries.eq(i32::try_from(new.tries).unwrap_or(i32::MAX)),
        ))
        .execute(db)?;
    Ok(true)
}
