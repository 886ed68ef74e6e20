//! Signing in: find the person, bind as that person, look at what the directory says of the account.

use super::account;
use super::entry::Entry;
use super::pool::Pool;
use super::questions::{Named, Whole};
use crate::model::directory::Person;
use crate::model::domain::{DirectoryTrouble, SignInRefusal};

/// No password is longer.
const MOST_PASSWORD: usize = 1024;

/// Who this is, if the password is his.
pub(super) async fn sign_in(pool: &Pool, user_name: &str, password: &str) -> Result<Person, DirectoryTrouble> {
    if password.is_empty() || password.len() > MOST_PASSWORD {
        return Err(SignInRefusal::WrongPassword.into());
    }
    let entry = match pool.ask(&Named { config: &pool.config, user_name }).await {
        Ok(entry) => entry,
        Err(DirectoryTrouble::NoUser { .. }) => {
            // Whoever is unknown must not be found out by a quicker answer: the server refuses this bind, too.
            let base = pool.config.base_dn.as_deref().unwrap_or("o=nowhere");
            return match try_password(pool, &format!("cn=nobody,{base}"), password).await {
                Ok(()) | Err(DirectoryTrouble::SignIn(_) | DirectoryTrouble::Unproven(_)) => {
                    Err(SignInRefusal::WrongPassword.into())
                }
                Err(trouble) => Err(trouble),
            };
        }
        Err(trouble) => return Err(trouble),
    };
    prove(pool, &entry, password).await?;
    pool.ask(&Whole { provider: pool.config.provider, entry: &entry }).await
}

/// Who this is, where something else has shown that it is he.
pub(super) async fn person(pool: &Pool, user_name: &str) -> Result<Person, DirectoryTrouble> {
    let entry = pool.ask(&Named { config: &pool.config, user_name }).await?;
    account::usable(pool.config.provider, &entry, pool.clock.now())?;
    pool.ask(&Whole { provider: pool.config.provider, entry: &entry }).await
}

/// Whether the password is this one's, and the account may be used.
pub(super) async fn prove(pool: &Pool, entry: &Entry, password: &str) -> Result<(), DirectoryTrouble> {
    try_password(pool, &entry.dn, password).await?;
    let (provider, now) = (pool.config.provider, pool.clock.now());
    account::usable(provider, entry, now)?;
    account::password_expired(provider, entry, now)?;
    Ok(())
}

async fn try_password(pool: &Pool, dn: &str, password: &str) -> Result<(), DirectoryTrouble> {
    // A bind without a name or a password is anonymous, and a success on many servers.
    if password.is_empty() || dn.is_empty() {
        return Err(SignInRefusal::WrongPassword.into());
    }
    let answer = pool.bind(dn, password).await?;
    account::verdict(&answer).unwrap_or_else(|| {
        let server = pool.config.name.clone();
        Err(DirectoryTrouble::Refused { server, code: answer.code, text: answer.text.clone() })
    })
}
