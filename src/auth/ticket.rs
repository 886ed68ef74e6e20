//! Console tickets: one use, 120 seconds, bound to VM and session.

use super::{Actor, AuthError};
use crate::db::Db;
use crate::model::clock::Timestamp;
use crate::model::ids::{SessionId, VmId};

/// How long a ticket is good for (oVirt's WebSocketProxyTicketValiditySeconds).
pub const VALID_SECONDS: i64 = 120;

/// A new ticket for this VM and the actor's session.
///
/// # Errors
/// The database failed, or the actor has no session.
pub fn issue(_db: &mut Db, _now: Timestamp, _actor: &Actor, _vm: VmId) -> Result<String, AuthError> {
    Err(AuthError::BadTicket)
}

/// Uses the ticket up and says which session it was for.
///
/// # Errors
/// [`AuthError::BadTicket`] if it is unknown, used, expired, for another VM or of an ended session.
pub fn redeem(_db: &mut Db, _now: Timestamp, _ticket: &str, _vm: VmId) -> Result<SessionId, AuthError> {
    Err(AuthError::BadTicket)
}
