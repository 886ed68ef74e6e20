//! A sign-in whose password was right and whose second factor is still to come: bound to the browser by a secret, good for five minutes.

use super::session::{Entry, Opened, SignInMethod};
use super::sign_in::{failed, locked};
use super::vault::Vault;
use super::{AuthError, factor, hash, session};
use crate::db::{Database, Db};
use crate::model::clock::Timestamp;
use crate::model::factor::{FactorTrouble, Factors};
use crate::model::ids::UserId;
use crate::model::internal::NotNow;
use crate::model::setting::SecondFactorRule;
use crate::model::user::INTERNAL_DOMAIN;
use crate::store::accounts::{self, Account};
use crate::store::{factors, settings};
use time::Duration;

/// How long it waits.
pub const WAITS: Duration = Duration::minutes(5);

/// What the browser gets instead of a session.
#[derive(Clone, PartialEq, Eq)]
pub struct Waiting {
    pub user: UserId,
    pub secret: String,
    /// Nothing is set up yet, but demanded: it is to be set up now.
    pub set_up: bool,
}

impl std::fmt::Debug for Waiting {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Waiting({})", self.user)
    }
}

/// Does this user of the internal domain need a second factor now? Some(true): he has to set one up first.
pub(super) fn needed(db: &mut Db, account: &Account) -> Result<Option<bool>, AuthError> {
    let rule = settings::engine(db)?.second_factor;
    if account.domain != INTERNAL_DOMAIN || rule == SecondFactorRule::Off {
        return Ok(None);
    }
    if factors::of(db, account.id)?.any() {
        return Ok(Some(false));
    }
    let actor = session::actor(db, account.id, &account.user_name, &account.domain, None, super::View::User)?;
    Ok(rule.demands(actor.is_admin).then_some(true))
}

/// Has the sign-in wait.
pub(super) fn begin(db: &mut Db, user: UserId, set_up: bool, now: Timestamp) -> Result<Waiting, AuthError> {
    let secret = hash::fresh_secret();
    factors::insert_pending(db, &hash::of_secret(&secret), user, now + WAITS)?;
    Ok(Waiting { user, secret, set_up })
}

/// Whose sign-in waits, and what he has.
///
/// # Errors
/// It waited too long, or the database failed.
pub fn look(db: &mut Db, secret: &str, now: Timestamp) -> Result<(Account, Factors), AuthError> {
    let user = factors::pending(db, &hash::of_secret(secret), now)?.ok_or(AuthError::Factor(FactorTrouble::TooLate))?;
    let account = accounts::by_id(db, user)?.ok_or(AuthError::Factor(FactorTrouble::TooLate))?;
    Ok((account, factors::of(db, user)?))
}

/// What was shown as the second factor.
#[derive(Debug, Clone)]
pub enum Shown {
    /// A code, of the app or for recovery.
    Code(String),
    /// The first code of an app that is being set up.
    FirstCode(String),
    /// A passkey that is this user's, and was checked.
    Passkey(UserId),
}

/// The session, and the recovery codes of what was set up just now.
pub type Completed = (Opened, Vec<String>);

enum Outcome {
    In(Box<Completed>),
    Wrong(Account),
    Out(AuthError),
}

/// Ends the waiting with a session; a wrong code counts as a wrong password does.
///
/// # Errors
/// [`FactorTrouble`], [`AuthError::Locked`], or the database failed.
pub async fn complete(
    db: &Database,
    vault: &std::sync::Arc<Vault>,
    now: Timestamp,
    secret: &str,
    shown: Shown,
    source_ip: &str,
) -> Result<Completed, AuthError> {
    let (secret_hash, ip, vault) = (hash::of_secret(secret), source_ip.to_owned(), vault.clone());
    let own = secret.to_owned();
    let outcome = db
        .write(move |db| {
            let (account, _) = look(db, &own, now)?;
            let rules = accounts::settings(db)?;
            if let Err(why) = account.validity.at(now, &rules) {
                return Ok(Outcome::Out(refused(&account, why)));
            }
            let Some((method, recovery)) = check(db, &vault, &account, shown, now)? else {
                return Ok(Outcome::Wrong(account));
            };
            factors::remove_pending(db, &secret_hash)?;
            if !accounts::signed_in(db, &account, now)? {
                return Ok(Outcome::Out(locked(&account, false)));
            }
            let entry = Entry { kind: session::SessionKind::Portal, method, source_ip: &ip, view: super::View::User };
            Ok::<_, AuthError>(Outcome::In(Box::new((session::open(db, account.id, entry, now)?, recovery))))
        })
        .await?;
    match outcome {
        Outcome::In(completed) => Ok(*completed),
        Outcome::Out(error) => Err(error),
        Outcome::Wrong(account) => {
            let settings = db.read(|db| Ok::<_, AuthError>(accounts::settings(db)?)).await?;
            match failed(db, now, account, &settings, source_ip.to_owned()).await? {
                AuthError::WrongPassword => Err(AuthError::Factor(FactorTrouble::WrongCode)),
                locked => Err(locked),
            }
        }
    }
}

fn refused(account: &Account, why: NotNow) -> AuthError {
    match why {
        NotNow::Locked => locked(account, false),
        why => AuthError::NotNow { user: account.id, why },
    }
}

fn check(
    db: &mut Db,
    vault: &Vault,
    account: &Account,
    shown: Shown,
    now: Timestamp,
) -> Result<Option<(SignInMethod, Vec<String>)>, AuthError> {
    Ok(match shown {
        Shown::Code(code) => factor::take(db, vault, account.id, &code, now)?.map(|method| (method, Vec::new())),
        // Only while nothing else is set up: who knows the password alone must not set up another app.
        Shown::FirstCode(_) if needed(db, account)? != Some(true) => None,
        Shown::FirstCode(code) => {
            factor::confirm(db, vault, account.id, &code, now)?.map(|codes| (SignInMethod::PasswordCode, codes))
        }
        Shown::Passkey(user) => (user == account.id).then(|| (SignInMethod::PasswordPasskey, Vec::new())),
    })
}

/// What a script's sign-in needs beside its password.
pub(super) fn api(
    db: &mut Db,
    vault: &Vault,
    account: &Account,
    code: Option<&str>,
    now: Timestamp,
) -> Result<Result<SignInMethod, FactorTrouble>, AuthError> {
    let trouble = match needed(db, account)? {
        None => return Ok(Ok(SignInMethod::Password)),
        Some(false) if factors::of(db, account.id)?.codes.is_some() => FactorTrouble::CodeAfterPassword,
        Some(_) => FactorTrouble::NotSetUp,
    };
    let Some(code) = code else { return Ok(Err(trouble)) };
    Ok(factor::take(db, vault, account.id, code, now)?.ok_or(FactorTrouble::WrongCode))
}

/// Do this account's scripts put a code behind their password?
pub(super) fn has_codes(db: &mut Db, account: &Account) -> Result<bool, AuthError> {
    Ok(needed(db, account)? == Some(false) && factors::of(db, account.id)?.codes.is_some())
}
