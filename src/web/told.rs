//! Reasons that were kept as the API's English (of tasks, events, hosts, VMs), told in the reader's language: the English messages are
//! the patterns by which a reason and its values are known again. What is in no message (a host's own words) stays as it is.

use super::locale::{self, Locale};
use std::sync::LazyLock;

/// Messages that are kept as text only; the others also have a variant.
const KEPT: [&str; 43] = [
    "told-no-host-up",
    "told-fails-vms",
    "told-no-cpu",
    "told-no-cpu-flags",
    "told-wrong-password",
    "told-missing",
    "told-guest-shutdown",
    "told-destroyed",
    "told-crashed",
    "told-not-started",
    "told-saved-outside",
    "told-no-libvirt",
    "told-no-network",
    "told-upload-broken",
    "told-waits-for-join",
    "told-host-off",
    "told-lease-run-out",
    "told-storage-failed",
    "told-watchdog",
    "told-on-neither",
    "told-moved-outside",
    "told-post-copy-torn",
    "told-same-machine",
    "told-not-seen",
    "told-cancelled",
    "told-did-not-leave",
    "told-agent-anew",
    "told-being-installed",
    "found-system",
    "found-clock",
    "found-cpu",
    "found-no-virtualization",
    "found-kvm",
    "found-no-kvm",
    "found-programs",
    "found-name",
    "found-no-name",
    "found-installing",
    "found-copying",
    "found-same-program",
    "found-joined",
    "found-systemd",
    "found-no-systemd",
];
const FAMILIES: [&str; 8] = ["conflict-", "reason-", "no-room-", "unfit-", "away-", "holder-", "refused-vm", "ssh-"];

/// A message taken apart: what stands before each value, the values' names, and what stands at the end.
struct Pattern {
    key: &'static str,
    parts: Vec<(String, &'static str)>,
    end: String,
}

static PATTERNS: LazyLock<Vec<Pattern>> = LazyLock::new(|| {
    let known = |key: &str| KEPT.contains(&key) || FAMILIES.iter().any(|f| key.starts_with(f));
    let mut all: Vec<Pattern> = locale::english().filter(|(k, _)| known(k)).map(|(k, text)| pattern(k, text)).collect();
    // The one that says most is meant.
    all.sort_by_key(|p| std::cmp::Reverse(p.parts.iter().map(|(s, _)| s.len()).sum::<usize>() + p.end.len()));
    all
});

fn pattern(key: &'static str, text: &'static str) -> Pattern {
    let mut parts = Vec::new();
    let mut rest = text;
    let mut before = String::new();
    while let Some((head, tail)) = rest.split_once("{ $") {
        let Some((name, after)) = tail.split_once(" }") else { break };
        before.push_str(head);
        parts.push((std::mem::take(&mut before), name));
        rest = after;
    }
    let mut all: Vec<(String, &'static str)> = parts.into_iter().map(|(s, n)| (plain(&s), n)).collect();
    let mut end = plain(rest);
    match all.first_mut() {
        Some((first, _)) => *first = small(first),
        None => end = small(&end),
    }
    Pattern { key, parts: all, end: end.trim_end_matches('.').to_owned() }
}

/// Typographic signs as a terminal has them.
fn plain(text: &str) -> String {
    text.replace('’', "'").replace(['“', '”'], "\"")
}

/// A sentence's beginning as it is within another.
fn small(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |c| c.to_lowercase().chain(letters).collect())
}

/// The values of `text`, if it is this message.
fn values<'a>(pattern: &Pattern, text: &'a str) -> Option<Vec<&'a str>> {
    let mut found = Vec::new();
    let mut rest = text;
    for (i, (before, name)) in pattern.parts.iter().enumerate() {
        rest = rest.strip_prefix(before.as_str())?;
        let next = pattern.parts.get(i + 1).map_or(pattern.end.as_str(), |p| p.0.as_str());
        let last = i + 1 == pattern.parts.len();
        let at = match (last, next) {
            (true, end) => rest.len().checked_sub(end.len()).filter(|at| rest.get(*at..) == Some(end))?,
            (false, next) => rest.find(next)?,
        };
        let value = rest.get(..at)?;
        // A sentence that begins with a value begins with a name, and names have no blanks.
        if before.is_empty() && i == 0 && value.contains(' ') && *name != "job" {
            return None;
        }
        found.push(value);
        rest = rest.get(at..)?;
    }
    (rest == pattern.end).then_some(found)
}

/// A kept reason in the reader's language.
pub fn told(l: Locale, text: &str) -> String {
    if l == Locale::En || text.is_empty() {
        return text.to_owned();
    }
    let sentence = small(&plain(text));
    let sentence = sentence.trim_end_matches('.');
    for pattern in PATTERNS.iter() {
        if let Some(found) = values(pattern, sentence) {
            let names = pattern.parts.iter().map(|p| p.1);
            let args: Vec<(&str, String)> =
                names.zip(found).map(|(name, value)| (name, value_in(l, name, value))).collect();
            let args: Vec<(&str, &str)> = args.iter().map(|(name, value)| (*name, value.as_str())).collect();
            return l.ta(pattern.key, &args);
        }
    }
    text.to_owned()
}

/// A value that is itself a word or a sentence.
fn value_in(l: Locale, name: &str, value: &str) -> String {
    match name {
        "because" | "why" => told(l, value),
        "status" => {
            let key = format!("status-{}", value.replace(' ', "_"));
            let word = l.t(&key);
            if word == key { value.to_owned() } else { word }
        }
        "action" => word_of(l, "verb-", value).unwrap_or_else(|| value.to_owned()),
        "job" => task(l, value).unwrap_or_else(|| told(l, value)),
        "hosts" => value.split("; ").map(|host| host_in(l, host)).collect::<Vec<_>>().join("; "),
        _ => value.to_owned(),
    }
}

/// "host1 is down": a name, and why not there.
fn host_in(l: Locale, text: &str) -> String {
    text.split_once(' ').map_or_else(|| text.to_owned(), |(name, why)| format!("{name} {}", told(l, why)))
}

fn word_of(l: Locale, family: &str, english: &str) -> Option<String> {
    locale::english().find(|(k, text)| k.starts_with(family) && *text == english).map(|(k, _)| l.t(k))
}

/// "Launching VM desk-1"; the beginning of the sentence may have become small.
fn task(l: Locale, text: &str) -> Option<String> {
    let (kind, subject) = text.rsplit_once(' ')?;
    let found = locale::english().find(|(k, words)| k.starts_with("job-") && words.eq_ignore_ascii_case(kind))?;
    Some(format!("{} {subject}", l.t(found.0)))
}

/// What an event tells of a permission: "UserRole for alice@internal on vm_pool desktops".
pub fn permission(l: Locale, detail: &str) -> String {
    let words: Vec<&str> = detail.splitn(6, ' ').collect();
    match words.as_slice() {
        [role, "for", user, "on", kind, object] => {
            let kind = l.t(&format!("object-{kind}"));
            l.ta("permission-told", &[("role", role), ("user", user), ("kind", &kind), ("object", object)])
        }
        _ => detail.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::EngineError;
    use crate::model::conflict::{Attempt, Away, Conflict, Holder, NoRoom, Unfit};
    use crate::model::host::HostStatus;
    use crate::model::job::JobKind;
    use crate::model::vm::{Refusal, VmAction, VmStatus};
    use crate::web::words;

    fn same(error: &EngineError) {
        assert_eq!(told(Locale::ZhCn, &error.to_string()), words::error(Locale::ZhCn, error), "{error}");
    }

    #[test]
    fn what_was_kept_in_english_is_known_again() {
        let name = || "a".to_owned();
        let unfit = Unfit::Space { domain: name(), free: 10, needed: 20 };
        for conflict in [
            Conflict::StillRuns { seconds: 60 },
            Conflict::NoReboot { seconds: 60 },
            Conflict::StoppedAtOnce,
            Conflict::ChangedMeanwhile,
            Conflict::NoMac,
            Conflict::NoPlace { why: unfit },
            Conflict::PoolEmpty { pool: name(), taken: 1, size: 2 },
        ] {
            same(&conflict.into());
        }
        same(&Away::Silent { seconds: 3 }.into());
        same(&Away::NoHostUp.into());
        let hosts = vec![
            ("h1".to_owned(), NoRoom::Status(HostStatus::NonResponsive)),
            ("h2".to_owned(), NoRoom::Memory { free: 1, needed: 2 }),
        ];
        let job = Holder::Job { kind: JobKind::StartVm, subject: name() };
        for because in [
            Refusal::NoHost { hosts },
            Refusal::Locked { job },
            Refusal::Status(VmStatus::Up),
            Refusal::CdGone { cd: "x.iso".to_owned() },
        ] {
            same(&EngineError::Refused { what: Attempt::Vm(VmAction::Run, name()), because });
        }
    }

    #[test]
    fn a_hosts_own_words_stay() {
        let words = "internal error: process exited while connecting to monitor";
        assert_eq!(told(Locale::ZhCn, words), words);
        assert_eq!(told(Locale::ZhCn, "Its QEMU process crashed."), "其 QEMU 进程崩溃了。");
        assert_eq!(told(Locale::En, "Its QEMU process crashed."), "Its QEMU process crashed.");
    }

    #[test]
    fn what_an_installation_tells_is_known_again() {
        use crate::model::host_install::{Found, SshTrouble};
        let text = || "a".to_owned();
        for found in [
            Found::System { system: "Debian GNU/Linux 12 (bookworm)".to_owned(), arch: text() },
            Found::Clock { seconds: 1 },
            Found::Cpu,
            Found::NoVirtualization,
            Found::Kvm,
            Found::NoKvm,
            Found::Programs { libvirt: text() },
            Found::Name { name: text() },
            Found::NoName,
            Found::Installing { packages: "a b".to_owned() },
            Found::Copying { mib: 80 },
            Found::SameProgram,
            Found::Joined { address: text() },
            Found::Systemd,
            Found::NoSystemd,
        ] {
            assert_ne!(told(Locale::ZhCn, &found.to_string()), found.to_string());
        }
        let (address, port, seconds) = ("192.0.2.1".to_owned(), 22, 9);
        for trouble in [
            SshTrouble::Unreachable { address: address.clone(), port, why: text() },
            SshTrouble::OtherKey { found: text(), known: text() },
            SshTrouble::WrongPassword { user: text() },
            SshTrouble::UnknownKey { user: text() },
            SshTrouble::Broken { why: text() },
            SshTrouble::Silent { seconds },
            SshTrouble::TooMuch,
            SshTrouble::Command { why: text() },
            SshTrouble::NotRoot { user: text() },
            SshTrouble::NotLinux,
            SshTrouble::Arch { arch: text(), own: text() },
            SshTrouble::Cpu { flags: "lm, nx".to_owned() },
            SshTrouble::Clock { seconds },
            SshTrouble::Missing { packages: "a b".to_owned() },
            SshTrouble::NoInstaller { packages: "a b".to_owned() },
            SshTrouble::NoAgent { address, port, seconds },
        ] {
            same(&trouble.into());
        }
    }
}
