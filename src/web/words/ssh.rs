//! Why a machine was not reached or installed by SSH, in the reader's language.

use super::say;
use crate::model::host_install::SshTrouble;
use crate::web::locale::Locale;
use crate::web::told::told;

/// What went wrong.
pub fn ssh(l: Locale, why: &SshTrouble) -> String {
    match why {
        SshTrouble::Unreachable { address, port, why } => {
            say!(l, "ssh-unreachable", "address" = address, "port" = port, "why" = told(l, why))
        }
        SshTrouble::OtherKey { found, known } => say!(l, "ssh-other-key", "found" = found, "known" = known),
        SshTrouble::WrongPassword { user } => say!(l, "ssh-wrong-password", "user" = user),
        SshTrouble::UnknownKey { user } => say!(l, "ssh-unknown-key", "user" = user),
        SshTrouble::Broken { why } => say!(l, "ssh-broken", "why" = told(l, why)),
        SshTrouble::Silent { seconds } => say!(l, "ssh-silent", "seconds" = seconds),
        SshTrouble::TooMuch => l.t("ssh-too-much"),
        SshTrouble::Command { why } => say!(l, "ssh-command", "why" = told(l, why)),
        SshTrouble::NotRoot { user } => say!(l, "ssh-not-root", "user" = user),
        SshTrouble::NotLinux => l.t("ssh-not-linux"),
        SshTrouble::Arch { arch, own } => say!(l, "ssh-arch", "arch" = arch, "own" = own),
        SshTrouble::Cpu { flags } => say!(l, "ssh-cpu", "flags" = flags),
        SshTrouble::Clock { seconds } => say!(l, "ssh-clock", "seconds" = seconds),
        SshTrouble::Missing { packages } => say!(l, "ssh-missing", "packages" = packages),
        SshTrouble::NoInstaller { packages } => say!(l, "ssh-no-installer", "packages" = packages),
        SshTrouble::NoAgent { address, port, seconds } => {
            say!(l, "ssh-no-agent", "address" = address, "port" = port, "seconds" = seconds)
        }
    }
}
