//! Operating systems of guests, by oVirt's names.

/// What is known, with the names that people read.
pub const SYSTEMS: [(&str, &str); 28] = [
    ("other", "Other OS"),
    ("other_linux", "Linux"),
    ("debian_7", "Debian 7+"),
    ("rhel_6x64", "Red Hat Enterprise Linux 6.x x64"),
    ("rhel_7x64", "Red Hat Enterprise Linux 7.x x64"),
    ("rhel_8x64", "Red Hat Enterprise Linux 8.x x64"),
    ("rhel_9x64", "Red Hat Enterprise Linux 9.x x64"),
    ("suse_11", "SUSE Linux Enterprise Server 11+"),
    ("ubuntu_14_04", "Ubuntu 14.04+"),
    ("freebsdx64", "FreeBSD x64"),
    ("windows_xp", "Windows XP"),
    ("windows_2003", "Windows 2003"),
    ("windows_2003x64", "Windows 2003 x64"),
    ("windows_2008", "Windows 2008"),
    ("windows_2008x64", "Windows 2008 x64"),
    ("windows_2008R2x64", "Windows 2008 R2 x64"),
    ("windows_7", "Windows 7"),
    ("windows_7x64", "Windows 7 x64"),
    ("windows_8", "Windows 8"),
    ("windows_8x64", "Windows 8 x64"),
    ("windows_10", "Windows 10"),
    ("windows_10x64", "Windows 10 x64"),
    ("windows_11", "Windows 11"),
    ("windows_2012x64", "Windows 2012 x64"),
    ("windows_2012r2x64", "Windows 2012R2 x64"),
    ("windows_2016x64", "Windows 2016 x64"),
    ("windows_2019x64", "Windows 2019 x64"),
    ("windows_2022", "Windows 2022"),
];

/// How a Windows is told what it asks at its first start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AnswerFile {
    /// `sysprep.inf`, on a floppy: Windows XP and 2003.
    SysprepInf,
    /// `unattend.xml`: all since.
    Unattend {
        architecture: &'static str,
        /// Windows 8, 2012 and later ask more.
        asks_more: bool,
    },
}

impl AnswerFile {
    /// The one that this system reads; none: it is no Windows, and asks cloud-init.
    pub fn of(system: &str) -> Option<Self> {
        let windows = system.strip_prefix("windows_")?;
        Some(match windows {
            "xp" | "2003" | "2003x64" => Self::SysprepInf,
            _ => Self::Unattend {
                architecture: if matches!(windows, "7" | "8" | "10" | "2008") { "x86" } else { "amd64" },
                asks_more: !windows.starts_with("7") && !windows.starts_with("2008"),
            },
        })
    }
}

/// A time zone as Windows knows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WindowsZone {
    pub name: &'static str,
    /// What Windows XP's setup calls it.
    pub index: Option<u16>,
    names: &'static str,
}

impl WindowsZone {
    /// By its own name (`W. Europe Standard Time`) or one of the tz database (`Europe/Berlin`).
    pub fn find(text: &str) -> Option<Self> {
        let is = |zone: &Self| zone.name == text || zone.names.split(' ').any(|name| name == text);
        Self::all().find(is)
    }

    fn all() -> impl Iterator<Item = Self> {
        let line = |line: &'static str| {
            let mut parts = line.splitn(3, '|');
            let (name, index, names) = (parts.next()?, parts.next()?, parts.next()?);
            Some(Self { name, index: index.parse().ok(), names })
        };
        include_str!("windows_zones.txt").lines().filter(|line| !line.starts_with('#')).filter_map(line)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_windows_has_its_answer_file() {
        let of = AnswerFile::of;
        assert_eq!((of("other"), of("rhel_7x64"), of("windows_xp")), (None, None, Some(AnswerFile::SysprepInf)));
        let seven = AnswerFile::Unattend { architecture: "amd64", asks_more: false };
        assert_eq!((of("windows_7x64"), of("windows_2008R2x64")), (Some(seven), Some(seven)));
        assert_eq!(of("windows_10"), Some(AnswerFile::Unattend { architecture: "x86", asks_more: true }));
        let newest = Some(AnswerFile::Unattend { architecture: "amd64", asks_more: true });
        assert!(["windows_11", "windows_2022", "windows_2016x64", "windows_2012x64"].iter().all(|s| of(s) == newest));
    }

    #[test]
    fn zones_are_found_by_either_name() {
        let name = |text| WindowsZone::find(text).map(|zone| (zone.name, zone.index));
        assert_eq!(name("Europe/Vienna"), Some(("W. Europe Standard Time", Some(110))));
        assert_eq!(name("W. Europe Standard Time"), name("Europe/Berlin"));
        assert_eq!(name("Asia/Shanghai"), Some(("China Standard Time", Some(210))));
        assert_eq!(name("Europe/Istanbul"), Some(("Turkey Standard Time", None)));
        assert_eq!((name("Europe/Atlantis"), name("")), (None, None));
        let mut names: Vec<_> = WindowsZone::all().flat_map(|zone| zone.names.split(' ')).collect();
        let count = names.len();
        names.sort_unstable();
        names.dedup();
        assert!(count > 500 && names.len() == count, "{count}: each belongs to one zone");
    }
}
