//! Sessions: the secret is with the client, its hash in the database.

use super::{Actor, AuthError, View, hash};
use crate::db::{Database, Db};
use crate::model::clock::Timestamp;
use crate::model::ids::{EVERYONE, PrincipalId, SessionId, UserId};
pub use crate::model::user::SessionKind;
use crate::store::{groups, permissions, sessions, users};
use time::Duration;

/// oVirt's UserSessionTimeOutInterval and UserSessionHardLimit.
pub const IDLE_MINUTES: i64 = 30;
pub const HARD_MINUTES: i64 = 600;
/// A page that is open asks often; the idle time need not be exact.
const TOUCH_SECONDS: i64 = 60;

/// A fresh session; the secret is shown once.
#[derive(Clone)]
pub struct Opened {
    pub id: SessionId,
    pub secret: String,
    pub actor: Actor,
}

/// Opens a session for somebody who has shown who he is, by whatever way. Inside a write transaction.
///
/// # Errors
/// [`diesel::result::Error::NotFound`] if the user is gone, or the database failed.
pub fn open(
    db: &mut Db,
    user: UserId,
    kind: SessionKind,
    source_ip: &str,
    now: Timestamp,
    view: View,
) -> diesel::QueryResult<Opened> {
    let found = users::get(db, user)?.ok_or(diesel::result::Error::NotFound)?;
    let (id, secret) = (SessionId::random(), hash::fresh_secret());
    sessions::insert(db, id, &hash::of_secret(&secret), user, kind, source_ip, now)?;
    let actor = actor(db, user, &found.user_name, &found.domain, Some(id), view)?;
    Ok(Opened { id, secret, actor })
}

/// Whose session this is; moves its idle time.
///
/// # Errors
/// [`AuthError::NotSignedIn`] if there is no such session any more.
pub async fn resolve(db: &Database, now: Timestamp, secret: &str, view: View) -> Result<Actor, AuthError> {
    let secret_hash = hash::of_secret(secret);
    let (actor, touch) = db
        .read(move |db| {
            let row = sessions::find(db, &secret_hash)?.ok_or(AuthError::NotSignedIn)?;
            if is_over(&row, now) {
                return Err(AuthError::NotSignedIn);
            }
            let touch = now - row.last_active > Duration::seconds(TOUCH_SECONDS);
            Ok((actor(db, row.user, &row.user_name, &row.domain, Some(row.id), view)?, touch.then_some(row.id)))
        })
        .await?;
    if let Some(id) = touch {
        db.write(move |db| Ok::<_, AuthError>(sessions::touch(db, id, now)?)).await?;
    }
    Ok(actor)
}

/// The user as one who asks.
pub fn actor(
    db: &mut Db,
    user: UserId,
    user_name: &str,
    domain: &str,
    session: Option<SessionId>,
    view: View,
) -> diesel::QueryResult<Actor> {
    let mut principals = vec![user.into(), EVERYONE.into()];
    principals.extend(groups::of(db, user.into())?.into_iter().map(PrincipalId::from));
    let is_admin = permissions::is_admin(db, &principals)?;
    Ok(Actor { user, name: format!("{user_name}@{domain}"), principals, session, is_admin, view, is_root: false })
}

/// Ends a session; its consoles close. Gone already: fine.
///
/// # Errors
/// The database failed.
pub async fn end(db: &Database, session: SessionId) -> Result<(), AuthError> {
    db.write(move |db| Ok(sessions::remove(db, session)?)).await
}

/// Ends sessions that were idle or open for too long; says which.
///
/// # Errors
/// The database failed.
pub async fn purge(db: &Database, now: Timestamp) -> Result<Vec<SessionId>, AuthError> {
    let (idle, oldest) = (now - Duration::minutes(IDLE_MINUTES), now - Duration::minutes(HARD_MINUTES));
    db.write(move |db| Ok(sessions::purge(db, idle, oldest)?)).await
}

/// Which of these sessions are still open.
///
/// # Errors
/// The database failed.
pub async fn alive(db: &Database, ids: Vec<SessionId>) -> Result<Vec<SessionId>, AuthError> {
    db.read(move |db| Ok(sessions::alive(db, &ids)?)).await
}

/// The token that every change must carry, derived from the session's secret.
pub fn csrf_token(secret: &str) -> String {
    hash::of_secret(&format!("csrf:{secret}"))
}

/// Who a session belongs to, by its id: for what was bound to the session before (a console's ticket).
///
/// # Errors
/// [`AuthError::NotSignedIn`] if there is no such session any more.
pub fn of(db: &mut Db, now: Timestamp, id: SessionId, view: View) -> Result<Actor, AuthError> {
    let row = sessions::by_id(db, id)?.ok_or(AuthError::NotSignedIn)?;
    if is_over(&row, now) {
        return Err(AuthError::NotSignedIn);
    }
    Ok(actor(db, row.user, &row.user_name, &row.domain, Some(row.id), view)?)
}

fn is_over(row: &sessions::SessionRow, now: Timestamp) -> bool {
    now - row.last_active > Duration::minutes(IDLE_MINUTES) || now - row.created > Duration::minutes(HARD_MINUTES)
}
