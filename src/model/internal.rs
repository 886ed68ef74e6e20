//! The internal domain's rules, as ovirt-aaa-jdbc has them: its settings, when an account is good, what a password must be.

use crate::model::clock::Timestamp;
use crate::model::valid::{Invalid, Problem};
use time::Duration;

/// Defines [`Settings`] with ovirt-aaa-jdbc's names, limits and defaults.
macro_rules! settings { ($($(#[$doc:meta])* $field:ident = $name:literal, $default:literal, $min:literal, $max:literal;)+) => {
    /// What `vireo users settings` shows and sets.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct Settings { $($(#[$doc])* pub $field: u32,)+ pub complexity: Complexity }

    impl Default for Settings {
        fn default() -> Self { Self { $($field: $default,)+ complexity: Complexity::default() } }
    }

    impl Settings {
        /// Every setting's name and value, in a fixed order.
        pub fn all(&self) -> Vec<(&'static str, String)> {
            vec![$(($name, self.$field.to_string()),)+ (COMPLEXITY, self.complexity.to_string())]
        }

        /// Sets one by its name.
        ///
        /// # Errors
        /// There is no such setting, or its value is out of its limits.
        pub fn set(&mut self, name: &str, value: &str) -> Result<(), Invalid> {
            match name {
                $($name => self.$field = number($name, value, $min, $max)?,)+
                COMPLEXITY => self.complexity = value.parse()?,
                _ => {
                    let allowed = self.all().iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ");
                    return Err(Invalid::new("name", Problem::NotOneOf { value: name.to_owned(), allowed }));
                }
            }
            Ok(())
        }
    }
} }

settings! {
    /// Wrong passwords in a row that lock an account.
    max_failures = "MAX_FAILURES_SINCE_SUCCESS", 5, 1, 1000;
    /// How long it is locked then (minutes).
    lock_minutes = "LOCK_MINUTES", 60, 1, 525_600;
    /// Characters.
    min_length = "MIN_LENGTH", 6, 1, 256;
    /// Former passwords that may not be used again.
    history = "PASSWORD_HISTORY_LIMIT", 3, 0, 50;
    /// Days after which a password must be changed; 0: never.
    expiration_days = "PASSWORD_EXPIRATION_DAYS", 180, 0, 36_500;
    /// 1: whoever has an expired password may change it when he signs in; 0: an administrator must.
    change_expired = "ALLOW_EXPIRED_PASSWORD_CHANGE", 1, 0, 1;
}

const COMPLEXITY: &str = "PASSWORD_COMPLEXITY";

fn number(name: &'static str, value: &str, min: u32, max: u32) -> Result<u32, Invalid> {
    let parsed = value.trim().parse::<u32>();
    let number = parsed.map_err(|_| Invalid::new(name, Problem::NotANumber { value: value.to_owned() }))?;
    match (min..=max).contains(&number) {
        true => Ok(number),
        false => Err(Invalid::new(name, Problem::Range { min: min.into(), max: max.into() })),
    }
}

/// How many characters of which kinds a password needs, as `UPPERCASE=1 NUMBERS=2`; empty: nothing is asked.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Complexity(Vec<(CharacterKind, u32)>);

text_enum! {
    /// Kinds of characters, as ovirt-aaa-jdbc names them, and one for all that is neither letter nor digit.
    CharacterKind { Uppercase = "UPPERCASE", Lowercase = "LOWERCASE", Numbers = "NUMBERS", Special = "SPECIAL", }
}

impl CharacterKind {
    fn has(self, c: char) -> bool {
        match self {
            Self::Uppercase => c.is_uppercase(),
            Self::Lowercase => c.is_lowercase(),
            Self::Numbers => c.is_numeric(),
            Self::Special => !c.is_alphanumeric(),
        }
    }
}

impl std::fmt::Display for Complexity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let parts: Vec<String> = self.0.iter().map(|(kind, min)| format!("{kind}={min}")).collect();
        f.write_str(&parts.join(" "))
    }
}

impl std::str::FromStr for Complexity {
    type Err = Invalid;
    fn from_str(text: &str) -> Result<Self, Invalid> {
        let mut kinds = Vec::new();
        for part in text.split_whitespace() {
            let (kind, min) = part.split_once('=').unwrap_or((part, "1"));
            let allowed = || CharacterKind::ALL.iter().map(|k| format!("{k}=N")).collect::<Vec<_>>().join(", ");
            let unknown =
                |_| Invalid::new(COMPLEXITY, Problem::NotOneOf { value: part.to_owned(), allowed: allowed() });
            kinds.push((kind.parse().map_err(unknown)?, number(COMPLEXITY, min, 1, 64)?));
        }
        Ok(Self(kinds))
    }
}

impl Settings {
    /// Is `password` long and varied enough?
    ///
    /// # Errors
    /// Every rule it breaks.
    pub fn fits(&self, field: &'static str, password: &str) -> Result<(), Vec<Invalid>> {
        let mut wrong = Vec::new();
        let (length, min) = (password.chars().count(), self.min_length as usize);
        if length < min {
            wrong.push(Problem::TooShort { length, min });
        }
        if password.len() > MAX_PASSWORD {
            wrong.push(Problem::TooLong { max: MAX_PASSWORD });
        }
        for (kind, min) in &self.complexity.0 {
            if password.chars().filter(|c| kind.has(*c)).count() < *min as usize {
                wrong.push(Problem::TooSimple { kind: *kind, min: *min });
            }
        }
        if wrong.is_empty() { Ok(()) } else { Err(wrong.into_iter().map(|p| Invalid::new(field, p)).collect()) }
    }

    /// How long a password that is set now is good.
    pub fn password_ends(&self, now: Timestamp) -> Option<Timestamp> {
        (self.expiration_days > 0).then(|| now + Duration::days(self.expiration_days.into()))
    }
}

/// The longest password looked at (bytes).
pub const MAX_PASSWORD: usize = 1024;

/// When in a week somebody may sign in: half hours from Sunday 00:00 UTC.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LoginHours(String);

const HALF_HOURS: usize = 7 * 48;

impl LoginHours {
    /// Is `now` within them?
    pub fn allow(&self, now: Timestamp) -> bool {
        let half_hour = usize::from(now.weekday().number_days_from_sunday()) * 48
            + usize::from(now.hour()) * 2
            + usize::from(now.minute()) / 30;
        self.0.is_empty() || self.0.as_bytes().get(half_hour) == Some(&b'1')
    }

    /// No half hour at all.
    pub fn never() -> Self {
        Self("0".repeat(HALF_HOURS))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::str::FromStr for LoginHours {
    type Err = Invalid;
    fn from_str(text: &str) -> Result<Self, Invalid> {
        let text = text.trim();
        let good = text.is_empty() || (text.len() == HALF_HOURS && text.bytes().all(|b| matches!(b, b'0' | b'1')));
        match good {
            true => Ok(Self(text.to_owned())),
            false => Err(Invalid::new("login_hours", Problem::LoginHours { length: text.chars().count() })),
        }
    }
}

/// When an account of the internal domain is good.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Validity {
    pub disabled: bool,
    pub valid_from: Option<Timestamp>,
    pub valid_to: Option<Timestamp>,
    pub login_hours: LoginHours,
    pub password_valid_to: Option<Timestamp>,
    pub must_change_password: bool,
    pub locked_until: Option<Timestamp>,
}

/// Why a right password is not enough.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotNow {
    #[error("the account is locked")]
    Locked,
    #[error("the account is disabled; ask an administrator")]
    Disabled,
    #[error("the account is not valid yet; ask an administrator")]
    NotYet,
    #[error("the account has expired; ask an administrator")]
    Expired,
    #[error("the account may not sign in at this time of the week")]
    Hours,
    #[error("the password has expired; ask an administrator for a new one")]
    PasswordExpired,
    #[error("the password must be changed first")]
    MustChange,
}

impl Validity {
    /// May he sign in now, if his password is right?
    ///
    /// # Errors
    /// Why not, by aaa-jdbc's order.
    pub fn at(&self, now: Timestamp, settings: &Settings) -> Result<(), NotNow> {
        if self.locked_until.is_some_and(|until| until > now) {
            return Err(NotNow::Locked);
        }
        if self.disabled {
            return Err(NotNow::Disabled);
        }
        if self.valid_from.is_some_and(|from| from > now) {
            return Err(NotNow::NotYet);
        }
        if self.valid_to.is_some_and(|to| to <= now) {
            return Err(NotNow::Expired);
        }
        if !self.login_hours.allow(now) {
            return Err(NotNow::Hours);
        }
        if self.must_change_password {
            return Err(NotNow::MustChange);
        }
        if self.password_valid_to.is_some_and(|to| to <= now) {
            return Err(if settings.change_expired == 1 { NotNow::MustChange } else { NotNow::PasswordExpired });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::datetime;

    // A Tuesday.
    const NOW: Timestamp = datetime!(2026-11-24 09:40:00);

    #[test]
    fn settings_have_names_and_limits() {
        let mut settings = Settings::default();
        for (name, value) in Settings::default().all() {
            settings.set(name, &value).unwrap();
        }
        assert_eq!(settings, Settings::default());
        settings.set("MIN_LENGTH", "12").unwrap();
        assert_eq!(settings.min_length, 12);
        for (name, value) in
            [("MIN_LENGTH", "0"), ("MIN_LENGTH", "many"), ("LENGTH", "3"), ("PASSWORD_COMPLEXITY", "SMALL=1")]
        {
            assert!(settings.set(name, value).is_err(), "{name}={value}");
        }
    }

    #[test]
    fn passwords_follow_the_rules() {
        let mut settings = Settings::default();
        settings.set("PASSWORD_COMPLEXITY", "UPPERCASE NUMBERS=2 SPECIAL=1").unwrap();
        assert_eq!(settings.complexity.to_string(), "UPPERCASE=1 NUMBERS=2 SPECIAL=1");
        settings.fits("password", "Ünder-42").unwrap();
        assert_eq!(settings.fits("password", "ab1").unwrap_err().len(), 4);
        assert_eq!(settings.fits("password", &"Aa1-2".repeat(300)).unwrap_err().len(), 1);
    }

    #[test]
    fn login_hours_are_half_hours_from_sunday() {
        let mut week = vec![b'0'; HALF_HOURS];
        week[2 * 48 + 19] = b'1';
        let hours: LoginHours = String::from_utf8(week).unwrap().parse().unwrap();
        assert!(hours.allow(NOW));
        assert!(!hours.allow(NOW + Duration::minutes(20)) && !hours.allow(NOW + Duration::days(1)));
        assert!(LoginHours::default().allow(NOW));
        assert!("0101".parse::<LoginHours>().is_err());
    }

    #[test]
    fn an_account_is_good_or_says_why_not() {
        let settings = Settings::default();
        let (before, after) = (Some(NOW - Duration::days(1)), Some(NOW + Duration::days(1)));
        let good = Validity {
            valid_from: before,
            valid_to: after,
            password_valid_to: after,
            locked_until: before,
            ..Validity::default()
        };
        assert_eq!(good.at(NOW, &settings), Ok(()));
        let is = |change: fn(&mut Validity, Option<Timestamp>, Option<Timestamp>), why| {
            let mut account = good.clone();
            change(&mut account, before, after);
            assert_eq!(account.at(NOW, &settings), Err(why));
        };
        is(|a, _, after| a.locked_until = after, NotNow::Locked);
        is(|a, _, _| a.disabled = true, NotNow::Disabled);
        is(|a, _, after| a.valid_from = after, NotNow::NotYet);
        is(|a, before, _| a.valid_to = before, NotNow::Expired);
        is(|a, _, _| a.login_hours = "0".repeat(HALF_HOURS).parse().unwrap(), NotNow::Hours);
        is(|a, _, _| a.must_change_password = true, NotNow::MustChange);
        is(|a, before, _| a.password_valid_to = before, NotNow::MustChange);
        let strict = Settings { change_expired: 0, ..Settings::default() };
        let expired = Validity { password_valid_to: before, ..good.clone() };
        assert_eq!(expired.at(NOW, &strict), Err(NotNow::PasswordExpired));
    }
}
