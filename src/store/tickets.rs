//! Console tickets: only hashes of their secrets are kept.

use crate::db::Db;
use crate::db::schema::console_ticket;
use crate::model::clock::Timestamp;
use crate::model::console::{ConsoleKind, Entry};
use crate::model::ids::{ConsoleId, SessionId, VmId};
use diesel::prelude::*;

/// What a ticket is good for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Queryable)]
pub struct Ticket {
    pub session: SessionId,
    pub vm: VmId,
    pub console: ConsoleId,
    pub kind: ConsoleKind,
    pub entry: Entry,
    /// Others who have the console open lose it.
    pub take_over: bool,
    pub expires: Timestamp,
}

/// Keeps one.
pub fn insert(db: &mut Db, secret_hash: &str, ticket: &Ticket) -> QueryResult<()> {
    diesel::insert_into(console_ticket::table)
        .values((
            console_ticket::secret_hash.eq(secret_hash),
            console_ticket::session_id.eq(ticket.session),
            console_ticket::vm_id.eq(ticket.vm),
            console_ticket::expires.eq(ticket.expires),
            console_ticket::console_id.eq(ticket.console),
            console_ticket::kind.eq(ticket.kind),
            console_ticket::take_over.eq(ticket.take_over),
            console_ticket::entry.eq(ticket.entry),
        ))
        .execute(db)
        .map(drop)
}

/// Removes what nobody can use any more.
pub fn purge(db: &mut Db, now: Timestamp) -> QueryResult<()> {
    diesel::delete(console_ticket::table.filter(console_ticket::expires.lt(now))).execute(db).map(drop)
}

/// Removes what is left of a console that ended.
pub fn remove_of(db: &mut Db, console: ConsoleId) -> QueryResult<()> {
    diesel::delete(console_ticket::table.filter(console_ticket::console_id.eq(console))).execute(db).map(drop)
}

/// Uses a ticket up: of two who come with it, one gets it.
pub fn take(db: &mut Db, secret_hash: &str) -> QueryResult<Option<Ticket>> {
    let found: Option<Ticket> = console_ticket::table
        .find(secret_hash)
        .select((
            console_ticket::session_id,
            console_ticket::vm_id,
            console_ticket::console_id,
            console_ticket::kind,
            console_ticket::entry,
            console_ticket::take_over,
            console_ticket::expires,
        ))
        .first(db)
        .optional()?;
    let Some(ticket) = found else { return Ok(None) };
    let taken = diesel::delete(console_ticket::table.find(secret_hash)).execute(db)?;
    Ok((taken == 1).then_some(ticket))
}
