//! What a Windows guest is told at its first start, besides what every guest is told ([`FirstRun`](super::first_run::FirstRun)).

use crate::model::system::{AnswerFile, WindowsZone};
use crate::model::valid::{self, Invalid, Problem};
use serde::{Deserialize, Serialize};

/// The namespace of Microsoft's answer files.
pub const NAMESPACE: &str = "urn:schemas-microsoft-com:unattend";
/// Computers have names of at most so many characters.
pub const MAX_COMPUTER_NAME: usize = 15;
const MAX_TEXT: usize = 256;

/// Why a Windows cannot be told something.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoAnswer {
    #[error("is for Windows only, and the guest's operating system is another; leave it out")]
    OnlyWindows,
    #[error("is for guests with cloud-init, and this one has Windows; leave it out")]
    NotWindows,
    #[error("\"{value}\" is not a locale like en-US or 0409:00000409")]
    NotALocale { value: String },
    #[error("is not a product key of five times five letters and digits with '-' between them")]
    NotAProductKey,
    #[error("needs a domain that the computer joins; name one or leave this out")]
    NeedsDomain,
    #[error("cannot be said together with a domain; leave one of them out")]
    WorkgroupAndDomain,
    #[error("is no answer file for this Windows: {because}")]
    NotAnAnswerFile { because: String },
}

/// To whom the computer belongs.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Join {
    /// As Windows is by itself.
    #[default]
    Nothing,
    Workgroup(String),
    Domain {
        name: String,
        /// `OU=Labs,DC=school,DC=example`; empty: the domain's own place for computers.
        unit: String,
        /// Who may let it in.
        user: String,
    },
}

/// What only Windows is told. Empty: nothing of that kind.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Windows {
    pub organization: String,
    pub product_key: String,
    pub input_locale: String,
    pub ui_language: String,
    pub system_locale: String,
    pub user_locale: String,
    pub join: Join,
}

/// As people write it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct WrittenWindows {
    pub organization: String,
    pub product_key: String,
    pub input_locale: String,
    pub ui_language: String,
    pub system_locale: String,
    pub user_locale: String,
    pub workgroup: String,
    pub domain: String,
    pub unit: String,
    pub domain_user: String,
}

impl WrittenWindows {
    /// The fields with their names in the API.
    fn all(&self) -> [(&'static str, &str); 10] {
        [
            ("org_name", &self.organization),
            ("windows_license_key", &self.product_key),
            ("input_locale", &self.input_locale),
            ("ui_language", &self.ui_language),
            ("system_locale", &self.system_locale),
            ("user_locale", &self.user_locale),
            ("workgroup", &self.workgroup),
            ("domain", &self.domain),
            ("active_directory_ou", &self.unit),
            ("domain.user.user_name", &self.domain_user),
        ]
    }

    /// What a guest that is no Windows cannot be told.
    pub fn refuse(&self, wrong: &mut Vec<Invalid>) {
        let said = self.all().into_iter().filter(|(_, text)| !text.trim().is_empty());
        wrong.extend(said.map(|(field, _)| Invalid::new(field, Problem::Windows(NoAnswer::OnlyWindows))));
    }

    /// All of it checked; what is wrong is noted.
    pub fn read(&self, wrong: &mut Vec<Invalid>) -> Windows {
        let mut keep = |result: Result<String, Invalid>| result.map_err(|e| wrong.push(e)).unwrap_or_default();
        let read = Windows {
            organization: keep(line("org_name", &self.organization)),
            product_key: keep(product_key(&self.product_key)),
            input_locale: keep(locale("input_locale", &self.input_locale)),
            ui_language: keep(locale("ui_language", &self.ui_language)),
            system_locale: keep(locale("system_locale", &self.system_locale)),
            user_locale: keep(locale("user_locale", &self.user_locale)),
            join: Join::Nothing,
        };
        let workgroup = keep(workgroup(&self.workgroup));
        let domain = keep(optional_name("domain", &self.domain, 253));
        let unit = keep(line("active_directory_ou", &self.unit));
        let user = keep(line("domain.user.user_name", &self.domain_user));
        let join = match (workgroup.is_empty(), domain.is_empty()) {
            (true, true) if self.workgroup.is_empty() && self.domain.is_empty() => {
                for (field, text) in [("active_directory_ou", &unit), ("domain.user.user_name", &user)] {
                    if !text.is_empty() {
                        wrong.push(Invalid::new(field, Problem::Windows(NoAnswer::NeedsDomain)));
                    }
                }
                Join::Nothing
            }
            (_, true) => Join::Workgroup(workgroup),
            (false, false) => {
                wrong.push(Invalid::new("workgroup", Problem::Windows(NoAnswer::WorkgroupAndDomain)));
                Join::Nothing
            }
            (true, false) => {
                if user.is_empty() {
                    wrong.push(Invalid::new("domain.user.user_name", Problem::Missing));
                }
                Join::Domain { name: domain, unit, user }
            }
        };
        Windows { join, ..read }
    }
}

impl Windows {
    /// As people write it.
    pub fn written(&self) -> WrittenWindows {
        let mut written = WrittenWindows {
            organization: self.organization.clone(),
            product_key: self.product_key.clone(),
            input_locale: self.input_locale.clone(),
            ui_language: self.ui_language.clone(),
            system_locale: self.system_locale.clone(),
            user_locale: self.user_locale.clone(),
            ..WrittenWindows::default()
        };
        match &self.join {
            Join::Nothing => {}
            Join::Workgroup(name) => written.workgroup.clone_from(name),
            Join::Domain { name, unit, user } => {
                written.domain.clone_from(name);
                written.unit.clone_from(unit);
                written.domain_user.clone_from(user);
            }
        }
        written
    }
}

/// One line of text.
fn line(field: &'static str, text: &str) -> Result<String, Invalid> {
    let text = valid::text(field, text, MAX_TEXT)?;
    match text.chars().find(|c| c.is_control()) {
        Some(found) => Err(Invalid::new(field, Problem::Character { found })),
        None => Ok(text),
    }
}

fn optional_name(field: &'static str, text: &str, max: usize) -> Result<String, Invalid> {
    if text.trim().is_empty() { Ok(String::new()) } else { valid::name(field, text, max) }
}

fn workgroup(text: &str) -> Result<String, Invalid> {
    optional_name("workgroup", text, MAX_COMPUTER_NAME)
}

/// `en-US`, `0409:00000409`, or several of them for keyboards.
fn locale(field: &'static str, text: &str) -> Result<String, Invalid> {
    let text = text.trim();
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | ':' | ';' | '{' | '}');
    if text.len() <= 120 && text.chars().all(plain) && !text.starts_with('-') {
        Ok(text.to_owned())
    } else {
        Err(Invalid::new(field, Problem::Windows(NoAnswer::NotALocale { value: text.chars().take(40).collect() })))
    }
}

/// Five groups of five.
fn product_key(text: &str) -> Result<String, Invalid> {
    let text = text.trim().to_ascii_uppercase();
    let group = |part: &str| part.len() == 5 && part.chars().all(|c| c.is_ascii_alphanumeric());
    let fine = text.is_empty() || (text.split('-').count() == 5 && text.split('-').all(group));
    if fine { Ok(text) } else { Err(Invalid::new("windows_license_key", Problem::Windows(NoAnswer::NotAProductKey))) }
}

/// A zone that this Windows knows, by the tz database's name or by its own.
///
/// # Errors
/// It does not.
pub fn time_zone(file: AnswerFile, text: &str) -> Result<String, Invalid> {
    let text = text.trim();
    let known = WindowsZone::find(text).filter(|zone| file != AnswerFile::SysprepInf || zone.index.is_some());
    if text.is_empty() || known.is_some() {
        return Ok(text.to_owned());
    }
    Err(Invalid::new("timezone", Problem::NoTimeZone { value: text.chars().take(64).collect() }))
}

/// An answer file of one's own, in the form that this Windows reads.
///
/// # Errors
/// It has another form.
pub fn answers(file: AnswerFile, text: &str) -> Result<String, Invalid> {
    let wrong =
        |because: String| Err(Invalid::new("custom_script", Problem::Windows(NoAnswer::NotAnAnswerFile { because })));
    let text = text.replace("\r\n", "\n").trim().to_owned();
    if text.is_empty() {
        return Ok(text);
    }
    match file {
        AnswerFile::Unattend { .. } => match roxmltree::Document::parse(&text) {
            Err(e) => wrong(e.to_string()),
            Ok(read) if !read.root_element().has_tag_name((NAMESPACE, "unattend")) => {
                wrong(format!("its root element is not <unattend xmlns=\"{NAMESPACE}\">"))
            }
            Ok(_) => Ok(text),
        },
        AnswerFile::SysprepInf => {
            let fine = |line: &str| {
                line.is_empty()
                    || line.starts_with(';')
                    || (line.starts_with('[') && line.ends_with(']'))
                    || line.contains('=')
            };
            match text.lines().map(str::trim).find(|line| !fine(line)) {
                Some(odd) => wrong(format!(
                    "\"{}\" is neither [Section] nor Key=Value",
                    odd.chars().take(60).collect::<String>()
                )),
                None => Ok(text),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written() -> WrittenWindows {
        WrittenWindows {
            organization: "School & Co".to_owned(),
            product_key: "abcde-12345-fghij-67890-klmno".to_owned(),
            input_locale: "0407:00000407;0409:00000409".to_owned(),
            ui_language: "de-DE".to_owned(),
            domain: "school.example".to_owned(),
            unit: "OU=Labs,DC=school,DC=example".to_owned(),
            domain_user: "joiner".to_owned(),
            ..WrittenWindows::default()
        }
    }

    #[test]
    fn what_is_written_is_read_and_written_again() {
        let mut wrong = Vec::new();
        let read = written().read(&mut wrong);
        assert!(wrong.is_empty() && read.product_key == "ABCDE-12345-FGHIJ-67890-KLMNO", "{wrong:?}");
        assert_eq!(read.written().read(&mut wrong), read);
        assert_eq!(WrittenWindows::default().read(&mut wrong), Windows::default());
        assert_eq!(serde_json::from_str::<Windows>("{}").unwrap(), Windows::default());
    }

    #[test]
    fn all_that_is_wrong_is_named() {
        let bad = WrittenWindows {
            organization: "a\nb".to_owned(),
            product_key: "12345".to_owned(),
            input_locale: "<x>".to_owned(),
            workgroup: "LAB".to_owned(),
            ..written()
        };
        let mut wrong = Vec::new();
        bad.read(&mut wrong);
        let fields: Vec<_> = wrong.iter().map(|w| w.field).collect();
        assert_eq!(fields, ["org_name", "windows_license_key", "input_locale", "workgroup"]);
        wrong.clear();
        WrittenWindows { domain_user: String::new(), ..written() }.read(&mut wrong);
        WrittenWindows { domain: String::new(), ..written() }.read(&mut wrong);
        let fields: Vec<_> = wrong.iter().map(|w| w.field).collect();
        assert_eq!(fields, ["domain.user.user_name", "active_directory_ou", "domain.user.user_name"]);
        wrong.clear();
        written().refuse(&mut wrong);
        assert_eq!(wrong.len(), 7, "{wrong:?}");
    }

    #[test]
    fn answer_files_have_their_form() {
        let xml = AnswerFile::Unattend { architecture: "amd64", asks_more: true };
        let good = format!("<unattend xmlns=\"{NAMESPACE}\"><settings pass=\"specialize\"/></unattend>");
        assert_eq!(answers(xml, &good).unwrap(), good);
        for bad in ["<unattend/>", "<unattend", "#cloud-config", "[Unattended]"] {
            assert_eq!(answers(xml, bad).unwrap_err().field, "custom_script", "{bad}");
        }
        assert!(answers(AnswerFile::SysprepInf, "[Unattended]\r\n; why\r\nOemSkipEula=Yes").is_ok());
        assert!(answers(AnswerFile::SysprepInf, &good.replace('=', "")).is_err());
        assert!(
            time_zone(AnswerFile::SysprepInf, "Europe/Istanbul").is_err() && time_zone(xml, "Europe/Istanbul").is_ok()
        );
    }
}
