//! How often an address may be wrong, and how often an account may be guessed at: a guesser is turned away before a password is even
//! looked at, so that others sign in undisturbed.

use crate::model::clock::Timestamp;
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use time::Duration;

/// aaa-jdbc's MAX_FAILURES_PER_MINUTE, here for an address, and for a name from whatever addresses: whether there is such an account or
/// not. A real one is locked long before.
pub const PER_MINUTE: u32 = 20;
/// More addresses and names than this at once share one count.
const MOST_KNOWN: usize = 20_000;

/// Wrong passwords of the last minute, by address and by name.
#[derive(Debug, Default)]
pub struct Guesses(Mutex<Known>);

#[derive(Debug, Default)]
struct Known {
    minutes: HashMap<String, Minute>,
    swept: Option<Timestamp>,
}

#[derive(Debug, Clone, Copy)]
struct Minute {
    began: Timestamp,
    wrong: u32,
}

/// A try under way; it counts as wrong until it is right.
#[derive(Debug)]
#[must_use]
pub struct Guess<'a> {
    all: &'a Guesses,
    counted: Vec<String>,
}

impl Guesses {
    /// A try from this address at this name (empty: at none).
    ///
    /// # Errors
    /// Too many were wrong; after so many seconds there may be another.
    pub fn begin(&self, source_ip: &str, name: &str, now: Timestamp) -> Result<Guess<'_>, i64> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut keys = vec![network(source_ip)];
        if !name.is_empty() {
            let (user, domain) = super::sign_in::split(name);
            // No address looks like this.
            keys.push(format!("name {user}@{domain}"));
        }
        let counted: Vec<String> = keys.into_iter().map(|key| known.room(key, now)).collect();
        for key in &counted {
            let minute = known.minutes.get(key).copied().filter(|minute| !minute.is_over(now));
            if let Some(minute) = minute.filter(|minute| minute.wrong >= PER_MINUTE) {
                return Err((minute.began + Duration::MINUTE - now).whole_seconds().max(1));
            }
        }
        for key in &counted {
            let minute = known.minutes.entry(key.clone()).or_insert(Minute { began: now, wrong: 0 });
            if minute.is_over(now) {
                *minute = Minute { began: now, wrong: 0 };
            }
            minute.wrong += 1;
        }
        Ok(Guess { all: self, counted })
    }
}

impl Known {
    /// The key to count under: its own, or where there is no room, one that all others share.
    fn room(&mut self, key: String, now: Timestamp) -> String {
        if self.minutes.len() < MOST_KNOWN || self.minutes.contains_key(&key) {
            return key;
        }
        // At most once a second: a flood must not have all of them looked through with each try.
        if self.swept.is_none_or(|at| now - at >= Duration::SECOND || now < at) {
            self.swept = Some(now);
            self.minutes.retain(|_, minute| !minute.is_over(now));
        }
        if self.minutes.len() < MOST_KNOWN { key } else { String::new() }
    }
}

impl Minute {
    fn is_over(self, now: Timestamp) -> bool {
        now - self.began >= Duration::MINUTE || now < self.began
    }
}

impl Guess<'_> {
    /// The password was right.
    pub fn was_right(self) {
        let mut all = self.all.0.lock().unwrap_or_else(PoisonError::into_inner);
        for key in &self.counted {
            if let Some(minute) = all.minutes.get_mut(key) {
                minute.wrong = minute.wrong.saturating_sub(1);
            }
        }
    }
}

/// Whoever has one IPv6 address has its whole /64.
pub(super) fn network(source_ip: &str) -> String {
    match source_ip.parse() {
        Ok(IpAddr::V6(address)) => match address.to_ipv4_mapped() {
            Some(address) => address.to_string(),
            None => address.segments()[..4].iter().map(|part| format!("{part:x}:")).collect(),
        },
        _ => source_ip.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::datetime;

    const NOW: Timestamp = datetime!(2026-11-24 09:00:00);

    #[test]
    fn twenty_wrong_ones_a_minute() {
        let guesses = Guesses::default();
        for _ in 0..100 {
            guesses.begin("10.0.0.1", "", NOW).unwrap().was_right();
        }
        for _ in 0..PER_MINUTE {
            let _wrong = guesses.begin("10.0.0.1", "", NOW).unwrap();
        }
        assert_eq!(guesses.begin("10.0.0.1", "", NOW + Duration::seconds(40)).unwrap_err(), 20);
        assert!(guesses.begin("10.0.0.2", "", NOW).is_ok(), "others are undisturbed");
        assert!(guesses.begin("10.0.0.1", "", NOW + Duration::MINUTE).is_ok());
    }

    #[test]
    fn a_network_of_ipv6_is_one_guesser() {
        let guesses = Guesses::default();
        for n in 0..PER_MINUTE {
            let _wrong = guesses.begin(&format!("2001:db8:0:1::{n:x}"), "", NOW).unwrap();
        }
        assert!(guesses.begin("2001:db8:0:1:ffff::1", "", NOW).is_err());
        assert!(guesses.begin("2001:db8:0:2::1", "", NOW).is_ok());
        assert_eq!(network("::ffff:10.0.0.1"), "10.0.0.1");
    }

    #[test]
    fn a_flood_of_addresses_takes_bounded_memory() {
        let guesses = Guesses::default();
        for n in 0..2 * MOST_KNOWN {
            let _ = guesses.begin(&format!("10.{}.{}.{}", n >> 16, (n >> 8) & 255, n & 255), &format!("user{n}"), NOW);
        }
        assert!(guesses.0.lock().unwrap().minutes.len() <= MOST_KNOWN + 2);
    }

    #[test]
    fn many_addresses_at_one_name_are_one_guesser() {
        let guesses = Guesses::default();
        for n in 0..PER_MINUTE {
            let _wrong = guesses.begin(&format!("10.0.0.{n}"), "Bob@internal", NOW).unwrap();
        }
        assert!(guesses.begin("10.0.1.1", "bob", NOW).is_err());
        assert!(guesses.begin("10.0.1.1", "alice", NOW).is_ok());
        assert!(guesses.begin("10.0.1.1", "bob", NOW + Duration::MINUTE).is_ok());
    }
}
