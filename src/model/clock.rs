//! Time as a parameter, so that tests own it.

use crate::model::valid::{Invalid, Problem};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use time::macros::format_description;
use time::{Date, OffsetDateTime, PrimitiveDateTime};

/// UTC to the second's thousandth: what both databases keep exactly.
pub type Timestamp = PrimitiveDateTime;

/// Where the time comes from.
pub trait Clock: Send + Sync + std::fmt::Debug {
    fn now(&self) -> Timestamp;
}

/// The machine's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        from_offset(OffsetDateTime::now_utc())
    }
}

/// A clock that stands still until it is moved.
#[derive(Debug, Clone)]
pub struct ManualClock(Arc<AtomicI64>);

impl ManualClock {
    /// Starts at this Unix time (seconds).
    pub fn at(unix_seconds: i64) -> Self {
        Self(Arc::new(AtomicI64::new(unix_seconds)))
    }
    pub fn advance(&self, seconds: i64) {
        self.0.fetch_add(seconds, Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        from_offset(
            OffsetDateTime::from_unix_timestamp(self.0.load(Ordering::SeqCst)).unwrap_or(OffsetDateTime::UNIX_EPOCH),
        )
    }
}

/// A time that a person typed: `2027-01-31 18:00:00Z`, with an offset (`+0800`) or none (UTC), or a date alone (its first second, UTC).
///
/// # Errors
/// Names the field and shows what would be right.
pub fn parse(field: &'static str, text: &str) -> Result<Timestamp, Invalid> {
    let text = text.trim();
    let date = format_description!("[year]-[month]-[day]");
    let full = format_description!("[year]-[month]-[day] [hour]:[minute]:[second]");
    let offset =
        format_description!("[year]-[month]-[day] [hour]:[minute]:[second][offset_hour sign:mandatory][offset_minute]");
    let plain = text.strip_suffix('Z').unwrap_or(text);
    let utc = |t: OffsetDateTime| {
        let t = t.to_offset(time::UtcOffset::UTC);
        PrimitiveDateTime::new(t.date(), t.time())
    };
    PrimitiveDateTime::parse(plain, full)
        .ok()
        .or_else(|| OffsetDateTime::parse(text, offset).ok().map(utc))
        .or_else(|| Date::parse(text, date).ok().map(Date::midnight))
        .ok_or_else(|| Invalid::new(field, Problem::NotATime { value: text.to_owned() }))
}

/// As [`parse`] takes it.
pub fn show(time: Timestamp) -> String {
    let full = format_description!("[year]-[month]-[day] [hour]:[minute]:[second]Z");
    time.format(full).unwrap_or_default()
}

pub fn from_offset(t: OffsetDateTime) -> Timestamp {
    let millis = t.millisecond();
    let t = t.replace_nanosecond(u32::from(millis) * 1_000_000).unwrap_or(t);
    PrimitiveDateTime::new(t.date(), t.time())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_as_people_type_them() {
        for (text, shown) in [
            ("2027-01-31 18:00:00Z", "2027-01-31 18:00:00Z"),
            ("2027-01-31 18:00:00", "2027-01-31 18:00:00Z"),
            ("2027-01-31 18:00:00+0800", "2027-01-31 10:00:00Z"),
            (" 2027-01-31 ", "2027-01-31 00:00:00Z"),
        ] {
            assert_eq!(show(parse("valid_to", text).unwrap()), shown);
        }
        for bad in ["", "tomorrow", "2027-13-01", "31.1.2027", "2027-01-31 18:00"] {
            assert!(parse("valid_to", bad).is_err(), "{bad}");
        }
    }
}
