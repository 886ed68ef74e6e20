//! Console tickets: one use, 120 seconds, bound to VM and session. A console of several connections has a ticket for each.

use super::{Actor, AuthError, hash};
use crate::db::Db;
use crate::model::clock::Timestamp;
use crate::model::console::{ConsoleKind, Entry};
use crate::model::ids::{ConsoleId, VmId};
pub use crate::store::tickets::Ticket;
use crate::store::{sessions, tickets};
use time::Duration;

/// How long a ticket is good for (oVirt's WebSocketProxyTicketValiditySeconds).
pub const VALID_SECONDS: i64 = 120;

/// A console's tickets; the secrets are shown once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Issued {
    pub kind: ConsoleKind,
    pub first: String,
    /// For the connections that follow the first.
    pub channels: Vec<String>,
}

/// New tickets for a console of this VM and the actor's session.
///
/// # Errors
/// The database failed, or the actor has no session.
pub fn issue(
    db: &mut Db,
    now: Timestamp,
    actor: &Actor,
    vm: VmId,
    (kind, entry): (ConsoleKind, Entry),
    take_over: bool,
) -> Result<Issued, AuthError> {
    let session = actor.session.ok_or(AuthError::BadTicket)?;
    let expires = now + Duration::seconds(VALID_SECONDS);
    let first = Ticket { session, vm, console: ConsoleId::random(), kind, entry, take_over, expires };
    tickets::purge(db, now)?;
    let mut keep = |ticket: Ticket| {
        let secret = hash::fresh_secret();
        tickets::insert(db, &hash::of_secret(&secret), &ticket).map(|()| secret)
    };
    let channel = Ticket { take_over: false, ..first };
    let channels = (0..kind.channels()).map(|_| keep(channel)).collect::<Result<_, _>>()?;
    Ok(Issued { kind, first: keep(first)?, channels })
}

/// Uses the ticket up and says what it was for. A ticket of an ended session is gone with it. `browser` is the session's secret of the
/// browser that brings the ticket, where a browser does.
///
/// None: it is unknown, used, expired, for another VM, or of another or an ended session. It is used up all the same.
///
/// # Errors
/// The database failed.
pub fn redeem(
    db: &mut Db,
    now: Timestamp,
    ticket: &str,
    vm: VmId,
    browser: Option<&str>,
) -> Result<Option<Ticket>, AuthError> {
    let Some(found) = tickets::take(db, &hash::of_secret(ticket))? else { return Ok(None) };
    let own = match browser {
        None => true,
        Some(secret) => sessions::find(db, &hash::of_secret(secret))?.is_some_and(|s| s.id == found.session),
    };
    Ok((own && found.vm == vm && found.expires >= now).then_some(found))
}

/// Throws away what is left of a console that ended.
///
/// # Errors
/// The database failed.
pub fn forget(db: &mut Db, console: ConsoleId) -> Result<(), AuthError> {
    Ok(tickets::remove_of(db, console)?)
}
