//! Power management: what powers a host, and how it is asked.

use crate::model::ids::{FenceAgentId, HostId};
use crate::model::valid::{self, Invalid, Problem};
use std::collections::BTreeMap;

text_enum! {
    /// What a fence agent is asked to do (its `action`).
    PowerAction { Status = "status", On = "on", Off = "off", }
}
text_enum! {
    /// What a person, or the engine, wants of a host's power (oVirt's fence types).
    FenceType { Start = "start", Stop = "stop", Restart = "restart", }
}

const MAX_TEXT: usize = 255;
const MAX_OPTIONS: usize = 32;
/// Several at a host are two power supplies or a second way in.
pub const MAX_AGENTS: usize = 8;
const MAX_ORDER: u32 = 99;

/// One that powers a host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FenceAgent {
    pub id: FenceAgentId,
    pub host: HostId,
    /// Asked in this order, from 1. Those with the same number are asked together, like two power supplies; the next are asked where
    /// these fail.
    pub place: u32,
    /// `ipmilan`, `redfish`, `apc` …: the program is `fence_` and this.
    pub kind: String,
    pub address: String,
    pub user: String,
    pub options: BTreeMap<String, String>,
}

/// One to be added.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct NewFenceAgent {
    pub kind: String,
    pub address: String,
    pub user: String,
    pub password: String,
    /// `key=value`, one in a line or separated by commas (oVirt's "options").
    pub options: String,
    /// None: after those there are.
    pub order: Option<u32>,
}

/// What is asked together, in the order of asking; of agents in their order.
pub fn together<T>(agents: &[T], place: impl Fn(&T) -> u32) -> Vec<&[T]> {
    agents.chunk_by(|a, b| place(a) == place(b)).collect()
}

/// Whether the power is as wanted when those that are asked together say this: all must say that it is off; one that gives power is enough.
pub fn agree(said: &[bool], wanted: bool) -> bool {
    if wanted { said.contains(&true) } else { !said.is_empty() && !said.contains(&true) }
}

impl NewFenceAgent {
    /// Everything in its bounds; what the program reads line by line has no line breaks.
    ///
    /// # Errors
    /// Names each field and what is wrong.
    pub fn check(self) -> Result<(Self, BTreeMap<String, String>), Vec<Invalid>> {
        let mut wrong = Vec::new();
        let kind = self.kind.trim().to_owned();
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
        if kind.is_empty() {
            wrong.push(Invalid::new("type", Problem::Missing));
        } else if kind.len() > 32 || !kind.chars().all(plain) {
            wrong.push(Invalid::new("type", Problem::NotAFenceAgent));
        }
        for (field, text) in [("address", &self.address), ("username", &self.user), ("password", &self.password)] {
            wrong.extend(valid::text(field, text, MAX_TEXT).err());
            if text.contains(['\n', '\r']) {
                wrong.push(Invalid::new(field, Problem::Character { found: '\n' }));
            }
        }
        if self.order.is_some_and(|order| !(1..=MAX_ORDER).contains(&order)) {
            wrong.push(Invalid::new("order", Problem::Range { min: 1, max: u64::from(MAX_ORDER) }));
        }
        if self.address.trim().is_empty() {
            wrong.push(Invalid::new("address", Problem::Missing));
        }
        let options = options(&self.options);
        match options {
            Some(options) if wrong.is_empty() => Ok((Self { kind, ..self }, options)),
            Some(_) => Err(wrong),
            None => {
                wrong.push(Invalid::new("options", Problem::NotOptions));
                Err(wrong)
            }
        }
    }
}

fn options(text: &str) -> Option<BTreeMap<String, String>> {
    let mut all = BTreeMap::new();
    for part in text.split([',', '\n']).map(str::trim).filter(|part| !part.is_empty()) {
        let (key, value) = part.split_once('=')?;
        let (key, value) = (key.trim(), value.trim());
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
        // The engine says these itself.
        let taken = ["action", "ip", "username", "password"].contains(&key);
        if key.is_empty()
            || !key.chars().all(plain)
            || taken
            || part.len() > MAX_TEXT
            || value.contains(char::is_control)
        {
            return None;
        }
        all.insert(key.to_owned(), value.to_owned());
    }
    (all.len() <= MAX_OPTIONS).then_some(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn agent() -> NewFenceAgent {
        let text = |t: &str| t.to_owned();
        NewFenceAgent {
            kind: text("redfish"),
            address: text("10.0.0.9"),
            user: text("admin"),
            password: text("secret"),
            options: text("ssl_insecure=1, plug=7"),
            order: None,
        }
    }

    #[test]
    fn options_are_words_with_values() {
        let (_, options) = agent().check().unwrap();
        assert_eq!(options["plug"], "7");
        for wrong in ["plug", "=1", "action=off", "a b=c"] {
            let error = NewFenceAgent { options: wrong.to_owned(), ..agent() }.check().unwrap_err();
            assert_eq!(error[0].field, "options", "{wrong}");
        }
    }

    #[test]
    fn two_power_supplies_are_off_when_both_are() {
        let agents = [(1, "left"), (1, "right"), (2, "other way")];
        let groups = together(&agents, |agent| agent.0);
        assert_eq!(groups.iter().map(|group| group.len()).collect::<Vec<_>>(), [2, 1]);
        assert!(agree(&[false, false], false) && !agree(&[false, true], false) && !agree(&[], false));
        assert!(agree(&[false, true], true) && !agree(&[false, false], true));
        let wrong = NewFenceAgent { order: Some(0), ..agent() }.check().unwrap_err();
        assert_eq!(wrong[0].field, "order");
    }

    #[test]
    fn nothing_of_it_can_become_another_option() {
        for wrong in ["../sh", "Redfish", "", "a;b"] {
            let error = NewFenceAgent { kind: wrong.to_owned(), ..agent() }.check().unwrap_err();
            assert_eq!(error[0].field, "type", "{wrong}");
        }
        let error = NewFenceAgent { password: "a\naction=off".to_owned(), ..agent() }.check().unwrap_err();
        assert_eq!(error[0].field, "password");
    }
}
