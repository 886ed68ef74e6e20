//! Passwords: argon2id (19 MiB, 2 passes: OWASP's first choice), a few at a time.

use super::AuthError;
use super::turns::Turns;
use crate::model::internal::MAX_PASSWORD;
use argon2::Argon2;
use argon2::password_hash::{PasswordHash, PasswordHasher as _, PasswordVerifier as _, SaltString, rand_core::OsRng};
use std::sync::LazyLock;
use std::time::Instant;

/// A check takes 19 MiB and a core for some 20 ms: a flood of wrong passwords must not take the machine.
static TURNS: LazyLock<Turns> = LazyLock::new(|| Turns::new(2));

/// Checked where there is no such user, so that both take equally long.
static NOBODY: LazyLock<String> = LazyLock::new(|| hash_now("nobody has this password").unwrap_or_default());

/// A password's PHC string.
///
/// # Errors
/// The hasher's, in words.
pub async fn hash(password: &str) -> Result<String, String> {
    let password = password.to_owned();
    tokio::task::spawn_blocking(move || hash_now(&password)).await.map_err(|e| e.to_string())?
}

fn hash_now(password: &str) -> Result<String, String> {
    let salt = SaltString::generate(&mut OsRng);
    Argon2::default().hash_password(password.as_bytes(), &salt).map(|h| h.to_string()).map_err(|e| e.to_string())
}

/// Is it the password of this PHC string? None: nobody's, after just as long.
///
/// # Errors
/// [`AuthError::TooMany`] if more wait from whose addresses fewer were wrong.
pub async fn matches_from(source_ip: &str, password: &str, phc: Option<String>) -> Result<bool, AuthError> {
    if password.len() > MAX_PASSWORD {
        return Ok(false);
    }
    let turn = TURNS.take(source_ip).await.ok_or(AuthError::TooMany { seconds: 1 })?;
    let password = password.to_owned();
    let check = move || {
        let begun = Instant::now();
        let known = phc.is_some();
        let phc = phc.unwrap_or_else(|| NOBODY.clone());
        let same = PasswordHash::new(&phc)
            .is_ok_and(|parsed| Argon2::default().verify_password(password.as_bytes(), &parsed).is_ok());
        tracing::debug!(microseconds = begun.elapsed().as_micros(), "a password was looked at");
        if same && known {
            turn.was_right();
        }
        // Whoever asked may be gone: the turn ends with the work, not with him.
        drop(turn);
        same && known
    };
    Ok(tokio::task::spawn_blocking(check).await.unwrap_or(false))
}

/// The same, for who is in already and sets a new password.
pub async fn matches(password: &str, phc: Option<String>) -> bool {
    matches_from("", password, phc).await.unwrap_or(false)
}
