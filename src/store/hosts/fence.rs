//! What powers hosts.

use crate::db::Db;
use crate::db::schema::{fence_agent, host};
use crate::model::fence::FenceAgent;
use crate::model::host::HostStatus;
use crate::model::ids::{FenceAgentId, HostId};
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
