//! Signing in with name and password.

use super::session::{Opened, SessionKind};
use super::{AuthError, View, hash, password, session};
use crate::db::Database;
use crate::model::clock::Timestamp;
use crate::model::ids::SessionId;
use crate::model::user::INTERNAL_DOMAIN;
use crate::store::users::{self, AfterFailure, Credentials};
use time::Duration;

/// aaa-jdbc's MAX_FAILURES_SINCE_SUCCESS and LOCK_MINUTES.
pub const MAX_FAILURES: i32 = 5;
pub const LOCK_MINUTES: i64 = 60;

/// Checks the password of `name` (`admin@internal`; without a domain: internal) and opens a session. Five failures in a row lock
/// the account for an hour; a locked account's password is not even looked at, and an unknown name takes as long as a known one.
///
/// # Errors
/// [`AuthError::WrongPassword`], [`AuthError::Locked`], or the database failed.
pub async fn sign_in(
    db: &Database,
    now: Timestamp,
    name: &str,
    password: &str,
    source_ip: &str,
    kind: SessionKind,
    view: View,
) -> Result<Opened, AuthError> {
    let user = verify(db, now, name, password).await?;
    let secret = hash::fresh_secret();
    let (secret_hash, id, ip) = (hash::of_secret(&secret), SessionId::random(), source_ip.to_owned());
    let actor = db
        .write(move |db| {
            users::signed_in(db, user.id, now)?;
            crate::store::sessions::insert(db, id, &secret_hash, user.id, kind, &ip, now)?;
            Ok::<_, AuthError>(session::actor(db, user.id, &user.user_name, &user.domain, Some(id), view)?)
        })
        .await?;
    Ok(Opened { id, secret, actor })
}

/// Checks name and password, counts failures; opens nothing.
///
/// # Errors
/// As [`sign_in`].
pub async fn verify(db: &Database, now: Timestamp, name: &str, password: &str) -> Result<Credentials, AuthError> {
    let (user_name, domain) = split(name);
    let found = db.read(move |db| Ok::<_, AuthError>(users::credentials(db, &user_name, &domain)?)).await?;
    if let Some(locked) = found.as_ref().and_then(|u| locked(u, now)) {
        return Err(locked);
    }
    let phc = found.as_ref().and_then(|u| u.password_hash.clone());
    let good = password::matches(password, phc).await;
    match found {
        Some(user) if good => Ok(user),
        Some(user) => {
            let until = now + Duration::minutes(LOCK_MINUTES);
            let id = user.id;
            let count = move |db: &mut crate::db::Db| users::count_failure(db, id, MAX_FAILURES, now, until);
            match db.write(move |db| Ok::<_, AuthError>(count(db)?)).await? {
                AfterFailure::Open => Err(AuthError::WrongPassword),
                after => Err(lock_error(&user, LOCK_MINUTES, after == AfterFailure::LockedNow)),
            }
        }
        None => Err(AuthError::WrongPassword),
    }
}

fn split(name: &str) -> (String, String) {
    let name: String = name.trim().chars().take(255).collect();
    match name.rsplit_once('@') {
        Some((user, domain)) => (user.to_lowercase(), domain.to_lowercase()),
        None => (name.to_lowercase(), INTERNAL_DOMAIN.to_owned()),
    }
}

fn locked(user: &Credentials, now: Timestamp) -> Option<AuthError> {
    let until = user.locked_until.filter(|until| *until > now)?;
    Some(lock_error(user, (until - now).whole_minutes() + 1, false))
}

fn lock_error(user: &Credentials, minutes: i64, just_now: bool) -> AuthError {
    AuthError::Locked { user: format!("{}@{}", user.user_name, user.domain), minutes, just_now }
}
