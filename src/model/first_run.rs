//! What a guest is told at its first start, by cloud-init or Windows' answer file: names, people, keys, network, commands.

use crate::model::sysprep::{self, MAX_COMPUTER_NAME, NoAnswer, Windows, WrittenWindows};
use crate::model::system::AnswerFile;
use crate::model::valid::{self, Invalid, Problem};
use serde::{Deserialize, Serialize};
use std::net::IpAddr;

/// As much as one disc of it has room for.
pub const MAX_SCRIPT: usize = 64 << 10;
const MAX_KEYS: usize = 50;
const MAX_KEY: usize = 4096;
const MAX_LIST: usize = 8;
const MAX_CARDS: usize = 28;

/// What a guest is told. Empty: nothing of that kind.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct FirstRun {
    /// Empty: the VM's name. `?`s stand for the number at the end of that.
    pub host_name: String,
    pub time_zone: String,
    /// Whom password and keys are for; empty: the system's own first user.
    pub user: String,
    pub keys: Vec<String>,
    pub dns_servers: Vec<IpAddr>,
    pub dns_search: Vec<String>,
    pub cards: Vec<Card>,
    /// `#!` begins a script, all else is a cloud-config of its own; of Windows: an answer file with variables.
    pub script: String,
    #[serde(default)]
    pub windows: Windows,
}

/// How a network card gets its addresses.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Card {
    /// The card's name in Vireo: `nic1`.
    pub name: String,
    /// By DHCP; and by DHCPv6.
    pub dhcp4: bool,
    pub dhcp6: bool,
    /// Fixed ones, with the lengths of their networks.
    pub addresses: Vec<(IpAddr, u8)>,
    pub gateways: Vec<IpAddr>,
}

/// As people write it: one line for each card.
#[derive(Debug, Clone, Default)]
pub struct Written {
    pub host_name: String,
    pub time_zone: String,
    pub user: String,
    /// One key a line.
    pub keys: String,
    /// With spaces or commas between.
    pub dns_servers: String,
    pub dns_search: String,
    pub cards: String,
    pub script: String,
    pub windows: WrittenWindows,
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split([' ', ',', ';', '\t', '\r', '\n']).filter(|word| !word.is_empty())
}

impl Written {
    /// All of it checked, for a guest that asks cloud-init (none) or for its answer file.
    ///
    /// # Errors
    /// Every field that is wrong.
    pub fn read(&self, file: Option<AnswerFile>) -> Result<FirstRun, Vec<Invalid>> {
        let mut wrong = Vec::new();
        let longest = if file.is_some() { MAX_COMPUTER_NAME } else { 63 };
        let mut keep = |result: Result<String, Invalid>| result.map_err(|e| wrong.push(e)).unwrap_or_default();
        let host_name = keep(host_pattern(&self.host_name, longest));
        let time_zone =
            keep(file.map_or_else(|| time_zone(&self.time_zone), |file| sysprep::time_zone(file, &self.time_zone)));
        let user = keep(optional("user_name", &self.user, 32));
        let script = keep(script(&self.script, file));
        let keys = each(&mut wrong, self.keys.lines().map(str::trim).filter(|l| !l.is_empty()), MAX_KEYS, key);
        let dns_servers = each(&mut wrong, words(&self.dns_servers), MAX_LIST, |w| address("dns_servers", w));
        let dns_search = each(&mut wrong, words(&self.dns_search), MAX_LIST, |w| valid::name("dns_search", w, 253));
        let lines = self.cards.lines().map(str::trim).filter(|line| !line.is_empty());
        let cards = each(&mut wrong, lines, MAX_CARDS, card);
        let windows = if file.is_some() {
            self.refuse_cloud(&mut wrong);
            self.windows.read(&mut wrong)
        } else {
            self.windows.refuse(&mut wrong);
            Windows::default()
        };
        let read = FirstRun { host_name, time_zone, user, keys, dns_servers, dns_search, cards, script, windows };
        if wrong.is_empty() { Ok(read) } else { Err(wrong) }
    }

    /// What Windows cannot be told.
    fn refuse_cloud(&self, wrong: &mut Vec<Invalid>) {
        let all = [
            ("authorized_ssh_keys", &self.keys),
            ("dns_servers", &self.dns_servers),
            ("dns_search", &self.dns_search),
            ("nic_configurations", &self.cards),
        ];
        let said = all.into_iter().filter(|(_, text)| !text.trim().is_empty());
        wrong.extend(said.map(|(field, _)| Invalid::new(field, Problem::Windows(NoAnswer::NotWindows))));
    }
}

/// Up to so many; each that is wrong is noted.
fn each<'a, T>(
    wrong: &mut Vec<Invalid>,
    items: impl Iterator<Item = &'a str>,
    most: usize,
    read: impl Fn(&str) -> Result<T, Invalid>,
) -> Vec<T> {
    items.take(most).filter_map(|item| read(item).map_err(|e| wrong.push(e)).ok()).collect()
}

fn optional(field: &'static str, text: &str, max: usize) -> Result<String, Invalid> {
    if text.trim().is_empty() { Ok(String::new()) } else { valid::name(field, text, max) }
}

/// A name; `?`s in it stand for a number.
fn host_pattern(text: &str, max: usize) -> Result<String, Invalid> {
    let plain = text.replace('?', "0");
    optional("host_name", &plain, max).map(|_| text.trim().to_owned())
}

/// The name of the guest in the VM of this name: `lab-??` makes `lab-07` of `desks-7`.
pub fn host_name(pattern: &str, vm: &str) -> String {
    if pattern.is_empty() {
        return vm.to_owned();
    }
    let Some(first) = pattern.find('?') else { return pattern.to_owned() };
    let width = pattern[first..].chars().take_while(|c| *c == '?').count();
    let number = vm[number_at(vm)..].trim_start_matches('0');
    let name = format!("{}{number:0>width$}{}", &pattern[..first], pattern[first + width..].replace('?', ""));
    name.trim_matches('-').to_owned()
}

/// Where the number at the end of a name begins.
pub fn number_at(name: &str) -> usize {
    name.trim_end_matches(|c: char| c.is_ascii_digit()).len()
}

/// `Europe/Berlin`
fn time_zone(text: &str) -> Result<String, Invalid> {
    let text = text.trim();
    let fine = text.len() <= 64
        && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '/' | '_' | '-' | '+'))
        && !text.starts_with('/');
    if fine { Ok(text.to_owned()) } else { Err(no_such("timezone", text)) }
}

fn no_such(field: &'static str, text: &str) -> Invalid {
    Invalid::new(field, Problem::NoSuch { value: text.chars().take(64).collect() })
}

/// `ssh-ed25519 AAAA… comment`, with options before it or not.
fn key(line: &str) -> Result<String, Invalid> {
    let kinds = ["ssh-", "ecdsa-sha2-", "sk-ssh-", "sk-ecdsa-"];
    let begins = |word: &str| kinds.iter().any(|kind| word.starts_with(kind));
    let mut parts = line.split(' ').skip_while(|word| !begins(word));
    let whole = parts.next().is_some() && parts.next().is_some_and(|data| data.starts_with("AAAA"));
    if whole && line.len() <= MAX_KEY && !line.chars().any(char::is_control) {
        Ok(line.to_owned())
    } else {
        Err(Invalid::new("authorized_ssh_keys", Problem::NotAKey { begins: line.chars().take(30).collect() }))
    }
}

fn address(field: &'static str, word: &str) -> Result<IpAddr, Invalid> {
    let value = || word.chars().take(64).collect();
    word.parse().map_err(|_| Invalid::new(field, Problem::NotAnAddress { value: value() }))
}

/// `nic1 dhcp`, `nic2 192.0.2.10/24 gateway 192.0.2.1 2001:db8::10/64 dhcp6`
fn card(line: &str) -> Result<Card, Invalid> {
    const FIELD: &str = "nic_configurations";
    let bad = || Invalid::new(FIELD, Problem::NotACard { line: line.chars().take(80).collect() });
    let mut words = line.split_whitespace();
    let name = valid::name(FIELD, words.next().ok_or_else(bad)?, 64)?;
    let mut card = Card { name, dhcp4: false, dhcp6: false, addresses: Vec::new(), gateways: Vec::new() };
    while let Some(word) = words.next() {
        match word {
            "dhcp" => card.dhcp4 = true,
            "dhcp6" => card.dhcp6 = true,
            "gateway" => card.gateways.push(address(FIELD, words.next().ok_or_else(bad)?)?),
            other => {
                let (ip, length) = other.split_once('/').ok_or_else(bad)?;
                let (ip, length) = (address(FIELD, ip)?, length.parse::<u8>().map_err(|_| bad())?);
                if length > if ip.is_ipv4() { 32 } else { 128 } {
                    return Err(bad());
                }
                card.addresses.push((ip, length));
            }
        }
    }
    let says = card.dhcp4 || card.dhcp6 || !card.addresses.is_empty();
    if says && card.gateways.len() <= 2 { Ok(card) } else { Err(bad()) }
}

/// A script is the guest's own affair; a cloud-config must be YAML of names and values.
fn script(text: &str, file: Option<AnswerFile>) -> Result<String, Invalid> {
    const FIELD: &str = "custom_script";
    if text.len() > MAX_SCRIPT {
        return Err(Invalid::new(FIELD, Problem::TooLong { max: MAX_SCRIPT }));
    }
    if let Some(file) = file {
        return sysprep::answers(file, text);
    }
    let text = text.replace("\r\n", "\n");
    if text.trim().is_empty() || text.starts_with("#!") {
        return Ok(text.trim_end().to_owned());
    }
    let wrong = |because: String| Invalid::new(FIELD, Problem::NotYaml { because });
    let read = yaml_rust2::YamlLoader::load_from_str(&text).map_err(|e| wrong(e.to_string()))?;
    match read.as_slice() {
        [yaml_rust2::Yaml::Hash(_)] => Ok(text.trim_end().to_owned()),
        _ => Err(wrong("it is no list of names with values".to_owned())),
    }
}

impl FirstRun {
    /// As people write it.
    pub fn written(&self) -> Written {
        let join = |all: Vec<String>, between: &str| all.join(between);
        Written {
            host_name: self.host_name.clone(),
            time_zone: self.time_zone.clone(),
            user: self.user.clone(),
            keys: self.keys.join("\n"),
            dns_servers: join(self.dns_servers.iter().map(ToString::to_string).collect(), " "),
            dns_search: self.dns_search.join(" "),
            cards: join(self.cards.iter().map(Card::line).collect(), "\n"),
            script: self.script.clone(),
            windows: self.windows.written(),
        }
    }
}

impl Card {
    fn line(&self) -> String {
        let mut line = self.name.clone();
        for (is, word) in [(self.dhcp4, " dhcp"), (self.dhcp6, " dhcp6")] {
            line.push_str(if is { word } else { "" });
        }
        line.extend(self.addresses.iter().map(|(ip, length)| format!(" {ip}/{length}")));
        line.extend(self.gateways.iter().map(|gateway| format!(" gateway {gateway}")));
        line
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written() -> Written {
        Written {
            host_name: "lab".to_owned(),
            time_zone: "Europe/Berlin".to_owned(),
            user: "student".to_owned(),
            keys: "ssh-ed25519 AAAAC3Nz a@b\n\nfrom=\"192.0.2.0/24\" ssh-rsa AAAAB3Nz c".to_owned(),
            dns_servers: "192.0.2.53, 2001:db8::53".to_owned(),
            dns_search: "lab.example".to_owned(),
            cards: "nic1 dhcp\nnic2 192.0.2.10/24 2001:db8::10/64 gateway 192.0.2.1".to_owned(),
            script: "packages:\n  - vim\n".to_owned(),
            windows: WrittenWindows::default(),
        }
    }

    #[test]
    fn what_is_written_is_read_and_written_again() {
        let read = written().read(None).unwrap();
        assert_eq!((read.keys.len(), read.cards.len(), read.dns_servers.len()), (2, 2, 2));
        assert_eq!(read.written().read(None).unwrap(), read);
        assert_eq!(Written::default().read(None).unwrap(), FirstRun::default());
    }

    #[test]
    fn all_that_is_wrong_is_named() {
        let bad = Written {
            host_name: "a b".to_owned(),
            time_zone: "../etc".to_owned(),
            user: "x;y".to_owned(),
            keys: "rsa AAAA\nssh-rsa BBBB".to_owned(),
            dns_servers: "192.0.2".to_owned(),
            dns_search: "a_b!".to_owned(),
            cards: "nic1\nnic2 192.0.2.1/40\nnic3 gateway".to_owned(),
            script: "packages: [a".to_owned(),
            windows: WrittenWindows { workgroup: "LAB".to_owned(), ..WrittenWindows::default() },
        };
        let fields: Vec<_> = bad.read(None).unwrap_err().into_iter().map(|w| w.field).collect();
        let cards = ["nic_configurations"; 3];
        let mut wanted = vec!["host_name", "timezone", "user_name", "custom_script"];
        wanted.extend(["authorized_ssh_keys", "authorized_ssh_keys", "dns_servers", "dns_search"]);
        wanted.extend(cards);
        wanted.push("workgroup");
        assert_eq!(fields, wanted);
        let list = Written { script: "- a\n- b".to_owned(), ..Written::default() };
        assert_eq!(list.read(None).unwrap_err()[0].field, "custom_script");
        let shell = Written { script: "#!/bin/sh\n[ a".to_owned(), ..Written::default() };
        assert!(shell.read(None).is_ok());
    }

    #[test]
    fn windows_has_words_of_its_own() {
        let file = AnswerFile::of("windows_10x64");
        let told =
            Written { host_name: "lab-??".to_owned(), time_zone: "Europe/Berlin".to_owned(), ..Written::default() };
        assert_eq!(told.read(file).unwrap().written().read(file).unwrap(), told.read(file).unwrap());
        let bad = Written {
            time_zone: "Europe/Atlantis".to_owned(),
            host_name: "a-name-too-long-for-it".to_owned(),
            ..written()
        };
        let fields: Vec<_> = bad.read(file).unwrap_err().into_iter().map(|w| w.field).collect();
        let mut wanted = vec!["host_name", "timezone", "custom_script", "authorized_ssh_keys"];
        wanted.extend(["dns_servers", "dns_search", "nic_configurations"]);
        assert_eq!(fields, wanted);
    }

    #[test]
    fn patterns_take_the_number() {
        let all = [("", "desk"), ("lab", "desks-7"), ("lab-??", "desks-7"), ("lab-?", "desks-112"), ("lab-?", "desk")];
        let names = all.map(|(pattern, vm)| host_name(pattern, vm));
        assert_eq!(names, ["desk", "lab", "lab-07", "lab-112", "lab-0"]);
    }
}
