//! Signing in with name and password.

use super::session::{Entry, Opened, SessionKind, SignInMethod};
use super::vault::Vault;
use super::{AuthError, View, factor, password, session, waiting};
use crate::db::{Database, Db};
use crate::model::clock::Timestamp;
use crate::model::factor::FactorTrouble;
use crate::model::ids::UserId;
use crate::model::internal::{NotNow, Settings};
use crate::model::user::INTERNAL_DOMAIN;
use crate::store::accounts::{self, Account, AfterFailure};
use std::sync::Arc;
use time::Duration;

/// Somebody's try to sign in.
#[derive(Clone, Copy)]
pub struct Try<'a> {
    /// `admin@internal`; without a domain: internal.
    pub name: &'a str,
    pub password: &'a str,
    pub source_ip: &'a str,
    pub kind: SessionKind,
    pub view: View,
}

enum Outcome {
    In(Box<Opened>),
    Out(AuthError),
    WrongCode,
}

/// Checks the password and opens a session; where a second factor is needed, a browser gets a sign-in that waits for it, and a script has
/// put its code behind the password. Failures in a row lock the account for a while ([`Settings`]); unknown, locked and wrong take equally
/// long and hear the same.
///
/// # Errors
/// [`AuthError::WrongPassword`], [`AuthError::Locked`]; where the password is right, [`AuthError::NotNow`], [`AuthError::SecondFactor`],
/// [`AuthError::Factor`]; or the database failed.
pub async fn sign_in(db: &Database, vault: &Arc<Vault>, now: Timestamp, tried: Try<'_>) -> Result<Opened, AuthError> {
    let (account, code) = check(db, now, tried).await?;
    let (kind, view, ip, vault) = (tried.kind, tried.view, tried.source_ip.to_owned(), vault.clone());
    let user = account.clone();
    let outcome = db
        .write(move |db| {
            let method = if kind == SessionKind::Api {
                match waiting::api(db, &vault, &user, code.as_deref(), now)? {
                    Ok(method) => method,
                    Err(FactorTrouble::WrongCode) => return Ok(Outcome::WrongCode),
                    Err(trouble) => return Ok(Outcome::Out(AuthError::Factor(trouble))),
                }
            } else if let Some(set_up) = waiting::needed(db, &user)? {
                let waiting = waiting::begin(db, user.id, set_up, now)?;
                return Ok(Outcome::Out(AuthError::SecondFactor(waiting)));
            } else {
                SignInMethod::Password
            };
            if !accounts::signed_in(db, &user, now)? {
                return Ok(Outcome::Out(locked(&user, false)));
            }
            let entry = Entry { kind, method, source_ip: &ip, view };
            Ok::<_, AuthError>(Outcome::In(Box::new(session::open(db, user.id, entry, now)?)))
        })
        .await?;
    match outcome {
        Outcome::In(opened) => Ok(*opened),
        Outcome::Out(error) => Err(error),
        Outcome::WrongCode => {
            let settings = db.read(|db| Ok::<_, AuthError>(accounts::settings(db)?)).await?;
            Err(failed(db, now, account, &settings, tried.source_ip.to_owned()).await?)
        }
    }
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
    let tried = Try { name, password, source_ip, kind: SessionKind::Portal, view: View::User };
    Ok(check(db, now, tried).await?.0)
}

/// The account, and the code that stood behind its password.
async fn check(db: &Database, now: Timestamp, tried: Try<'_>) -> Result<(Account, Option<String>), AuthError> {
    let ((user_name, domain), kind) = (split(tried.name), tried.kind);
    let (found, coded, settings) = db
        .read(move |db| {
            let found = accounts::find(db, &user_name, &domain)?;
            let coded = match &found {
                Some(account) if kind == SessionKind::Api => waiting::has_codes(db, account)?,
                _ => false,
            };
            Ok::<_, AuthError>((found, coded, accounts::settings(db)?))
        })
        .await?;
    let phc = found.as_ref().and_then(|u| u.password_hash.clone());
    let with_code = factor::split(tried.password).filter(|_| coded);
    let (password, code) = with_code.map_or((tried.password, None), |(password, code)| (password, Some(code)));
    // Locked or unknown: it takes as long and says the same.
    let good = password::matches_from(tried.source_ip, password, phc).await?;
    let Some(account) = found else { return Err(AuthError::WrongPassword) };
    match account.validity.at(now, &settings) {
        Err(NotNow::Locked) => Err(locked(&account, false)),
        _ if !good => Err(failed(db, now, account, &settings, tried.source_ip.to_owned()).await?),
        Err(why) => Err(AuthError::NotNow { user: account.id, why }),
        Ok(()) => Ok((account, code.map(ToOwned::to_owned))),
    }
}

/// Is it this user's password? Counts as a try to sign in does.
///
/// # Errors
/// As [`sign_in`].
pub async fn prove(
    db: &Database,
    now: Timestamp,
    user: UserId,
    password: &str,
    source_ip: &str,
) -> Result<Account, AuthError> {
    let account = db.read(move |db| Ok::<_, AuthError>(accounts::by_id(db, user)?)).await?;
    let account = account.ok_or(AuthError::WrongPassword)?;
    verify(db, now, &principal(&account), password, source_ip).await
}

pub(super) async fn failed(
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

pub(super) fn locked(account: &Account, just_now: bool) -> AuthError {
    AuthError::Locked { user: principal(account), just_now }
}

fn principal(account: &Account) -> String {
    format!("{}@{}", account.user_name, account.domain)
}

/// User name and domain as they are kept.
pub fn split(name: &str) -> (String, String) {
    let name: String = name.trim().chars().take(255).collect();
    match name.rsplit_once('@') {
        Some((user, domain)) => (user.to_lowercase(), domain.to_lowercase()),
        None => (name.to_lowercase(), INTERNAL_DOMAIN.to_owned()),
    }
}
