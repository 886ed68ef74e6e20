//! Console tickets: one use, 120 seconds, bound to VM and session.

use super::{Actor, AuthError, hash};
use crate::db::Db;
use crate::model::clock::Timestamp;
use crate::model::ids::{SessionId, VmId};
use crate::store::sessions;
use time::Duration;

/// How long a ticket is good for (oVirt's WebSocketProxyTicketValiditySeconds).
pub const VALID_SECONDS: i64 = 120;

/// A new ticket for this VM and the actor's session.
///
/// # Errors
/// The database failed, or the actor has no session.
pub fn issue(db: &mut Db, now: Timestamp, actor: &Actor, vm: VmId) -> Result<String, AuthError> {
    let session = actor.session.ok_or(AuthError::BadTicket)?;
    let secret = hash::fresh_secret();
    let expires = now + Duration::seconds(VALID_SECONDS);
    sessions::insert_ticket(db, &hash::of_secret(&secret), session, vm, expires, now)?;
    Ok(secret)
}

/// Uses the ticket up and says which session it was for. A ticket of an ended session is gone with it.
///
/// # Errors
/// [`AuthError::BadTicket`] if it is unknown, used, expired, for another VM or of an ended session.
pub fn redeem(db: &mut Db, now: Timestamp, ticket: &str, vm: VmId) -> Result<SessionId, AuthError> {
    sessions::take_ticket(db, &hash::of_secret(ticket), vm, now)?.ok_or(AuthError::BadTicket)
}
