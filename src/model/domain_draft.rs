//! A directory domain as somebody describes it, and as lists show it.

use crate::model::clock::Timestamp;
use crate::model::domain::{DirectoryConfig, Provider, Servers, StepReport, Transport, host_name};
use crate::model::ids::DomainId;
use crate::model::user::INTERNAL_DOMAIN;
use crate::model::valid::{self, Invalid, Problem};
use std::str::FromStr;

/// A chain of certificates is a few KiB.
const MOST_PEM: usize = 64 * 1024;
/// Names, DNs and passwords are shorter.
const MOST_TEXT: usize = 1024;

/// A domain as it was typed; [`Draft::config`] checks it.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Draft {
    pub name: String,
    pub provider: String,
    /// Empty: by SRV records.
    pub servers: String,
    /// Empty: ldaps.
    pub transport: String,
    pub ca_pem: String,
    /// Empty: anonymous.
    pub bind_name: String,
    /// None: the one that is kept already.
    pub bind_password: Option<String>,
    pub base_dn: String,
    /// The DNS server to ask; empty: the system's.
    pub dns: String,
}

impl Draft {
    /// What is kept, to be changed.
    pub fn of(config: &DirectoryConfig) -> Self {
        Self {
            name: config.name.clone(),
            provider: config.provider.to_string(),
            servers: config.servers.to_string(),
            transport: config.transport.to_string(),
            ca_pem: config.ca_pem.clone().unwrap_or_default(),
            bind_name: config.bind_name.clone().unwrap_or_default(),
            bind_password: None,
            base_dn: config.base_dn.clone().unwrap_or_default(),
            dns: config.dns.map(|dns| dns.to_string()).unwrap_or_default(),
        }
    }

    /// As the engine reaches it; `kept`: what it has now.
    ///
    /// # Errors
    /// Names every field that is wrong.
    pub fn config(&self, kept: Option<&DirectoryConfig>) -> Result<DirectoryConfig, Vec<Invalid>> {
        let mut wrong = Vec::new();
        let name = host_name("name", &self.name).and_then(own);
        let bind_name = text("bind_name", &self.bind_name);
        let mut config = DirectoryConfig {
            name: take(&mut wrong, name).unwrap_or_default(),
            provider: take(&mut wrong, provider(&self.provider)).unwrap_or(Provider::Ipa),
            servers: take(&mut wrong, self.servers.parse()).unwrap_or(Servers::Srv),
            transport: take(&mut wrong, transport(&self.transport)).unwrap_or(Transport::Ldaps),
            ca_pem: take(&mut wrong, pem(&self.ca_pem)).unwrap_or_default(),
            bind_name: take(&mut wrong, bind_name).unwrap_or_default(),
            bind_password: None,
            base_dn: take(&mut wrong, text("base_dn", &self.base_dn)).unwrap_or_default(),
            dns: take(&mut wrong, dns(&self.dns)).unwrap_or_default(),
        };
        config.bind_password = take(&mut wrong, self.password(&config, kept)).unwrap_or_default();
        if wrong.is_empty() { Ok(config) } else { Err(wrong) }
    }

    /// The password that searches are made with. The kept one goes nowhere but where it went before: whoever may edit the domain could
    /// have it sent to a server of his own.
    fn password(&self, new: &DirectoryConfig, kept: Option<&DirectoryConfig>) -> Result<Option<String>, Invalid> {
        let wrong = |problem| Err(Invalid::new("bind_password", problem));
        match (&new.bind_name, self.bind_password.as_deref().filter(|p| !p.is_empty())) {
            (None, None) => Ok(None),
            (None, Some(_)) => Err(Invalid::new("bind_name", Problem::Missing)),
            (Some(_), Some(given)) if given.len() > MOST_TEXT => wrong(Problem::TooLong { max: MOST_TEXT }),
            (Some(_), Some(given)) => Ok(Some(given.to_owned())),
            (Some(_), None) => match kept {
                Some(old) if old.bind_password.is_some() && same_place(old, new) => Ok(old.bind_password.clone()),
                Some(old) if old.bind_password.is_some() => wrong(Problem::GiveAgain),
                _ => wrong(Problem::Missing),
            },
        }
    }
}

/// A password for the one would go where it goes for the other, by the same way.
fn same_place(old: &DirectoryConfig, new: &DirectoryConfig) -> bool {
    let place = |c: &DirectoryConfig| (c.name.clone(), c.servers.clone(), c.transport, c.ca_pem.clone(), c.dns);
    place(old) == place(new)
}

fn take<T>(wrong: &mut Vec<Invalid>, result: Result<T, Invalid>) -> Option<T> {
    result.map_err(|one| wrong.push(one)).ok()
}

fn own(name: String) -> Result<String, Invalid> {
    if name == INTERNAL_DOMAIN { Err(Invalid::new("name", Problem::Taken { name })) } else { Ok(name) }
}

/// By engine-manage-domains' names and those people type.
fn provider(word: &str) -> Result<Provider, Invalid> {
    let word = word.trim();
    if word.is_empty() {
        return Err(Invalid::new("provider", Problem::Missing));
    }
    match word.to_ascii_lowercase().as_str() {
        "ad" => return Ok(Provider::ActiveDirectory),
        "oldap" => return Ok(Provider::OpenLdap),
        "389ds" => return Ok(Provider::Rhds),
        _ => {}
    }
    let found = Provider::ALL.iter().copied().find(|p| p.as_str().eq_ignore_ascii_case(word));
    found.ok_or_else(|| one_of("provider", word, Provider::ALL))
}

fn transport(word: &str) -> Result<Transport, Invalid> {
    match word.trim() {
        "" => Ok(Transport::Ldaps),
        word => Transport::from_str(word).map_err(|_| one_of("transport", word, Transport::ALL)),
    }
}

fn one_of<T: std::fmt::Display>(field: &'static str, word: &str, all: &[T]) -> Invalid {
    let allowed = all.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    Invalid::new(field, Problem::NotOneOf { value: word.chars().take(64).collect(), allowed })
}

fn pem(text: &str) -> Result<Option<String>, Invalid> {
    let text = valid::text("ca_pem", text, MOST_PEM)?;
    Ok(Some(text).filter(|text| !text.is_empty()))
}

fn text(field: &'static str, text: &str) -> Result<Option<String>, Invalid> {
    let text = valid::text(field, text, MOST_TEXT)?;
    Ok(Some(text).filter(|text| !text.is_empty()))
}

fn dns(text: &str) -> Result<Option<std::net::IpAddr>, Invalid> {
    let text = text.trim();
    if text.is_empty() {
        return Ok(None);
    }
    let wrong = |_| Invalid::new("dns", Problem::NotAnAddress { value: text.chars().take(64).collect() });
    text.parse().map(Some).map_err(wrong)
}

/// A domain as lists and details show it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DomainView {
    pub id: DomainId,
    /// Without the password.
    pub config: DirectoryConfig,
    pub generation: i64,
    pub created: Timestamp,
    /// None: it was not looked at since the engine started.
    pub last: Option<LastCheck>,
}

/// How it went when the engine looked last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LastCheck {
    pub at: Timestamp,
    pub steps: Vec<StepReport>,
}

impl LastCheck {
    /// The step that failed; none: all went well.
    pub fn failed(&self) -> Option<&StepReport> {
        failed(&self.steps)
    }
}

/// The step that failed; none: all went well.
pub fn failed(steps: &[StepReport]) -> Option<&StepReport> {
    steps.iter().find(|step| step.outcome.is_err())
}

/// What the engine keeps of a domain's people, and loses with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Belongings {
    pub users: i64,
    pub groups: i64,
    pub permissions: i64,
    pub sessions: i64,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn draft() -> Draft {
        Draft {
            name: "Example.COM.".to_owned(),
            provider: "ipa".to_owned(),
            bind_name: "rhvadmin".to_owned(),
            bind_password: Some(" with blanks ".to_owned()),
            ..Draft::default()
        }
    }

    #[test]
    fn what_is_typed_becomes_what_is_kept_and_back() {
        let config = draft().config(None).unwrap();
        assert_eq!((config.name.as_str(), config.provider), ("example.com", Provider::Ipa));
        assert_eq!((&config.servers, config.transport), (&Servers::Srv, Transport::Ldaps));
        assert_eq!(config.bind_password.as_deref(), Some(" with blanks "));
        assert_eq!(Draft::of(&config).config(Some(&config)).unwrap(), config);
    }

    #[test]
    fn every_wrong_field_is_named_at_once() {
        let bad = Draft {
            name: "internal".to_owned(),
            provider: "novell".to_owned(),
            servers: "ldap://x".to_owned(),
            transport: "http".to_owned(),
            ca_pem: "x".repeat(MOST_PEM + 1),
            bind_name: String::new(),
            bind_password: Some("secret".to_owned()),
            base_dn: "dc=a\0".to_owned(),
            dns: "dns1".to_owned(),
        };
        let fields: Vec<_> = bad.config(None).unwrap_err().iter().map(|w| w.field).collect();
        assert_eq!(fields, ["name", "provider", "servers", "transport", "ca_pem", "base_dn", "dns", "bind_name"]);
        assert!(!format!("{:?}", bad.config(None)).contains("secret"));
    }

    #[test]
    fn a_kept_password_goes_to_the_kept_servers_only() {
        let kept = draft().config(None).unwrap();
        let same = Draft { base_dn: "dc=x".to_owned(), ..Draft::of(&kept) };
        assert_eq!(same.config(Some(&kept)).unwrap().bind_password, kept.bind_password);
        for elsewhere in [
            Draft { servers: "evil.example".to_owned(), ..Draft::of(&kept) },
            Draft { transport: "plain".to_owned(), ..Draft::of(&kept) },
            Draft { dns: "192.0.2.1".to_owned(), ..Draft::of(&kept) },
            Draft { ca_pem: "-----BEGIN".to_owned(), ..Draft::of(&kept) },
        ] {
            let wrong = elsewhere.config(Some(&kept)).unwrap_err();
            assert_eq!(wrong, [Invalid::new("bind_password", Problem::GiveAgain)]);
        }
    }
}
