//! Sessions: the secret is with the client, its hash in the database.

use super::{Actor, AuthError, View, hash};
use crate::db::{Database, Db};
use crate::model::clock::Timestamp;
use crate::model::ids::{EVERYONE, PrincipalId, SessionId, UserId};
use crate::model::setting::Settings;
pub use crate::model::user::{SessionKind, SignInMethod};
use crate::store::{factors, groups, permissions, sessions, settings, users};
use time::Duration;

/// A page that is open asks often; the idle time need not be exact. Where it is short, it is looked at more closely.
const TOUCH: Duration = Duration::MINUTE;
const TOUCHES: i32 = 10;

/// A fresh session; the secret is shown once.
#[derive(Clone)]
pub struct Opened {
    pub id: SessionId,
    pub secret: String,
    pub actor: Actor,
    pub method: SignInMethod,
    /// When it ends, whatever it does.
    pub ends: Timestamp,
}

/// How somebody comes in.
#[derive(Debug, Clone, Copy)]
pub struct Entry<'a> {
    pub kind: SessionKind,
    pub method: SignInMethod,
    pub source_ip: &'a str,
    pub view: View,
}

/// Opens a session for somebody who has shown who he is, by whatever way. Inside a write transaction.
///
/// # Errors
/// [`diesel::result::Error::NotFound`] if the user is gone, or the database failed.
pub fn open(db: &mut Db, user: UserId, entry: Entry<'_>, now: Timestamp) -> diesel::QueryResult<Opened> {
    let found = users::get(db, user)?.ok_or(diesel::result::Error::NotFound)?;
    let (id, secret) = (SessionId::random(), hash::fresh_secret());
    let Entry { kind, method, source_ip, view } = entry;
    let new = sessions::NewSession { id, secret_hash: &hash::of_secret(&secret), user, kind, method, source_ip };
    sessions::insert(db, &new, now)?;
    let actor = actor(db, user, &found.user_name, &found.domain, Some(id), view)?;
    Ok(Opened { id, secret, actor, method, ends: now + settings::engine(db)?.hard() })
}

/// Whose session this is; moves its idle time.
///
/// # Errors
/// [`AuthError::NotSignedIn`] if there is no such session any more.
pub async fn resolve(db: &Database, now: Timestamp, secret: &str, view: View) -> Result<Actor, AuthError> {
    find(db, now, secret, view, true).await
}

/// Whose session this is, where nobody did anything: a page that asks for itself does not keep the session from being idle.
///
/// # Errors
/// [`AuthError::NotSignedIn`] if there is no such session any more.
pub async fn glance(db: &Database, now: Timestamp, secret: &str, view: View) -> Result<Actor, AuthError> {
    find(db, now, secret, view, false).await
}

async fn find(db: &Database, now: Timestamp, secret: &str, view: View, active: bool) -> Result<Actor, AuthError> {
    let secret_hash = hash::of_secret(secret);
    let (actor, touch) = db
        .read(move |db| {
            let row = sessions::find(db, &secret_hash)?.ok_or(AuthError::NotSignedIn)?;
            let settings = settings::engine(db)?;
            if is_over(&row, &settings, now) {
                return Err(AuthError::NotSignedIn);
            }
            let exact = settings.idle().map_or(TOUCH, |idle| TOUCH.min(idle / TOUCHES));
            let touch = active && now - row.last_active > exact;
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

/// Ends a session by its secret, wherever that came from. Says which it was.
///
/// # Errors
/// The database failed.
pub async fn end_former(db: &Database, secret: &str) -> Result<Option<SessionId>, AuthError> {
    let secret_hash = hash::of_secret(secret);
    let find = move |db: &mut Db| sessions::find(db, &secret_hash);
    let Some(former) = db.read(move |db| Ok::<_, AuthError>(find(db)?)).await? else { return Ok(None) };
    end(db, former.id).await?;
    Ok(Some(former.id))
}

/// Ends sessions that were idle or open for too long. Those `in_use` (a console is open) are not idle.
///
/// # Errors
/// The database failed.
pub async fn purge(db: &Database, now: Timestamp, in_use: Vec<SessionId>) -> Result<(), AuthError> {
    db.write(move |db| {
        let settings = settings::engine(db)?;
        for session in in_use {
            sessions::touch(db, session, now)?;
        }
        sessions::purge(db, settings.idle().map(|idle| now - idle), now - settings.hard())?;
        Ok(factors::purge_pending(db, now)?)
    })
    .await
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
    if is_over(&row, &settings::engine(db)?, now) {
        return Err(AuthError::NotSignedIn);
    }
    Ok(actor(db, row.user, &row.user_name, &row.domain, Some(row.id), view)?)
}

fn is_over(row: &sessions::SessionRow, settings: &Settings, now: Timestamp) -> bool {
    settings.idle().is_some_and(|idle| now - row.last_active > idle) || now - row.created > settings.hard()
}
