//! An entry of a directory, and what its attributes say.

use ldap3::{ResultEntry, SearchEntry};
use std::collections::HashMap;
use time::macros::format_description;
use time::{Duration, OffsetDateTime, PrimitiveDateTime};

/// Longer values are cut: no name or title has more characters.
const MOST_CHARACTERS: usize = 255;

/// An entry: names of attributes in lower case, as servers differ in how they write them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Entry {
    pub dn: String,
    values: HashMap<String, Vec<Vec<u8>>>,
}

impl From<ResultEntry> for Entry {
    fn from(found: ResultEntry) -> Self {
        let found = SearchEntry::construct(found);
        let texts =
            found.attrs.into_iter().map(|(name, all)| (name, all.into_iter().map(String::into_bytes).collect()));
        let values = texts.chain(found.bin_attrs).map(|(name, all)| (name.to_ascii_lowercase(), all)).collect();
        Self { dn: found.dn, values }
    }
}

impl Entry {
    pub(super) fn all(&self, name: &str) -> &[Vec<u8>] {
        self.values.get(&name.to_ascii_lowercase()).map_or(&[], Vec::as_slice)
    }

    pub(super) fn bytes(&self, name: &str) -> Option<&[u8]> {
        self.all(name).first().map(Vec::as_slice)
    }

    /// The first value as a line of text; empty: none.
    pub(super) fn text(&self, name: &str) -> String {
        let raw = self.bytes(name).map(String::from_utf8_lossy).unwrap_or_default();
        let line: String = raw.chars().filter(|c| !c.is_control()).take(MOST_CHARACTERS).collect();
        line.trim().to_owned()
    }

    pub(super) fn is_true(&self, name: &str) -> bool {
        self.text(name).eq_ignore_ascii_case("true")
    }

    pub(super) fn number(&self, name: &str) -> Option<i64> {
        self.text(name).parse().ok()
    }

    /// A GeneralizedTime (RFC 4517 3.3.13) in UTC, as servers write it: `20270131180000Z`, with or without a fraction.
    pub(super) fn time(&self, name: &str) -> Option<OffsetDateTime> {
        let text = self.text(name);
        let digits = text.strip_suffix('Z')?.split('.').next()?;
        let format = format_description!("[year][month][day][hour][minute][second]");
        PrimitiveDateTime::parse(digits, format).ok().map(PrimitiveDateTime::assume_utc)
    }

    /// Active Directory's time: tenths of microseconds since 1601; none for "never".
    pub(super) fn file_time(&self, name: &str) -> Option<OffsetDateTime> {
        const TO_UNIX_EPOCH: i64 = 11_644_473_600;
        let ticks = self.number(name).filter(|ticks| *ticks > 0 && *ticks < i64::MAX)?;
        OffsetDateTime::UNIX_EPOCH.checked_add(Duration::seconds(ticks / 10_000_000 - TO_UNIX_EPOCH))
    }

    #[cfg(test)]
    pub(super) fn of(pairs: &[(&str, &str)]) -> Self {
        let values = pairs.iter().map(|(name, value)| (name.to_ascii_lowercase(), vec![value.as_bytes().to_vec()]));
        Self { dn: String::new(), values: values.collect() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::datetime;

    #[test]
    fn times_of_both_kinds() {
        let entry = Entry::of(&[
            ("A", "20270131180000Z"),
            ("b", "20270131180000.0Z"),
            ("c", "133824096000000000"),
            ("d", "9223372036854775807"),
            ("e", "0"),
            ("f", "2027"),
        ]);
        assert_eq!(entry.time("a"), Some(datetime!(2027-01-31 18:00 UTC)));
        assert_eq!(entry.time("B"), Some(datetime!(2027-01-31 18:00 UTC)));
        assert_eq!(entry.file_time("c"), Some(datetime!(2025-01-27 00:00 UTC)));
        assert_eq!((entry.file_time("d"), entry.file_time("e"), entry.time("f")), (None, None, None));
    }

    #[test]
    fn texts_are_lines_of_bounded_length() {
        let long = format!(" a\u{0}\nb{} ", "x".repeat(1000));
        let text = Entry::of(&[("title", &long)]).text("title");
        assert!(text.starts_with("abx") && text.len() <= MOST_CHARACTERS, "{text}");
    }
}
