//! The engine's settings, as engine-config had them: names, ranges, meanings.

use crate::model::properties::Permitted;
use crate::model::valid::{Invalid, Problem};
use time::Duration;

text_enum! {
    /// A setting of the engine.
    Setting {
        SessionTimeOut = "UserSessionTimeOutInterval",
        SessionHardLimit = "UserSessionHardLimit",
        SecondFactor = "SecondFactor",
        EngineName = "EngineFqdn",
        MaxVmsInPool = "MaxVmsInPool",
        ViewerPorts = "RemoteViewerPorts",
        VmProperties = "UserDefinedVMProperties",
    }
}

impl Setting {
    /// What it means.
    pub const fn meaning(self) -> &'static str {
        match self {
            Self::SessionTimeOut => "Minutes after which a session that does nothing ends; -1: never.",
            Self::SessionHardLimit => "Minutes after which a session ends, whatever it does.",
            Self::SecondFactor => {
                "Second factors of users of the internal domain: off (never asked for), optional (of who has one), admins (administrators \
                 must have one), required (all must)."
            }
            Self::EngineName => {
                "The name by which browsers reach this engine, if its certificate does not have it; passkeys are bound to the name."
            }
            Self::MaxVmsInPool => "How many VMs a pool may have; pools that are larger already stay.",
            Self::ViewerPorts => {
                "TCP ports of the hosts for consoles in remote-viewer (TLS, one-time passwords), as first-last; empty: consoles only in the \
                 browser."
            }
            Self::VmProperties => {
                "Custom properties that VMs may have, each with the regular expression that its value must match, as name=expression;name=expression."
            }
        }
    }

    /// What values it takes.
    pub fn range(self) -> String {
        match self {
            Self::SessionTimeOut => format!("-1, 1-{MOST_MINUTES}"),
            Self::SessionHardLimit => format!("1-{MOST_MINUTES}"),
            Self::SecondFactor => words(),
            Self::EngineName => "a host name, or empty".to_owned(),
            Self::MaxVmsInPool => format!("1-{MOST_VMS}"),
            Self::ViewerPorts => format!("{LOWEST_PORT}-65535, or empty"),
            Self::VmProperties => "name=expression;name=expression, or empty".to_owned(),
        }
    }
}

fn words() -> String {
    SecondFactorRule::ALL.iter().map(|rule| rule.as_str()).collect::<Vec<_>>().join(", ")
}

text_enum! {
    /// Who of the internal domain needs a second factor.
    SecondFactorRule { Off = "off", Optional = "optional", Admins = "admins", Required = "required", }
}

impl SecondFactorRule {
    /// Must have one, even if he has not set it up yet.
    pub fn demands(self, is_admin: bool) -> bool {
        self == Self::Required || (self == Self::Admins && is_admin)
    }
}

/// Below it are the system's own.
const LOWEST_PORT: u16 = 1024;
const MOST_MINUTES: u32 = 525_600;
const MOST_VMS: u32 = 100_000;

/// All settings with their values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// None: a session may be idle for ever.
    pub idle_minutes: Option<u32>,
    pub hard_minutes: u32,
    pub second_factor: SecondFactorRule,
    /// Empty: only the names in the certificate.
    pub engine_name: String,
    pub max_vms_in_pool: u32,
    /// First and last; none: native viewers are not let in.
    pub viewer_ports: Option<(u16, u16)>,
    pub vm_properties: Permitted,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            idle_minutes: Some(30),
            hard_minutes: 600,
            second_factor: SecondFactorRule::Optional,
            engine_name: String::new(),
            max_vms_in_pool: 1000,
            viewer_ports: None,
            vm_properties: Permitted::default(),
        }
    }
}

impl Settings {
    /// A setting's value.
    pub fn get(&self, setting: Setting) -> String {
        match setting {
            Setting::SessionTimeOut => self.idle_minutes.map_or_else(|| "-1".to_owned(), |m| m.to_string()),
            Setting::SessionHardLimit => self.hard_minutes.to_string(),
            Setting::SecondFactor => self.second_factor.to_string(),
            Setting::EngineName => self.engine_name.clone(),
            Setting::MaxVmsInPool => self.max_vms_in_pool.to_string(),
            Setting::ViewerPorts => {
                self.viewer_ports.map_or_else(String::new, |(first, last)| format!("{first}-{last}"))
            }
            Setting::VmProperties => self.vm_properties.to_string(),
        }
    }

    /// Sets one.
    ///
    /// # Errors
    /// Its value is out of its range; the error names the setting.
    pub fn set(&mut self, setting: Setting, value: &str) -> Result<(), Invalid> {
        let (name, value) = (setting.as_str(), value.trim());
        match setting {
            Setting::SessionTimeOut if value == "-1" => self.idle_minutes = None,
            Setting::SessionTimeOut => self.idle_minutes = Some(number(setting, value, MOST_MINUTES)?),
            Setting::SessionHardLimit => self.hard_minutes = number(setting, value, MOST_MINUTES)?,
            Setting::MaxVmsInPool => self.max_vms_in_pool = number(setting, value, MOST_VMS)?,
            Setting::SecondFactor => {
                let problem = |_| Problem::NotOneOf { value: value.chars().take(64).collect(), allowed: words() };
                self.second_factor = value.parse().map_err(problem).map_err(|p| Invalid::new(name, p))?;
            }
            Setting::EngineName => self.engine_name = host_name(name, value)?,
            Setting::ViewerPorts => self.viewer_ports = ports(name, value)?,
            Setting::VmProperties => self.vm_properties = Permitted::parse(name, value)?,
        }
        Ok(())
    }

    /// How long a session may do nothing.
    pub fn idle(&self) -> Option<Duration> {
        self.idle_minutes.map(|minutes| Duration::minutes(minutes.into()))
    }

    /// How long a session may last.
    pub fn hard(&self) -> Duration {
        Duration::minutes(self.hard_minutes.into())
    }
}

fn number(setting: Setting, value: &str, most: u32) -> Result<u32, Invalid> {
    let name = setting.as_str();
    let number: i64 = value
        .parse()
        .map_err(|_| Invalid::new(name, Problem::NotANumber { value: value.chars().take(64).collect() }))?;
    let fits = u32::try_from(number).ok().filter(|n| (1..=most).contains(n));
    fits.ok_or_else(|| Invalid::new(name, Problem::Range { min: 1, max: most.into() }))
}

fn ports(field: &'static str, value: &str) -> Result<Option<(u16, u16)>, Invalid> {
    if value.is_empty() {
        return Ok(None);
    }
    let pair = value.split_once('-').and_then(|(a, b)| Some((a.trim().parse().ok()?, b.trim().parse().ok()?)));
    let good = pair.filter(|(first, last)| (LOWEST_PORT..=*last).contains(first));
    let (value, allowed) = (value.chars().take(64).collect(), Setting::ViewerPorts.range());
    good.map(Some).ok_or_else(|| Invalid::new(field, Problem::NotOneOf { value, allowed }))
}

fn host_name(field: &'static str, value: &str) -> Result<String, Invalid> {
    if value.len() > 253 {
        return Err(Invalid::new(field, Problem::TooLong { max: 253 }));
    }
    match value.chars().find(|c| !(c.is_ascii_alphanumeric() || matches!(c, '.' | '-'))) {
        Some(found) => Err(Invalid::new(field, Problem::Character { found })),
        None => Ok(value.to_ascii_lowercase()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_setting_takes_its_own_value_and_refuses_others() {
        let mut settings = Settings::default();
        for setting in Setting::ALL {
            settings.set(*setting, &Settings::default().get(*setting)).unwrap();
        }
        assert_eq!(settings, Settings::default());
        settings.set(Setting::SessionTimeOut, "-1").unwrap();
        assert_eq!((settings.idle(), settings.get(Setting::SessionTimeOut)), (None, "-1".to_owned()));
        for (setting, value) in [
            (Setting::SessionTimeOut, "0"),
            (Setting::SessionTimeOut, "-2"),
            (Setting::SessionHardLimit, "-1"),
            (Setting::SessionHardLimit, "ten"),
            (Setting::SecondFactor, "always"),
            (Setting::EngineName, "https://a"),
            (Setting::MaxVmsInPool, "0"),
            (Setting::ViewerPorts, "5900"),
            (Setting::ViewerPorts, "80-90"),
            (Setting::ViewerPorts, "6000-5900"),
            (Setting::ViewerPorts, "5900-70000"),
            (Setting::VmProperties, "a=("),
        ] {
            assert_eq!(settings.set(setting, value).unwrap_err().field, setting.as_str());
        }
    }

    #[test]
    fn who_needs_a_second_factor() {
        use SecondFactorRule::*;
        let demanded = |rule: SecondFactorRule| (rule.demands(false), rule.demands(true));
        assert_eq!(
            [Off, Optional, Admins, Required].map(demanded),
            [(false, false), (false, false), (false, true), (true, true)]
        );
    }
}
