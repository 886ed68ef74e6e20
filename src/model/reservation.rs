//! Reservations: a pool is kept for somebody at a time of the week, the class on Tuesdays from nine to half past ten.
//!
//! They are said in the wall-clock time of a place (IANA time zone), so that nine stays nine when summer time begins.

use crate::model::clock::Timestamp;
use crate::model::ids::{PoolId, PrincipalId, ReservationId};
use crate::model::valid::{Invalid, Problem};
use jiff::civil::{Time, Weekday};
use jiff::tz::TimeZone;
use std::fmt;
use std::str::FromStr;
use time::{OffsetDateTime, PrimitiveDateTime};

/// Minutes before it begins in which VMs are started for it and nobody else gets one.
pub const MAX_LEAD_MINUTES: u32 = 240;

/// Days of the week: bit 0 is Monday.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Weekdays(pub u8);

impl Weekdays {
    /// Monday to Sunday, as forms and texts name them.
    pub const NAMES: [&'static str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

    pub const fn contains(self, day: usize) -> bool {
        self.0 >> day & 1 == 1
    }
    #[must_use]
    pub const fn with(self, day: usize) -> Self {
        Self(self.0 | 1 << day)
    }
    fn has(self, day: Weekday) -> bool {
        self.contains(usize::try_from(day.to_monday_zero_offset()).unwrap_or_default())
    }
}

/// A time of day to the minute: `09:30`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct TimeOfDay(u16);

impl TimeOfDay {
    /// None: a day has no such minute.
    pub fn from_minutes(minutes: u16) -> Option<Self> {
        (minutes < 24 * 60).then_some(Self(minutes))
    }
    pub const fn minutes(self) -> u16 {
        self.0
    }
    fn civil(self) -> Time {
        let part = |n: u16| i8::try_from(n).unwrap_or_default();
        Time::new(part(self.0 / 60), part(self.0 % 60), 0, 0).unwrap_or(Time::midnight())
    }
}

impl FromStr for TimeOfDay {
    type Err = ();
    fn from_str(text: &str) -> Result<Self, ()> {
        let (hours, minutes) = text.trim().split_once(':').ok_or(())?;
        let number =
            |part: &str, below: u16| part.parse::<u16>().ok().filter(|n| *n < below && part.len() == 2).ok_or(());
        Ok(Self(number(hours, 24)? * 60 + number(minutes, 60)?))
    }
}

impl fmt::Display for TimeOfDay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02}:{:02}", self.0 / 60, self.0 % 60)
    }
}

/// A reservation to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewReservation {
    /// The user or group that it is for.
    pub principal: PrincipalId,
    pub weekdays: Weekdays,
    pub from: TimeOfDay,
    pub until: TimeOfDay,
    /// `Europe/Berlin`
    pub time_zone: String,
    pub lead_minutes: u32,
    /// VMs that run when it begins.
    pub prestarted: u32,
    /// What was taken for it is shut down when it ends.
    pub shuts_down: bool,
}

/// A reservation of a pool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reservation {
    pub id: ReservationId,
    pub pool: PoolId,
    pub what: NewReservation,
}

/// One time that a reservation comes round.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Lesson {
    pub begins: Timestamp,
    pub ends: Timestamp,
}

/// What is reserved now, as lists show it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reserved {
    /// The user or group.
    pub who: String,
    pub until: Timestamp,
    /// The asking person is one of those.
    pub mine: bool,
}

impl NewReservation {
    /// The time zone.
    ///
    /// # Errors
    /// There is none of that name.
    pub fn zone(&self) -> Result<TimeZone, Invalid> {
        let unknown =
            |_| Invalid::new("time_zone", Problem::NoTimeZone { value: self.time_zone.chars().take(64).collect() });
        TimeZone::get(&self.time_zone).map_err(unknown)
    }

    /// What is wrong with it by itself.
    pub fn check(&self) -> Vec<Invalid> {
        let mut wrong = Vec::new();
        if self.weekdays == Weekdays::default() {
            wrong.push(Invalid::new("weekdays", Problem::Missing));
        }
        if self.from >= self.until {
            wrong.push(Invalid::new("until", Problem::NotAfter { begins: self.from.to_string() }));
        }
        wrong.extend(
            crate::model::valid::range("lead_minutes", self.lead_minutes.into(), 0, MAX_LEAD_MINUTES.into()).err(),
        );
        wrong.extend(self.zone().err());
        wrong
    }

    /// The lessons of the days around `now`, in order: from the day before to a week after.
    fn lessons(&self, now: Timestamp) -> Vec<Lesson> {
        let Ok(zone) = self.zone() else { return Vec::new() };
        let Ok(instant) = jiff::Timestamp::from_second(now.assume_utc().unix_timestamp()) else { return Vec::new() };
        let today = instant.to_zoned_datetime(zone.clone()).date();
        let at = |date: jiff::civil::Date, time: TimeOfDay| {
            let zoned = date.to_datetime(time.civil()).to_zoned_datetime(zone.clone()).ok()?;
            let utc = OffsetDateTime::from_unix_timestamp(zoned.timestamp().as_second()).ok()?;
            Some(PrimitiveDateTime::new(utc.date(), utc.time()))
        };
        let lesson = |offset: i64| {
            let date = today.checked_add(jiff::Span::new().days(offset)).ok()?;
            let (begins, ends) = (at(date, self.from)?, at(date, self.until)?);
            self.weekdays.has(date.weekday()).then_some(Lesson { begins, ends })
        };
        (-1..=8).filter_map(lesson).collect()
    }

    fn lead(&self) -> time::Duration {
        time::Duration::minutes(self.lead_minutes.into())
    }

    /// The lesson that holds now, or is being prepared.
    pub fn now(&self, now: Timestamp) -> Option<Lesson> {
        self.lessons(now).into_iter().find(|l| l.begins.saturating_sub(self.lead()) <= now && now < l.ends)
    }

    /// The lesson whose VMs are shut down within `within`, and since when VMs were taken for it.
    pub fn ending(&self, now: Timestamp, within: time::Duration) -> Option<(Timestamp, Lesson)> {
        let lesson = self.now(now).filter(|l| self.shuts_down && l.ends.saturating_sub(within) <= now)?;
        Some((lesson.begins.saturating_sub(self.lead()), lesson))
    }

    /// The lesson that holds now, or the next.
    pub fn next(&self, now: Timestamp) -> Option<Lesson> {
        self.lessons(now).into_iter().find(|l| now < l.ends)
    }

    /// The last lesson that ended within the past `within`, and since when VMs were taken for it.
    pub fn ended(&self, now: Timestamp, within: time::Duration) -> Option<(Timestamp, Lesson)> {
        let ended = |l: &Lesson| l.ends <= now && now < l.ends.saturating_add(within);
        self.lessons(now).into_iter().rfind(ended).map(|l| (l.begins.saturating_sub(self.lead()), l))
    }
}

/// The time zone of this machine.
pub fn own_time_zone() -> String {
    TimeZone::system().iana_name().unwrap_or("UTC").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::datetime;

    /// Tuesdays and Thursdays, nine to half past ten in Berlin, prepared a quarter of an hour before.
    fn class() -> NewReservation {
        NewReservation {
            principal: PrincipalId::random(),
            weekdays: Weekdays::default().with(1).with(3),
            from: "09:00".parse().unwrap(),
            until: "10:30".parse().unwrap(),
            time_zone: "Europe/Berlin".to_owned(),
            lead_minutes: 15,
            prestarted: 30,
            shuts_down: true,
        }
    }

    #[test]
    fn holds_from_its_lead_to_its_end() {
        // Tuesday 2026-11-24; Berlin is an hour ahead of UTC.
        let lesson = Lesson { begins: datetime!(2026-11-24 08:00), ends: datetime!(2026-11-24 09:30) };
        let class = class();
        assert_eq!(class.now(datetime!(2026-11-24 07:44:59)), None);
        for now in [datetime!(2026-11-24 07:45), datetime!(2026-11-24 08:00), datetime!(2026-11-24 09:29:59)] {
            assert_eq!(class.now(now), Some(lesson), "{now}");
        }
        assert_eq!(class.now(datetime!(2026-11-24 09:30)), None);
        assert_eq!(class.now(datetime!(2026-11-25 08:30)), None, "not on Wednesdays");
    }

    #[test]
    fn nine_stays_nine_in_summer() {
        let next = class().next(datetime!(2026-07-13 00:00)).unwrap();
        assert_eq!(next.begins, datetime!(2026-07-14 07:00));
        let next = class().next(datetime!(2026-11-24 09:30)).unwrap();
        assert_eq!(next.begins, datetime!(2026-11-26 08:00));
    }

    #[test]
    fn knows_what_has_just_ended() {
        let hour = time::Duration::hours(1);
        let (since, lesson) = class().ended(datetime!(2026-11-24 09:45), hour).unwrap();
        assert_eq!((since, lesson.ends), (datetime!(2026-11-24 07:45), datetime!(2026-11-24 09:30)));
        assert_eq!(class().ended(datetime!(2026-11-24 10:30), hour), None);
        assert_eq!(class().ended(datetime!(2026-11-24 09:29), hour), None);
        let ten = time::Duration::minutes(10);
        assert_eq!(class().ending(datetime!(2026-11-24 09:19), ten), None);
        assert_eq!(class().ending(datetime!(2026-11-24 09:20), ten), Some((since, lesson)));
        let stays = NewReservation { shuts_down: false, ..class() };
        assert_eq!(stays.ending(datetime!(2026-11-24 09:20), ten), None);
    }

    #[test]
    fn says_what_is_wrong() {
        let wrong = NewReservation {
            weekdays: Weekdays::default(),
            until: "09:00".parse().unwrap(),
            time_zone: "Europe/Atlantis".to_owned(),
            lead_minutes: 500,
            ..class()
        };
        let fields: Vec<_> = wrong.check().into_iter().map(|w| w.field).collect();
        assert_eq!(fields, ["weekdays", "until", "lead_minutes", "time_zone"]);
        assert!(class().check().is_empty());
        for text in ["24:00", "9:00", "09:60", "nine", "09:0", "-1:00"] {
            assert!(text.parse::<TimeOfDay>().is_err(), "{text}");
        }
    }
}
