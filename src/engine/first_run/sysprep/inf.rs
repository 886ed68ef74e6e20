//! `sysprep.inf`: sections of keys with values, lines ended as in DOS.

use super::{Answers, USUAL_WORKGROUP};
use crate::model::sysprep::Join;
use crate::model::system::AnswerFile;

/// The file.
pub(super) fn write(answers: &Answers<'_>) -> String {
    let windows = &answers.told.windows;
    let mut out = Vec::new();
    section(&mut out, "Unattended", &[("OemSkipEula", "Yes")]);
    let zone = answers.time_zone(AnswerFile::SysprepInf);
    let password = if answers.secrets.administrator.is_empty() { "*" } else { &answers.secrets.administrator };
    section(
        &mut out,
        "GuiUnattended",
        &[
            ("AdminPassword", password),
            ("EncryptedAdminPassword", "No"),
            ("OEMSkipRegional", "1"),
            ("OemSkipWelcome", "1"),
            ("TimeZone", &zone),
        ],
    );
    let owner = if answers.told.user.is_empty() { "User" } else { &answers.told.user };
    section(
        &mut out,
        "UserData",
        &[
            ("FullName", owner),
            ("OrgName", &windows.organization),
            ("ComputerName", &answers.computer),
            ("ProductKey", &windows.product_key),
        ],
    );
    let joins = match &windows.join {
        Join::Nothing => vec![("JoinWorkgroup", USUAL_WORKGROUP)],
        Join::Workgroup(name) => vec![("JoinWorkgroup", name.as_str())],
        Join::Domain { name, unit, user } => vec![
            ("JoinDomain", name.as_str()),
            ("DomainAdmin", user.as_str()),
            ("DomainAdminPassword", answers.secrets.domain.as_str()),
            ("MachineObjectOU", unit.as_str()),
        ],
    };
    section(&mut out, "Identification", &joins);
    // These are numbers here; names like en-US are of later systems.
    let number = |text: &'static str, value: &str| (text, value.chars().next().is_some_and(|c| c.is_ascii_digit()));
    let all = [
        ("InputLocale", &windows.input_locale),
        ("SystemLocale", &windows.system_locale),
        ("UserLocale", &windows.user_locale),
    ];
    let locales: Vec<_> = all
        .into_iter()
        .filter(|(name, value)| number(name, value).1)
        .map(|(name, value)| (name, value.as_str()))
        .collect();
    if !locales.is_empty() {
        section(&mut out, "RegionalSettings", &locales);
    }
    section(&mut out, "Networking", &[("InstallDefaultComponents", "Yes")]);
    out.join("\r\n") + "\r\n"
}

/// What is empty is left out.
fn section(out: &mut Vec<String>, name: &str, keys: &[(&str, &str)]) {
    out.push(format!("[{name}]"));
    let said = keys.iter().filter(|(_, value)| !value.is_empty());
    out.extend(said.map(|(key, value)| format!("{key}={}", quoted(value))));
}

/// In quotes where it would be read otherwise; a quote in them is doubled.
pub(super) fn quoted(value: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '*' | '/' | '\\' | ':');
    if value.chars().all(plain) { value.to_owned() } else { format!("\"{}\"", value.replace('"', "\"\"")) }
}
