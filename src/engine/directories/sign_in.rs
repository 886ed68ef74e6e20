//! Signing in with the password of a directory. The password is kept nowhere.

use crate::auth::AuthError;
use crate::auth::session::{self, Entry, Opened};
use crate::auth::sign_in::Try;
use crate::db::Db;
use crate::directories::ldap::Directory;
use crate::engine::{Engine, EngineError};
use crate::model::clock::Timestamp;
use crate::model::conflict::Away;
use crate::model::directory::Person;
use crate::model::domain::{DirectoryTrouble, SignInRefusal};
use crate::model::event::{About, EventCode};
use crate::model::ids::UserId;
use crate::model::user::SignInMethod;
use crate::store::accounts::{self, Account};
use crate::store::outsiders;
use std::sync::Arc;

/// Somebody of a directory, as he calls himself.
#[derive(Debug)]
pub(in crate::engine) struct Claim {
    directory: Directory,
    user_name: String,
}

/// Who `alice@example.com` is, if there is such a domain.
pub(in crate::engine) fn claim(engine: &Engine, name: &str) -> Option<Claim> {
    let (user_name, domain) = name.trim().rsplit_once('@')?;
    let directory = engine.directories.get(&domain.to_lowercase())?;
    Some(Claim { directory, user_name: user_name.to_owned() })
}

/// Has the directory check the password, and opens a session.
///
/// # Errors
/// Wrong; what the directory says against the account, where the password is right; the directory is away; or the database failed.
pub(in crate::engine) async fn sign_in(
    engine: &Arc<Engine>,
    claim: &Claim,
    tried: Try<'_>,
) -> Result<Opened, EngineError> {
    let domain = claim.directory.config().name.clone();
    match claim.directory.sign_in(&claim.user_name, tried.password).await {
        Ok(person) => open(engine, domain, person, tried).await,
        Err(trouble) => {
            failed(engine, claim, &domain, &trouble).await?;
            Err(told(domain, trouble))
        }
    }
}

async fn open(
    engine: &Arc<Engine>,
    domain: String,
    person: Person,
    Try { source_ip, kind, view, .. }: Try<'_>,
) -> Result<Opened, EngineError> {
    let (inner, source_ip) = (engine.clone(), source_ip.to_owned());
    engine
        .db
        .write(move |db| {
            let now = inner.clock.now();
            let user = admit(db, &domain, &person, now)?;
            let opened = session::open(
                db,
                user,
                Entry { kind, method: SignInMethod::Password, source_ip: &source_ip, view },
                now,
            )?;
            let about = About { user: Some((user, opened.actor.name.clone())), ..About::default() };
            inner.tell(db, EventCode::UserLoggedIn, about, "")?;
            Ok(opened)
        })
        .await
}

/// Keeps what the directory says of somebody, and lets him in unless an administrator has set that he may not.
///
/// # Errors
/// He may not sign in now, or the database failed.
pub(in crate::engine) fn admit(
    db: &mut Db,
    domain: &str,
    person: &Person,
    now: Timestamp,
) -> Result<UserId, EngineError> {
    let user = outsiders::keep(db, domain, person, now)?;
    let account = accounts::find(db, &person.user_name, domain)?.ok_or(diesel::result::Error::NotFound)?;
    valid(db, &account, now)?;
    accounts::signed_in(db, &account, now)?;
    Ok(user)
}

/// Not disabled here, valid at this time, …: as for internal users.
pub(in crate::engine) fn valid(db: &mut Db, account: &Account, now: Timestamp) -> Result<(), EngineError> {
    let settings = accounts::settings(db)?;
    let not_now = |why| AuthError::NotNow { user: account.id, why };
    Ok(account.validity.at(now, &settings).map_err(not_now)?)
}

/// Administrators hear why; what was typed may be a password, so it is not told whole.
async fn failed(
    engine: &Arc<Engine>,
    claim: &Claim,
    domain: &str,
    trouble: &DirectoryTrouble,
) -> Result<(), EngineError> {
    let typed: String = claim.user_name.chars().filter(|c| !c.is_control()).take(40).collect();
    let about = About { user: Some((UserId::fixed(0), format!("{typed}@{domain}"))), ..About::default() };
    let (inner, detail) = (engine.clone(), trouble.to_string());
    engine.db.write(move |db| inner.tell(db, EventCode::UserLoginFailed, about, &detail)).await
}

/// What may be said to who signs in: who has shown that the password is his hears why it is not enough; nobody hears of servers.
fn told(domain: String, trouble: DirectoryTrouble) -> EngineError {
    match trouble {
        DirectoryTrouble::SignIn(SignInRefusal::WrongPassword)
        | DirectoryTrouble::Unproven(_)
        | DirectoryTrouble::NoUser { .. }
        | DirectoryTrouble::Ambiguous { .. } => AuthError::WrongPassword.into(),
        DirectoryTrouble::SignIn(_) => EngineError::Directory(trouble),
        _ => EngineError::Unavailable(Away::Directory { domain }),
    }
}

/// Whether this failure says nothing against whoever tried: the password was right, or could not be looked at.
pub(in crate::engine) fn is_no_guess(error: &EngineError) -> bool {
    matches!(
        error,
        EngineError::Directory(_) | EngineError::Unavailable(_) | EngineError::Auth(AuthError::NotNow { .. })
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_has_not_shown_who_he_is_learns_nothing() {
        let domain = || "example.com".to_owned();
        let told = |trouble| told(domain(), trouble);
        let wrong = EngineError::from(AuthError::WrongPassword).to_string();
        for trouble in [
            DirectoryTrouble::SignIn(SignInRefusal::WrongPassword),
            DirectoryTrouble::Unproven(SignInRefusal::Locked),
            DirectoryTrouble::Unproven(SignInRefusal::Disabled),
            DirectoryTrouble::NoUser { domain: domain(), user_name: "x".to_owned() },
            DirectoryTrouble::Ambiguous { domain: domain(), user_name: "x".to_owned() },
        ] {
            assert_eq!(told(trouble).to_string(), wrong);
        }
        let away = told(DirectoryTrouble::Died { server: "secret-name".to_owned() }).to_string();
        assert!(away.contains("example.com") && !away.contains("secret-name"), "{away}");
        let expired = told(DirectoryTrouble::SignIn(SignInRefusal::PasswordExpired));
        assert!(expired.to_string().contains("expired") && is_no_guess(&expired));
        assert!(!is_no_guess(&told(DirectoryTrouble::Unproven(SignInRefusal::Locked))));
    }
}
