//! What powers hosts.

use crate::db::Db;
use crate::db::schema::{fence_agent, fence_wait, host};
use crate::model::clock::Timestamp;
use crate::model::fence::FenceAgent;
use crate::model::host::HostStatus;
use crate::model::ids::{ClusterId, FenceAgentId, HostId};
use diesel::prelude::*;

/// With its sealed password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Armed {
    pub agent: FenceAgent,
    pub sealed: String,
}

type Row = (FenceAgentId, HostId, i32, String, String, String, String, String);

/// The agents of a host in their order.
pub fn of(db: &mut Db, id: HostId) -> QueryResult<Vec<Armed>> {
    use fence_agent as f;
    let rows: Vec<Row> = f::table
        .filter(f::host_id.eq(id))
        .order(f::place)
        .select((f::id, f::host_id, f::place, f::kind, f::address, f::user_name, f::password, f::options))
        .load(db)?;
    Ok(rows
        .into_iter()
        .map(|(id, host, place, kind, address, user, sealed, options)| Armed {
            agent: FenceAgent {
                id,
                host,
                place: place.unsigned_abs(),
                kind,
                address,
                user,
                options: serde_json::from_str(&options).unwrap_or_default(),
            },
            sealed,
        })
        .collect())
}

/// Keeps one.
pub fn insert(db: &mut Db, new: &Armed) -> QueryResult<()> {
    use fence_agent as f;
    let agent = &new.agent;
    let options = serde_json::to_string(&agent.options).unwrap_or_else(|_| "{}".to_owned());
    diesel::insert_into(f::table)
        .values((
            (
                f::id.eq(agent.id),
                f::host_id.eq(agent.host),
                f::place.eq(i32::try_from(agent.place).unwrap_or(i32::MAX)),
            ),
            (f::kind.eq(&agent.kind), f::address.eq(&agent.address), f::user_name.eq(&agent.user)),
            (f::password.eq(&new.sealed), f::options.eq(options)),
        ))
        .execute(db)
        .map(drop)
}

/// Removes one; false: the host has no such.
pub fn remove(db: &mut Db, host: HostId, id: FenceAgentId) -> QueryResult<bool> {
    let own = fence_agent::table.filter(fence_agent::id.eq(id)).filter(fence_agent::host_id.eq(host));
    Ok(diesel::delete(own).execute(db)? == 1)
}

/// Hosts that do not respond and have something that powers them.
pub fn silent(db: &mut Db) -> QueryResult<Vec<HostId>> {
    host::table
        .inner_join(fence_agent::table.on(fence_agent::host_id.eq(host::id)))
        .filter(host::status.eq(HostStatus::NonResponsive))
        .select(host::id)
        .distinct()
        .load(db)
}

/// What a try to fence a silent host found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turn {
    /// It has only now fallen silent.
    First,
    Again,
    /// Somebody was at it a moment ago.
    NotYet,
}

/// Takes the turn to fence a host; after the first one, and after others, the next comes then. Of two that ask at the same moment one gets it.
pub fn take_turn(
    db: &mut Db,
    id: HostId,
    now: Timestamp,
    (after_first, next): (Timestamp, Timestamp),
) -> QueryResult<Turn> {
    let due = fence_wait::table.find(id).filter(fence_wait::next_try.le(now));
    if diesel::update(due).set(fence_wait::next_try.eq(next)).execute(db)? == 1 {
        return Ok(Turn::Again);
    }
    let known: i64 = fence_wait::table.find(id).count().get_result(db)?;
    if known > 0 {
        return Ok(Turn::NotYet);
    }
    let row = (fence_wait::host_id.eq(id), fence_wait::next_try.eq(after_first));
    diesel::insert_into(fence_wait::table).values(row).execute(db)?;
    Ok(Turn::First)
}

/// It is back.
pub fn forget_turn(db: &mut Db, id: HostId) -> QueryResult<()> {
    diesel::delete(fence_wait::table.find(id)).execute(db).map(drop)
}

/// Of the hosts of a cluster that should answer: how many there are, and how many of them are silent.
pub fn silent_of(db: &mut Db, id: ClusterId) -> QueryResult<(usize, usize)> {
    use HostStatus as S;
    const WATCHED: [HostStatus; 5] =
        [S::Up, S::NonOperational, S::Connecting, S::NonResponsive, S::PreparingForMaintenance];
    let all: Vec<HostStatus> = host::table
        .filter(host::cluster_id.eq(id))
        .filter(host::status.eq_any(WATCHED))
        .select(host::status)
        .load(db)?;
    let silent = all.iter().filter(|status| matches!(status, S::Connecting | S::NonResponsive)).count();
    Ok((all.len(), silent))
}
