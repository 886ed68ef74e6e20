//! Passwords: argon2id (19 MiB, 2 passes: OWASP's first choice), a few at a time.

use crate::model::internal::MAX_PASSWORD;
use argon2::Argon2;
use argon2::password_hash::{PasswordHash, PasswordHasher as _, PasswordVerifier as _, SaltString, rand_core::OsRng};
use std::sync::LazyLock;
use tokio::sync::Semaphore;

/// A check takes 19 MiB and a core for some 20 ms: a flood of wrong passwords must not take the machine.
static CHECKS: Semaphore = Semaphore::const_new(2);

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
pub async fn matches(password: &str, phc: Option<String>) -> bool {
    if password.len() > MAX_PASSWORD {
        return false;
    }
    let Ok(_slot) = CHECKS.acquire().await else { return false };
    let password = password.to_owned();
    let check = move || {
        let known = phc.is_some();
        let phc = phc.unwrap_or_else(|| NOBODY.clone());
        let same = PasswordHash::new(&phc)
            .is_ok_and(|parsed| Argon2::default().verify_password(password.as_bytes(), &parsed).is_ok());
        same && known
    };
    tokio::task::spawn_blocking(check).await.unwrap_or(false)
}
