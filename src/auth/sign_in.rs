//! Signing in with name and password.

use super::session::{Opened, SessionKind};
use super::{AuthError, View, password, session};
use crate::db::{Database, Db};
use crate::model::clock::Timestamp;
use crate::model::internal::{NotNow, Settings};
use crate::model::user::INTERNAL_DOMAIN;
use crate::store::accounts::{self, Account, AfterFailure};
use time::Duration;

/// Checks the password of `name` (`admin@internal`; without a domain: internal) and opens a session. Failures in a row lock the
/// account for a while ([`Settings`]); unknown, locked and wrong take equally long and hear the same.
///
/// # Errors
/// [`AuthError::WrongPassword`], [`AuthError::Locked`], [`AuthError::NotNow`] where the password is right, or
/// the database failed.
pub async fn sign_in(
    db: &Database,
    now: Timestamp,
    name: &str,
    password: &str,
    source_ip: &str,
    kind: SessionKind,
    view: View,
) -> Result<Opened, AuthError> {
    let user = verify(db, now, name, password, source_ip).await?;
    let ip = source_ip.to_owned();
    db.write(move |db| {
        if !accounts::signed_in(db, &user, now)? {
            return Err(locked(&user, false));
        }
        Ok(session::open(db, user.id, kind, &ip, now, view)?)
    })
    .await
}

/// Checks name and password, counts failures; opens nothing.
///
/// # Errors
/// As [`sign_in`].
pub async fn verify(
    db: &Database,
    now: Timestamp,
    name: &str,
    password: &str,
    source_ip: &str,
) -> Result<Account, AuthError> {
    let (user_name, domain) = split(name);
    let (found, settings) = db
        .read(move |db| Ok::<_, AuthError>((accounts::find(db, &user_name, &domain)?, accounts::settings(db)?)))
        .await?;
    let phc = found.as_ref().and_then(|u| u.password_hash.clone());
    // Locked or unknown: it takes as long and says the same.
    let good = password::matches(password, phc).await;
    let Some(account) = found else { return Err(AuthError::WrongPassword) };
    match account.validity.at(now, &settings) {
        Err(NotNow::Locked) => Err(locked(&account, false)),
        _ if !good => Err(failed(db, now, account, &settings, source_ip.to_owned()).await?),
        Err(why) => Err(AuthError::NotNow { user: account.id, why }),
        Ok(()) => Ok(account),
    }
}

async fn failed(
    db: &Database,
    now: Timestamp,
    account: Account,
    settings: &Settings,
    source_ip: String,
) -> Result<AuthError, AuthError> {
    let until = now + Duration::minutes(settings.lock_minutes.into());
    let limit = i32::try_from(settings.max_failures).unwrap_or(i32::MAX);
    let id = account.id;
    let count = move |db: &mut Db| accounts::count_failure(db, id, limit, now, until, &source_ip);
    Ok(match db.write(move |db| Ok::<_, AuthError>(count(db)?)).await? {
        AfterFailure::Open => AuthError::WrongPassword,
        after => locked(&account, after == AfterFailure::LockedNow),
    })
}

fn locked(account: &Account, just_now: bool) -> AuthError {
    AuthError::Locked { user: format!("{}@{}", account.user_name, account.domain), just_now }
}

fn split(name: &str) -> (String, String) {
    let name: String = name.trim().chars().take(255).collect();
    match name.rsplit_once('@') {
        Some((user, domain)) => (user.to_lowercase(), domain.to_lowercase()),
        None => (name.to_lowercase(), INTERNAL_DOMAIN.to_owned()),
    }
}
