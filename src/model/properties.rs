//! Custom properties of VMs: which there may be, and what they may say. They go into the guest's libvirt domain for hooks and scripts.

use crate::model::valid::{Invalid, Problem};
use std::fmt;

const MOST: usize = 100;
const LONGEST: usize = 1000;
/// A pattern needs no more; a hostile one is stopped here.
const PATTERN_BYTES: usize = 1 << 20;
const FIELD: &str = "custom_properties";

/// Names with the patterns that their values must match.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Permitted(Vec<(String, String)>);

impl fmt::Display for Permitted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let all: Vec<String> = self.0.iter().map(|(name, pattern)| format!("{name}={pattern}")).collect();
        f.write_str(&all.join(";"))
    }
}

impl Permitted {
    /// `name=pattern;name=pattern`, as oVirt has it.
    ///
    /// # Errors
    /// Says what is wrong; the error names `field`.
    pub fn parse(field: &'static str, text: &str) -> Result<Self, Invalid> {
        let mut all: Vec<(String, String)> = Vec::new();
        for one in text.split(';').map(str::trim).filter(|one| !one.is_empty()) {
            let wrong = || {
                let value = one.chars().take(64).collect();
                Invalid::new(field, Problem::NotOneOf { value, allowed: "name=regular expression; …".to_owned() })
            };
            let (name, pattern) = one.split_once('=').ok_or_else(wrong)?;
            let good = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-'));
            if !good || all.iter().any(|(known, _)| known == name) || regular(pattern).is_none() {
                return Err(wrong());
            }
            all.push((name.to_owned(), pattern.to_owned()));
        }
        if all.len() > MOST {
            return Err(Invalid::new(field, Problem::Range { min: 0, max: MOST as u64 }));
        }
        Ok(Self(all))
    }

    /// What there may be.
    pub fn names(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, pattern)| (name.as_str(), pattern.as_str()))
    }

    /// A property may say that.
    ///
    /// # Errors
    /// There is no such property, or its value is other than its pattern.
    pub fn check(&self, name: &str, value: &str) -> Result<(), Invalid> {
        let short = |text: &str| text.chars().take(64).collect::<String>();
        let Some((_, pattern)) = self.0.iter().find(|(known, _)| known == name) else {
            let allowed = self.0.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>().join(", ");
            return Err(Invalid::new(FIELD, Problem::NotOneOf { value: short(name), allowed }));
        };
        if value.chars().count() > LONGEST {
            return Err(Invalid::new(FIELD, Problem::TooLong { max: LONGEST }));
        }
        if regular(pattern).is_some_and(|regex| regex.is_match(value)) && !value.chars().any(char::is_control) {
            return Ok(());
        }
        Err(Invalid::new(
            FIELD,
            Problem::NotAsPattern { value: short(value), name: short(name), pattern: pattern.clone() },
        ))
    }
}

/// The whole value must match.
fn regular(pattern: &str) -> Option<regex::Regex> {
    regex::RegexBuilder::new(&format!("^(?:{pattern})$")).size_limit(PATTERN_BYTES).build().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_permitted() {
        let text = "hugepages=[0-9]{1,6};numa_mode=(strict|preferred)";
        let permitted = Permitted::parse("x", text).unwrap();
        assert_eq!(permitted.to_string(), text);
        assert!(permitted.check("hugepages", "2048").is_ok());
        for (name, value) in
            [("hugepages", "a1"), ("hugepages", "1\n"), ("numa_mode", "strict or so"), ("qemu_cmdline", "")]
        {
            assert_eq!(permitted.check(name, value).unwrap_err().field, FIELD, "{name}={value}");
        }
        for bad in ["a", "a=(", "=b", "a b=c", "a=b;a=c"] {
            assert_eq!(Permitted::parse("x", bad).unwrap_err().field, "x", "{bad}");
        }
    }
}
