//! Second factors: codes by time (RFC 6238) and recovery codes.

use super::{AuthError, hash, vault::Vault};
use crate::db::Db;
use crate::model::clock::Timestamp;
use crate::model::ids::UserId;
use crate::model::user::SignInMethod;
use crate::store::factors;
use rand::RngCore as _;
use totp_rs::{Builder, Secret, Totp};

/// Digits of a code.
pub const DIGITS: usize = 6;
const SECRET_BYTES: usize = 20;
/// How many recovery codes somebody gets, and their letters: 80 bits each.
const RECOVERY_CODES: usize = 8;
const RECOVERY_LETTERS: usize = 16;

/// What an authenticator app is given, shown once.
#[derive(Clone, PartialEq, Eq)]
pub struct SetUp {
    /// To be typed: base32.
    pub secret: String,
    /// To be photographed: `otpauth://totp/…`
    pub uri: String,
}

fn purpose(user: UserId) -> String {
    format!("totp {user}")
}

fn generator(secret: Secret, name: &str) -> Totp {
    // The issuer and the name are told apart by a colon.
    let name = name.replace(':', "_");
    Builder::new().with_secret(secret).with_account_name(name).with_issuer(Some("Vireo")).build_noncompliant()
}

/// A fresh secret for somebody who sets codes up, kept until he confirms it. None: he has codes already.
///
/// # Errors
/// The system has no randomness, or the database failed.
pub fn begin(db: &mut Db, vault: &Vault, user: UserId, name: &str, now: Timestamp) -> Result<Option<SetUp>, AuthError> {
    let mut bytes = [0u8; SECRET_BYTES];
    rand::rng().fill_bytes(&mut bytes);
    let totp = generator(Secret::from(bytes), name);
    let secret = Secret::from(bytes).to_base32();
    let sealed = vault.seal(&purpose(user), &secret)?;
    if !factors::begin_totp(db, user, &sealed, now)? {
        return Ok(None);
    }
    let uri = totp.to_url().unwrap_or_default();
    Ok(Some(SetUp { secret, uri }))
}

/// The beginning of a set-up again: the page is shown once more after a wrong code.
///
/// # Errors
/// The secret does not open, or the database failed.
pub fn begun(db: &mut Db, vault: &Vault, user: UserId, name: &str) -> Result<Option<SetUp>, AuthError> {
    let Some(row) = factors::totp(db, user)?.filter(|row| !row.confirmed) else { return Ok(None) };
    let secret = vault.open(&purpose(user), &row.sealed_secret)?;
    let uri = Secret::try_from_base32(&secret).map(|s| generator(s, name).to_url().unwrap_or_default());
    Ok(Some(SetUp { uri: uri.unwrap_or_default(), secret }))
}

/// Confirms a set-up by its first code; the recovery codes, shown once. None: the code is wrong.
///
/// # Errors
/// The secret does not open, or the database failed.
pub fn confirm(
    db: &mut Db,
    vault: &Vault,
    user: UserId,
    code: &str,
    now: Timestamp,
) -> Result<Option<Vec<String>>, AuthError> {
    let set_up = factors::totp(db, user)?.is_some_and(|row| !row.confirmed);
    if !set_up || !take_code(db, vault, user, code, now)? {
        return Ok(None);
    }
    fresh_recovery(db, user).map(Some)
}

/// Fresh recovery codes; those of before are good no more.
///
/// # Errors
/// The database failed.
pub fn fresh_recovery(db: &mut Db, user: UserId) -> Result<Vec<String>, AuthError> {
    let codes: Vec<String> = (0..RECOVERY_CODES).map(|_| recovery_code()).collect();
    let hashes: Vec<String> = codes.iter().map(|code| recovery_hash(user, code)).collect();
    factors::set_recovery(db, user, &hashes)?;
    Ok(codes)
}

fn recovery_code() -> String {
    let mut bytes = [0u8; RECOVERY_LETTERS * 5 / 8];
    rand::rng().fill_bytes(&mut bytes);
    let letters: Vec<char> = Secret::from(bytes).to_base32().to_lowercase().chars().collect();
    letters.chunks(4).map(|four| four.iter().collect::<String>()).collect::<Vec<_>>().join("-")
}

/// As it may be typed: in any case, with or without dashes and blanks.
fn recovery_hash(user: UserId, code: &str) -> String {
    let plain: String = code.to_lowercase().chars().filter(char::is_ascii_alphanumeric).collect();
    hash::of_secret(&format!("recovery:{user}:{plain}"))
}

/// Takes a code, of the app or one for recovery: none is taken twice. None: it is wrong.
///
/// # Errors
/// The secret does not open, or the database failed.
pub fn take(
    db: &mut Db,
    vault: &Vault,
    user: UserId,
    code: &str,
    now: Timestamp,
) -> Result<Option<SignInMethod>, AuthError> {
    let code: String = code.chars().filter(|c| !c.is_whitespace()).take(64).collect();
    if code.len() > DIGITS {
        let taken = factors::take_recovery(db, user, &recovery_hash(user, &code))?;
        return Ok(taken.then_some(SignInMethod::PasswordRecovery));
    }
    let confirmed = factors::totp(db, user)?.is_some_and(|row| row.confirmed);
    Ok((confirmed && take_code(db, vault, user, &code, now)?).then_some(SignInMethod::PasswordCode))
}

fn take_code(db: &mut Db, vault: &Vault, user: UserId, code: &str, now: Timestamp) -> Result<bool, AuthError> {
    let Some(row) = factors::totp(db, user)? else { return Ok(false) };
    let code: String = code.chars().filter(|c| !c.is_whitespace()).take(64).collect();
    let secret = vault.open(&purpose(user), &row.sealed_secret)?;
    let Ok(secret) = Secret::try_from_base32(&secret) else { return Ok(false) };
    let seconds = u64::try_from(now.assume_utc().unix_timestamp()).unwrap_or_default();
    let Some(step) = generator(secret, "").check(&code, seconds) else { return Ok(false) };
    Ok(factors::take_step(db, user, i64::try_from(step).unwrap_or(i64::MAX))?)
}

/// A password with a code behind it, as scripts send it.
pub fn split(password: &str) -> Option<(&str, &str)> {
    let at = password.len().checked_sub(DIGITS)?;
    let (password, code) = password.split_at_checked(at)?;
    code.bytes().all(|b| b.is_ascii_digit()).then_some((password, code))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_those_of_the_rfc() {
        // RFC 6238, appendix B, SHA-1: the last six digits.
        let totp = generator(Secret::from(b"12345678901234567890".to_vec()), "admin@internal");
        for (seconds, code) in [(59, "287082"), (1_111_111_109, "081804"), (20_000_000_000, "353130")] {
            assert_eq!(totp.check(code, seconds), Some(seconds / 30));
            assert_eq!(totp.check(code, seconds + 30), Some(seconds / 30), "a step late");
            assert_eq!(totp.check(code, seconds + 90), None);
        }
        for wrong in ["", "28708", "2870820", "ABCDEF", "２８７０８２"] {
            assert_eq!(totp.check(wrong, 59), None);
        }
        let uri = totp.to_url().unwrap();
        assert!(uri.starts_with("otpauth://totp/") && uri.contains("issuer=Vireo"), "{uri}");
    }

    #[test]
    fn a_code_stands_behind_the_password() {
        assert_eq!(split("secret123456"), Some(("secret", "123456")));
        assert_eq!(split("123456"), Some(("", "123456")));
        for none in ["secret", "12345", "", "secret12345x", "пароль"] {
            assert_eq!(split(none), None);
        }
    }

    #[test]
    fn a_recovery_code_may_be_typed_in_any_way() {
        let (user, code) = (UserId::random(), recovery_code());
        assert_eq!(code.len(), RECOVERY_LETTERS + 3, "{code}");
        assert_eq!(recovery_hash(user, &code), recovery_hash(user, &code.to_uppercase().replace('-', " ")));
        assert_ne!(recovery_hash(user, &code), recovery_hash(UserId::random(), &code));
    }
}
