//! The answer file that a Windows reads at its first start: `sysprep.inf` on a floppy (Windows XP, 2003), `unattend.xml` on a CD (all since).

mod inf;
mod own;
mod unattend;

use crate::model::first_run::{self, FirstRun};
use crate::model::sysprep::{Join, MAX_COMPUTER_NAME};
use crate::model::system::{AnswerFile, WindowsZone};
use crate::wire::{Medium, Payload, PayloadFile};
use serde::{Deserialize, Serialize};

/// Where nothing else is said, as oVirt has it.
const USUAL_ZONE: &str = "GMT Standard Time";
const USUAL_LOCALE: &str = "en-US";
const USUAL_WORKGROUP: &str = "WORKGROUP";

/// What Windows must read as it was written; sealed wherever it is kept.
#[derive(Clone, Default, Serialize, Deserialize)]
pub(super) struct Secrets {
    /// Of the administrator, and of the user that is made.
    pub administrator: String,
    /// Of who lets the computer into its domain.
    pub domain: String,
}

/// What one guest is told.
struct Answers<'a> {
    told: &'a FirstRun,
    secrets: &'a Secrets,
    computer: String,
    zone: WindowsZone,
}

impl Answers<'_> {
    fn locale<'a>(&'a self, own: &'a str) -> &'a str {
        if own.is_empty() { USUAL_LOCALE } else { own }
    }

    /// The value of a variable (`$ComputerName$`) in an answer file of one's own; none: it is none.
    fn variable(&self, name: &str, file: AnswerFile) -> Option<String> {
        let windows = &self.told.windows;
        let (domain, unit, user) = match &windows.join {
            Join::Domain { name, unit, user } => (name.as_str(), unit.as_str(), user.as_str()),
            Join::Nothing | Join::Workgroup(_) => ("", "", ""),
        };
        let value = match name {
            "ComputerName" => &self.computer,
            "AdminPassword" => &self.secrets.administrator,
            "UserName" => &self.told.user,
            "OrgName" => &windows.organization,
            "ProductKey" => &windows.product_key,
            "TimeZone" => return Some(self.time_zone(file)),
            "JoinDomain" | "DomainName" => domain,
            "MachineObjectOU" | "ActiveDirectoryOU" => unit,
            "DomainAdmin" => user,
            "DomainAdminPassword" => &self.secrets.domain,
            "JoinWorkgroup" => match &windows.join {
                Join::Workgroup(name) => name,
                Join::Nothing | Join::Domain { .. } => USUAL_WORKGROUP,
            },
            "InputLocale" => self.locale(&windows.input_locale),
            "UILanguage" | "SetupUiLanguageUiLanguage" => self.locale(&windows.ui_language),
            "SystemLocale" => self.locale(&windows.system_locale),
            "UserLocale" => self.locale(&windows.user_locale),
            _ => return None,
        };
        Some(value.to_owned())
    }

    fn time_zone(&self, file: AnswerFile) -> String {
        match (file, self.zone.index) {
            (AnswerFile::SysprepInf, Some(index)) => format!("{index:03}"),
            _ => self.zone.name.to_owned(),
        }
    }
}

/// A name as Windows takes it: short, of letters, digits and '-', and no number. Of one that is too long the number at its end stays, which
/// tells the VMs of a pool from one another.
fn computer_name(wanted: &str) -> String {
    let plain: String = wanted.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
    let plain = plain.trim_matches('-');
    let plain = if plain.chars().all(|c| c.is_ascii_digit()) { format!("vm-{plain}") } else { plain.to_owned() };
    if plain.len() <= MAX_COMPUTER_NAME {
        return plain;
    }
    let number = &plain[first_run::number_at(&plain)..];
    let number = &number[number.len().saturating_sub(MAX_COMPUTER_NAME - 3)..];
    let stem = plain[..MAX_COMPUTER_NAME - number.len() - usize::from(!number.is_empty())].trim_end_matches('-');
    if number.is_empty() { stem.to_owned() } else { format!("{stem}-{number}") }
}

/// The disc or the floppy with the answer file.
///
/// # Errors
/// The answer file of one's own cannot be filled in.
pub(super) fn disc(file: AnswerFile, told: &FirstRun, secrets: &Secrets, vm: &str) -> Result<Payload, String> {
    let zone =
        WindowsZone::find(&told.time_zone).or_else(|| WindowsZone::find(USUAL_ZONE)).ok_or("no time zone is known")?;
    let computer = computer_name(&first_run::host_name(&told.host_name, vm));
    let answers = Answers { told, secrets, computer, zone };
    let one = |name: &str, content: String| PayloadFile { name: name.to_owned(), content };
    Ok(match file {
        AnswerFile::SysprepInf => {
            let content = if told.script.is_empty() { inf::write(&answers) } else { own::inf(&told.script, &answers) };
            Payload { medium: Medium::Floppy, label: "sysprep".to_owned(), files: vec![one("sysprep.inf", content)] }
        }
        AnswerFile::Unattend { architecture, asks_more } => {
            let content = if told.script.is_empty() {
                unattend::write(&answers, architecture, asks_more).map_err(|e| e.to_string())?
            } else {
                own::xml(&told.script, &answers, file)?
            };
            // The one is asked for by a sealed image, the other by setup from an ISO.
            let files = vec![one("unattend.xml", content.clone()), one("Autounattend.xml", content)];
            Payload { medium: Medium::Cd, label: "sysprep".to_owned(), files }
        }
    })
}

#[cfg(test)]
mod tests;
