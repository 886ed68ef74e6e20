//! What a host could be upgraded with, how its package manager is asked and told to, and how far the upgrade of a cluster is.

use crate::model::clock::Timestamp;
use crate::model::host_install::Installer;
use crate::model::ids::{HostId, JobId};
use serde::{Deserialize, Serialize};

/// A machine that has been left alone for years has some thousand; more are counted, not named.
pub const MAX_PACKAGES: usize = 1000;
/// A name or version of a package is never longer.
const MAX_WORD: usize = 200;
/// So much of what a package manager says is kept: its end.
pub const MAX_LOG: usize = 16 << 10;

/// A package and its newer version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Package {
    pub name: String,
    /// Empty: it is new, or not told.
    pub from: String,
    pub to: String,
}

/// What is kept of the last look at a host.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Found {
    pub packages: Vec<Package>,
    /// So many more.
    pub more: usize,
    /// Its agent is another program than the engine's.
    pub program: bool,
    /// It waits for a restart.
    pub reboot: bool,
    /// Its agent runs in the engine's process, and is upgraded with that.
    pub own: bool,
    /// Why it could not be asked, or its lists not be fetched.
    pub error: String,
}

impl Found {
    /// Something is there to upgrade with.
    pub fn is_something(&self) -> bool {
        self.program || !self.packages.is_empty()
    }

    /// All of it in a line of text; equal lines are the same news.
    pub fn news(&self) -> String {
        let program = self.program.then(|| "vireo".to_owned());
        let packages = self.packages.iter().map(|p| format!("{} {}", p.name, p.to));
        program.into_iter().chain(packages).collect::<Vec<_>>().join(", ")
    }
}

/// The same as pages show it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct HostUpgrade {
    pub checked: Option<Timestamp>,
    pub found: Found,
}

text_enum! {
    /// How far a host is in the upgrade of its cluster.
    Turn { Waiting = "waiting", Running = "running", Done = "done", Failed = "failed", Left = "left", }
}

/// A host in the upgrade of its cluster.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostTurn {
    pub host: HostId,
    pub name: String,
    pub turn: Turn,
    pub job: Option<JobId>,
    /// Why it failed.
    pub why: String,
}

/// The upgrade of a cluster: its hosts in their order.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Course {
    /// Hosts that need it are restarted.
    pub reboot: bool,
    pub hosts: Vec<HostTurn>,
}

impl Course {
    pub fn done(&self) -> usize {
        self.hosts.iter().filter(|one| one.turn == Turn::Done).count()
    }

    /// The host whose turn it is.
    pub fn running(&self) -> Option<&HostTurn> {
        self.hosts.iter().find(|one| one.turn == Turn::Running)
    }
}

impl Installer {
    /// Fetches its lists of packages.
    pub const fn refresh(self) -> &'static [&'static str] {
        match self {
            Self::Apt => &["-q", "update"],
            Self::Dnf => &["-q", "makecache"],
        }
    }

    /// Lists what would be upgraded, and changes nothing.
    pub const fn list(self) -> &'static [&'static str] {
        match self {
            Self::Apt => &["-q", "-s", "-o", "Debug::NoLocking=1", "--with-new-pkgs", "upgrade"],
            Self::Dnf => &["-q", "-C", "check-update"],
        }
    }

    /// Whether [`Self::list`] went well by this exit code: dnf has one of its own for "there are some".
    pub const fn listed(self, code: Option<i32>) -> bool {
        matches!((self, code), (_, Some(0)) | (Self::Dnf, Some(100)))
    }

    /// What its answer names.
    pub fn packages(self, said: &str) -> Vec<Package> {
        let one = |line: &str| match self {
            Self::Apt => simulated(line),
            Self::Dnf => listed(line),
        };
        // What replaces other packages comes last with dnf, and stood above already.
        said.lines().take_while(|line| !line.starts_with("Obsoleting")).filter_map(one).collect()
    }

    /// Upgrades, in a shell: first ends what broke off half-way, and never asks anybody anything. What cannot be ended may be cured by the
    /// newer version; how the last command ends is what counts. Nothing is removed by it.
    pub const fn upgrade(self) -> &'static str {
        match self {
            Self::Apt => {
                "export DEBIAN_FRONTEND=noninteractive; o=\"-q -y -o Dpkg::Options::=--force-confdef -o Dpkg::Options::=--force-confold \
                 -o DPkg::Lock::Timeout=600\"; dpkg --force-confdef --force-confold --configure -a; \
                 apt-get -q update && { apt-get $o -f install; apt-get $o --with-new-pkgs upgrade; }"
            }
            Self::Dnf => "dnf -y --refresh upgrade",
        }
    }
}

fn bounded(text: &str) -> String {
    text.chars().take(MAX_WORD).collect()
}

/// `Inst zip [3.0-12] (3.0-13 Debian:12/stable [amd64])`
fn simulated(line: &str) -> Option<Package> {
    let mut words = line.strip_prefix("Inst ")?.split_whitespace();
    let name = words.next()?;
    let mut next = words.next()?;
    let from = next.strip_prefix('[').map(|rest| rest.trim_end_matches(']'));
    if from.is_some() {
        next = words.next()?;
    }
    let to = next.strip_prefix('(')?.trim_end_matches(')');
    Some(Package { name: bounded(name), from: bounded(from.unwrap_or_default()), to: bounded(to) })
}

/// `zip.x86_64   3.0-41.fc40   updates`
fn listed(line: &str) -> Option<Package> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let [name, to, _] = words.as_slice() else { return None };
    let (name, _) = name.rsplit_once('.')?;
    Some(Package { name: bounded(name), from: String::new(), to: bounded(to) })
}

/// The last lines of a package manager's words: what people read when it failed.
pub fn last_lines(log: &str) -> String {
    let lines: Vec<&str> = log.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let from = lines.len().saturating_sub(5);
    lines.get(from..).unwrap_or_default().join("; ").chars().take(600).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn package(name: &str, from: &str, to: &str) -> Package {
        Package { name: name.to_owned(), from: from.to_owned(), to: to.to_owned() }
    }

    #[test]
    fn apts_simulation_is_read() {
        let said = "NOTE: This is only a simulation!\nReading package lists...\n\
                    Inst zip [3.0-12] (3.0-13+deb12u1 Debian-Security:12/oldstable-security [amd64])\n\
                    Inst linux-image-6.1 (6.1.2-1 Debian:12/stable [amd64]) []\nConf zip (3.0-13+deb12u1 x [amd64])\nInst broken\n";
        let found = [package("zip", "3.0-12", "3.0-13+deb12u1"), package("linux-image-6.1", "", "6.1.2-1")];
        assert_eq!(Installer::Apt.packages(said), found);
    }

    #[test]
    fn dnfs_list_is_read() {
        let said = "\nzip.x86_64            3.0-41.fc40        updates\nObsoleting Packages\nold.noarch  1  updates\n";
        assert_eq!(Installer::Dnf.packages(said), [package("zip", "", "3.0-41.fc40")]);
        assert!(Installer::Dnf.listed(Some(100)) && !Installer::Apt.listed(Some(100)) && !Installer::Dnf.listed(None));
    }

    #[test]
    fn what_is_new_is_told_once() {
        let mut found = Found { packages: vec![package("zip", "1", "2")], ..Found::default() };
        let first = found.news();
        assert_eq!(first, "zip 2");
        found.program = true;
        assert_eq!(found.news(), "vireo, zip 2");
        assert!(!Found::default().is_something());
    }

    #[test]
    fn the_end_of_a_log_is_what_is_told() {
        let log = (1..20).map(|n| format!("line {n}\n\n")).collect::<String>();
        assert_eq!(last_lines(&log), "line 15; line 16; line 17; line 18; line 19");
        assert_eq!(last_lines(""), "");
    }
}
