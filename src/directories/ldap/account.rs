//! Whether an account may be used: what its attributes say, and what a bind was answered.

use super::entry::Entry;
use super::line::{Answer, POLICY};
use super::shape;
use crate::model::clock::Timestamp;
use crate::model::domain::{DirectoryTrouble, Provider, SignInRefusal};
use time::OffsetDateTime;

/// Says at a bind that the password has expired, or must be changed first (389-ds).
const EXPIRED: &str = "2.16.840.1.113730.3.4.4";
/// userAccountControl's ACCOUNTDISABLE.
const DISABLED: i64 = 2;
/// slapd's pwdAccountLockedTime where an administrator has locked somebody for good.
const FOR_GOOD: &str = "000001010000Z";

/// Disabled or expired, whatever the password. (A lock after wrong passwords is not told: anybody can bring it about from outside.)
pub(super) fn usable(provider: Provider, entry: &Entry, now: Timestamp) -> Result<(), SignInRefusal> {
    let now = now.assume_utc();
    let over = |end: Option<OffsetDateTime>| end.is_some_and(|end| end <= now);
    let (disabled, expired) = match provider {
        Provider::Ipa => (entry.is_true("nsAccountLock"), over(entry.time("krbPrincipalExpiration"))),
        Provider::Rhds => (entry.is_true("nsAccountLock"), false),
        Provider::OpenLdap => (entry.text("pwdAccountLockedTime") == FOR_GOOD, false),
        Provider::ActiveDirectory => (
            entry.number("userAccountControl").is_some_and(|flags| flags & DISABLED != 0),
            over(entry.file_time("accountExpires")),
        ),
    };
    match (disabled, expired) {
        (true, _) => Err(SignInRefusal::Disabled),
        (_, true) => Err(SignInRefusal::AccountExpired),
        _ => Ok(()),
    }
}

/// IPA's LDAP server lets people bind with expired passwords; its Kerberos does not.
pub(super) fn password_expired(provider: Provider, entry: &Entry, now: Timestamp) -> Result<(), SignInRefusal> {
    let end = if provider == Provider::Ipa { entry.time("krbPasswordExpiration") } else { None };
    match end {
        Some(end) if end <= now.assume_utc() => Err(SignInRefusal::PasswordExpired),
        _ => Ok(()),
    }
}

/// What the answer to a bind with somebody's password means; None: it is about the server, not about him.
pub(super) fn verdict(answer: &Answer) -> Option<Result<(), DirectoryTrouble>> {
    use SignInRefusal::{AccountExpired, Disabled, Locked, MustChange, PasswordExpired, Restricted, WrongPassword};
    let policy = answer.control(POLICY).and_then(shape::policy_error);
    let expired = answer.control(EXPIRED).is_some();
    // Whether the password was right is known if the server looks at it first.
    let (proven, refusal) = match (answer.code, policy) {
        (0, Some(2)) => (true, MustChange),
        (0, _) if expired => (true, MustChange),
        (0, _) => return Some(Ok(())),
        (49, Some(0)) => (true, PasswordExpired),
        (49, _) if expired => (true, PasswordExpired),
        (49, Some(1)) => (false, Locked),
        (49, _) => match active_directory(&answer.text) {
            Some("530") => (true, SignInRefusal::Hours),
            Some("531" | "52f") => (true, Restricted),
            Some("532") => (true, PasswordExpired),
            Some("533") => (true, Disabled),
            Some("701") => (true, AccountExpired),
            Some("773") => (true, MustChange),
            Some("775") => (false, Locked),
            _ => (true, WrongPassword),
        },
        // No such object, bad DN, no password: whoever it is, he has not shown that it is he.
        (32 | 34 | 48, _) => (true, WrongPassword),
        (53, _) => (false, Disabled),
        (19, _) if answer.text.contains("retry limit") => (false, Locked),
        (19, _) if answer.text.contains("inactivity limit") => (false, AccountExpired),
        (19 | 50, _) => (false, Restricted),
        _ => return None,
    };
    let trouble = if proven { DirectoryTrouble::SignIn } else { DirectoryTrouble::Unproven };
    Some(Err(trouble(refusal)))
}

/// `80090308: LdapErr: DSID-0C0903A9, comment: AcceptSecurityContext error, data 52e, v1db1`.
fn active_directory(text: &str) -> Option<&str> {
    text.split_once("data ")?.1.split(',').next()
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::datetime;

    const NOW: Timestamp = datetime!(2026-11-27 00:00:00);

    #[test]
    fn accounts_that_may_not_be_used() {
        use Provider::{ActiveDirectory, Ipa, OpenLdap, Rhds};
        let told = |provider, name, value| usable(provider, &Entry::of(&[(name, value)]), NOW);
        assert_eq!(told(Ipa, "nsAccountLock", "TRUE"), Err(SignInRefusal::Disabled));
        assert_eq!(told(Rhds, "nsAccountLock", "true"), Err(SignInRefusal::Disabled));
        assert_eq!(told(Ipa, "krbPrincipalExpiration", "20200101000000Z"), Err(SignInRefusal::AccountExpired));
        assert_eq!(told(Ipa, "krbPrincipalExpiration", "20300101000000Z"), Ok(()));
        assert_eq!(told(OpenLdap, "pwdAccountLockedTime", FOR_GOOD), Err(SignInRefusal::Disabled));
        assert_eq!(told(OpenLdap, "pwdAccountLockedTime", "20261126230000Z"), Ok(()), "anybody can do that to him");
        assert_eq!(told(ActiveDirectory, "userAccountControl", "514"), Err(SignInRefusal::Disabled));
        assert_eq!(told(ActiveDirectory, "userAccountControl", "512"), Ok(()));
        assert_eq!(told(ActiveDirectory, "accountExpires", "116444736000000000"), Err(SignInRefusal::AccountExpired));
        assert_eq!(told(ActiveDirectory, "accountExpires", "9223372036854775807"), Ok(()));
        let entry = Entry::of(&[("krbPasswordExpiration", "20200101000000Z")]);
        assert_eq!(password_expired(Ipa, &entry, NOW), Err(SignInRefusal::PasswordExpired));
    }

    #[test]
    fn active_directory_s_codes() {
        let text = "80090308: LdapErr: DSID-0C0903A9, comment: AcceptSecurityContext error, data 773, v1db1";
        let answer = Answer { code: 49, text: text.to_owned(), ..Answer::default() };
        assert_eq!(verdict(&answer), Some(Err(DirectoryTrouble::SignIn(SignInRefusal::MustChange))));
        let answer = Answer { code: 51, ..Answer::default() };
        assert_eq!(verdict(&answer), None, "busy: another server may know");
    }
}
