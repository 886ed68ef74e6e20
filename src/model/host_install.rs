//! Hosts that the engine installs by SSH: how it logs in, what it finds on the machine, and what can go wrong on the way.

use serde::{Deserialize, Serialize};

/// A user's name on the machine has 32 characters (useradd); a password is bounded so that a page's is.
pub const MAX_USER: usize = 32;
pub const MAX_PASSWORD: usize = 256;
/// Certificates and leases do not work between clocks further apart (oVirt's HostTimeDriftInSec).
pub const MAX_DRIFT_SECONDS: u64 = 300;
pub const SSH_PORT: u16 = 22;
/// The one user who may install packages and services.
pub const ROOT: &str = "root";

text_enum! {
    /// How the engine shows who it is, by the API's names.
    SshMethod { Password = "password", PublicKey = "publickey", }
}

/// What the engine logs in with.
#[derive(Clone, PartialEq, Eq)]
pub enum SshLogin {
    Password(String),
    /// Its own key, whose public half stands in the machine's `authorized_keys`.
    EngineKey,
}

impl std::fmt::Debug for SshLogin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Password(_) => "Password(…)",
            Self::EngineKey => "EngineKey",
        })
    }
}

/// How the engine gets to the machine and installs it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SshAccess {
    pub port: u16,
    pub user: String,
    pub login: SshLogin,
    /// `SHA256:…` of the machine's key; empty: the one that is known of the host already.
    pub fingerprint: String,
    /// Have the machine's own package manager install what is missing.
    pub install_missing: bool,
    /// `https://engine:8443`, as the machine is to find it.
    pub engine: String,
}

/// Is it a fingerprint as ssh-keygen prints it: `SHA256:` and 43 characters of base64?
pub fn is_fingerprint(text: &str) -> bool {
    let good = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '/');
    text.strip_prefix("SHA256:").is_some_and(|hash| hash.len() == 43 && hash.chars().all(good))
}

/// What is found on a machine, and done with it. Portals translate it (`found-…` keys).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Found {
    #[error("the machine runs {system} on {arch}")]
    System { system: String, arch: String },
    #[error("its clock and the engine's differ by {seconds} s")]
    Clock { seconds: u64 },
    #[error("the CPU has lm, nx and virtualization")]
    Cpu,
    #[error("the CPU shows neither vmx nor svm; turn virtualization on in the firmware")]
    NoVirtualization,
    #[error("guests run on the CPU itself (KVM)")]
    Kvm,
    #[error("KVM does not work here: guests are emulated, many times slower")]
    NoKvm,
    #[error("QEMU and {libvirt} are installed")]
    Programs { libvirt: String },
    #[error("its name is {name}")]
    Name { name: String },
    #[error("the machine has no host name of its own; give it one with hostnamectl")]
    NoName,
    #[error("these packages are being installed: {packages}")]
    Installing { packages: String },
    #[error("the program is being copied to the machine ({mib} MiB)")]
    Copying { mib: u64 },
    #[error("the machine has the engine's program already")]
    SameProgram,
    #[error("it has its certificate; the engine calls it at {address}")]
    Joined { address: String },
    #[error("systemd runs its agent, now and after every boot")]
    Systemd,
    #[error("its agent runs; there is no systemd that would start it after a boot")]
    NoSystemd,
}

impl Found {
    /// Something people should read.
    pub const fn is_warning(&self) -> bool {
        matches!(self, Self::NoVirtualization | Self::NoKvm | Self::NoName | Self::NoSystemd)
    }
}

/// A line of `vireo host … --machine-readable`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InstallLine {
    pub warning: bool,
    pub text: String,
}

impl From<&Found> for InstallLine {
    fn from(found: &Found) -> Self {
        Self { warning: found.is_warning(), text: found.to_string() }
    }
}

/// Why a machine was not installed. Portals translate it (`ssh-…` keys).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SshTrouble {
    #[error("no SSH server answers at {address} port {port}: {why}")]
    Unreachable { address: String, port: u16, why: String },
    #[error(
        "the machine shows the SSH key {found}, and not {known} as it should; somebody may stand between, or it was installed anew: compare the keys and give the fingerprint of the right one"
    )]
    OtherKey { found: String, known: String },
    #[error("the machine does not let {user} in with this password")]
    WrongPassword { user: String },
    #[error("the machine does not let {user} in with the engine's key; add it to ~{user}/.ssh/authorized_keys there")]
    UnknownKey { user: String },
    #[error("the SSH connection broke: {why}")]
    Broken { why: String },
    #[error("the machine said nothing for {seconds} s")]
    Silent { seconds: u64 },
    #[error("the machine says more than anybody would read; it is not asked further")]
    TooMuch,
    #[error("a command failed on the machine: {why}")]
    Command { why: String },
    #[error("{user} is not the machine's administrator; log in as root")]
    NotRoot { user: String },
    #[error("the machine's answer cannot be read; is it Linux?")]
    NotLinux,
    #[error("the machine has a CPU of type {arch}; the engine's program is for {own}")]
    Arch { arch: String, own: String },
    #[error("the machine's CPU lacks {flags}")]
    Cpu { flags: String },
    #[error("the machine's clock and the engine's differ by {seconds} s; set both by the same time server")]
    Clock { seconds: u64 },
    #[error("the machine lacks {packages}; install that there, or have it installed")]
    Missing { packages: String },
    #[error("the machine has neither apt-get nor dnf to install {packages} with; install that there")]
    NoInstaller { packages: String },
    #[error(
        "its agent does not answer at {address} port {port} after {seconds} s; see whether a firewall stands between, and what its log says"
    )]
    NoAgent { address: String, port: u16, seconds: u64 },
}

/// What a machine tells of itself before anything is installed; see [`EXAMINE`].
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Machine {
    root: bool,
    arch: String,
    system: String,
    /// Seconds since 1970.
    time: i64,
    flags: String,
    installer: Option<Installer>,
    /// What it lacks, by what it is needed for.
    missing: Vec<Part>,
}

text_enum! {
    /// The machine's package manager.
    Installer { Apt = "apt-get", Dnf = "dnf", }
}

text_enum! {
    /// What the agent needs and does not bring along.
    Part { Qemu = "qemu", QemuImg = "qemu-img", Libvirt = "libvirt", LibvirtLibrary = "libvirt.so.0", Pq = "libpq.so.5", Gssapi = "libgssapi_krb5.so.2", }
}

impl Part {
    /// The packages that have it.
    const fn packages(self, installer: Option<Installer>) -> &'static str {
        match (self, installer) {
            (Self::Qemu, Some(Installer::Dnf)) => "qemu-system-x86-core",
            (Self::Qemu, _) => "qemu-system-x86",
            (Self::QemuImg, Some(Installer::Dnf)) => "qemu-img",
            (Self::QemuImg, _) => "qemu-utils",
            (Self::Libvirt, Some(Installer::Dnf)) => "libvirt-daemon-driver-qemu libvirt-daemon-config-network dnsmasq",
            (Self::Libvirt, _) => "libvirt-daemon-system libvirt-daemon-driver-qemu dnsmasq-base",
            (Self::LibvirtLibrary, Some(Installer::Dnf)) => "libvirt-libs",
            (Self::LibvirtLibrary, _) => "libvirt0",
            (Self::Pq, Some(Installer::Dnf)) => "libpq",
            (Self::Pq, _) => "libpq5",
            (Self::Gssapi, Some(Installer::Dnf)) => "krb5-libs",
            (Self::Gssapi, _) => "libgssapi-krb5-2",
        }
    }
}

/// What the machine is asked, in the shell that every Linux has: one word and its value a line.
pub const EXAMINE: &str = r#"PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin
echo "uid $(id -u)"
echo "arch $(uname -m)"
echo "time $(date +%s)"
echo "system $(. /etc/os-release 2>/dev/null; echo "${PRETTY_NAME:-Linux}")"
echo "flags $(grep -m1 '^flags' /proc/cpuinfo)"
for p in apt-get dnf; do command -v $p >/dev/null 2>&1 && { echo "installer $p"; break; }; done
[ -x /usr/bin/qemu-system-x86_64 ] || echo "missing qemu"
command -v qemu-img >/dev/null 2>&1 || echo "missing qemu-img"
command -v libvirtd >/dev/null 2>&1 || command -v virtqemud >/dev/null 2>&1 || echo "missing libvirt"
for l in libvirt.so.0 libpq.so.5 libgssapi_krb5.so.2; do ldconfig -p | grep -qF "$l " || echo "missing $l"; done
echo "end""#;

impl Machine {
    /// Reads the answer to [`EXAMINE`].
    ///
    /// # Errors
    /// It is not whole.
    pub fn read<'a>(lines: impl Iterator<Item = &'a str>) -> Result<Self, SshTrouble> {
        let mut read = Self::default();
        let mut whole = false;
        for line in lines {
            let (word, value) = line.split_once(' ').unwrap_or((line, ""));
            match word {
                "uid" => read.root = value == "0",
                "arch" => value.clone_into(&mut read.arch),
                "system" => read.system = value.chars().filter(|c| !c.is_control()).take(64).collect(),
                "time" => read.time = value.parse().map_err(|_| SshTrouble::NotLinux)?,
                "flags" => value.clone_into(&mut read.flags),
                "installer" => read.installer = value.parse().ok(),
                "missing" => read.missing.extend(value.parse::<Part>().ok()),
                "end" => whole = true,
                _ => {}
            }
        }
        if whole { Ok(read) } else { Err(SshTrouble::NotLinux) }
    }

    /// What was found; `now`: the engine's clock, seconds since 1970.
    ///
    /// # Errors
    /// What no host can do without and nobody can install.
    pub fn judge(&self, user: &str, now: i64) -> Result<Vec<Found>, SshTrouble> {
        if !self.root {
            return Err(SshTrouble::NotRoot { user: user.to_owned() });
        }
        let own = std::env::consts::ARCH;
        if self.arch != own {
            let arch = self.arch.chars().take(32).collect();
            return Err(SshTrouble::Arch { arch, own: own.to_owned() });
        }
        let has = |flag: &str| self.flags.split_whitespace().any(|word| word == flag);
        let lacking: Vec<&str> = ["lm", "nx"].into_iter().filter(|flag| !has(flag)).collect();
        if !lacking.is_empty() {
            return Err(SshTrouble::Cpu { flags: lacking.join(", ") });
        }
        let seconds = self.time.abs_diff(now);
        if seconds > MAX_DRIFT_SECONDS {
            return Err(SshTrouble::Clock { seconds });
        }
        let system = Found::System { system: self.system.clone(), arch: self.arch.clone() };
        Ok(vec![system, Found::Clock { seconds }])
    }

    /// The packages that it lacks, with a blank between.
    pub fn missing(&self) -> Option<String> {
        let all: Vec<&str> = self.missing.iter().map(|part| part.packages(self.installer)).collect();
        (!all.is_empty()).then(|| all.join(" "))
    }

    /// The command that installs them.
    ///
    /// # Errors
    /// The machine has no package manager that is known.
    pub fn install(&self, packages: &str) -> Result<String, SshTrouble> {
        match self.installer {
            Some(Installer::Apt) => Ok(format!(
                "export DEBIAN_FRONTEND=noninteractive; apt-get update -q </dev/null; \
                 apt-get install -y -q --no-install-recommends {packages} </dev/null"
            )),
            Some(Installer::Dnf) => Ok(format!("dnf install -y {packages} </dev/null")),
            None => Err(SshTrouble::NoInstaller { packages: packages.to_owned() }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANSWER: &str = "uid 0\narch x86_64\ntime 1000\nsystem Debian GNU/Linux 12 (bookworm)\nflags flags\t: fpu nx lm vmx\n\
                          installer apt-get\nmissing qemu\nmissing libpq.so.5\nend";

    fn machine(change: impl Fn(String) -> String) -> Result<Machine, SshTrouble> {
        Machine::read(change(ANSWER.to_owned()).lines())
    }

    #[test]
    fn a_machine_is_read_as_it_answers() {
        let read = machine(|a| a).unwrap();
        let found = read.judge(ROOT, 1002).unwrap();
        assert!(found.contains(&Found::Clock { seconds: 2 }), "{found:?}");
        assert_eq!(read.missing().unwrap(), "qemu-system-x86 libpq5");
        assert!(read.install("a b").unwrap().contains("apt-get install -y -q --no-install-recommends a b"));
        let fedora = machine(|a| a.replace("apt-get", "dnf")).unwrap();
        assert_eq!(fedora.missing().unwrap(), "qemu-system-x86-core libpq");
        let none = machine(|a| a.replace("installer apt-get\n", "")).unwrap();
        assert!(matches!(none.install("a"), Err(SshTrouble::NoInstaller { .. })));
    }

    #[test]
    fn what_no_host_can_do_without_is_named() {
        let judged = |from: &str, to: &str| machine(|a| a.replace(from, to)).and_then(|m| m.judge("joe", 1000));
        assert_eq!(judged("uid 0", "uid 1000"), Err(SshTrouble::NotRoot { user: "joe".to_owned() }));
        assert_eq!(judged(" nx lm", " sse"), Err(SshTrouble::Cpu { flags: "lm, nx".to_owned() }));
        assert_eq!(judged("time 1000", "time 1301"), Err(SshTrouble::Clock { seconds: 301 }));
        assert_eq!(judged("\nend", ""), Err(SshTrouble::NotLinux));
        assert_eq!(judged("time 1000", "time soon"), Err(SshTrouble::NotLinux));
        assert!(matches!(judged("x86_64", "mips"), Err(SshTrouble::Arch { .. })));
    }

    #[test]
    fn a_fingerprint_is_what_ssh_keygen_prints() {
        assert!(is_fingerprint(&format!("SHA256:{}", "aZ0+/".repeat(9).split_at(43).0)));
        for bad in ["", "SHA256:", "MD5:aa:bb", &format!("SHA256:{}=", "a".repeat(43)), &"a".repeat(43)] {
            assert!(!is_fingerprint(bad), "{bad}");
        }
    }

    #[test]
    fn a_password_is_in_no_log() {
        assert!(!format!("{:?}", SshLogin::Password("s3cret".to_owned())).contains("s3cret"));
    }
}
