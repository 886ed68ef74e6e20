//! What can be set of a VM besides its size, and how a running guest differs from what is set.

use crate::model::ids::{HostId, StorageDomainId};
use crate::model::vm::{Display, Hardware};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

text_enum! {
    /// Where a VM may go while it runs.
    MigrationMode {
        Migratable = "migratable",
        /// Only when a person asks for it.
        UserMigratable = "user_migratable",
        Pinned = "pinned",
    }
}
text_enum! {
    /// What the watchdog does to a guest that hangs.
    Watchdog {
        /// There is no watchdog.
        Absent = "absent", None = "none", Reset = "reset", PowerOff = "poweroff", Dump = "dump", Pause = "pause",
    }
}
text_enum! {
    /// What becomes of a guest that stands still because a read or write failed.
    ResumeBehaviour {
        /// It goes on when its storage is back.
        AutoResume = "auto_resume",
        LeavePaused = "leave_paused",
        /// The same for a while; then it is ended, and started again elsewhere if it is highly available.
        Kill = "kill",
    }
}

/// The storage domain whose locks tell whether the VM runs; none: it has no lease.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Lease(pub Option<StorageDomainId>);

text_enum! {
    /// Where the guest's random numbers come from.
    RngSource { Absent = "absent", Urandom = "urandom", Hwrng = "hwrng", }
}
text_enum! {
    /// When a change counts.
    When { AtOnce = "at_once", NextStart = "next_start", }
}

/// A value as [`Waiting`] shows it.
trait Shown {
    fn shown(&self) -> String;
}

macro_rules! shown { ($($type:ty),+) => { $(impl Shown for $type { fn shown(&self) -> String { self.to_string() } })+ } }
shown! { bool, u32, String, MigrationMode, Watchdog, RngSource, ResumeBehaviour }

impl Shown for Vec<HostId> {
    fn shown(&self) -> String {
        self.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
    }
}

impl Shown for Lease {
    fn shown(&self) -> String {
        self.0.map(|id| id.to_string()).unwrap_or_default()
    }
}

impl Shown for BTreeMap<String, String> {
    fn shown(&self) -> String {
        self.iter().map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>().join("; ")
    }
}

macro_rules! settings { ($($(#[$doc:meta])* $field:ident: $type:ty = $default:expr, $when:ident;)+) => {
    /// All that is set of a VM besides its size.
    #[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
    #[serde(default)]
    pub struct VmSettings { $($(#[$doc])* pub $field: $type,)+ }

    impl Default for VmSettings {
        fn default() -> Self { Self { $($field: $default,)+ } }
    }

    /// A change of settings: only what is `Some` changes.
    #[derive(Debug, Clone, PartialEq, Eq, Default)]
    pub struct SettingsChange { $(pub $field: Option<$type>,)+ }

    impl SettingsChange {
        /// The settings after the change.
        pub fn on(self, old: VmSettings) -> VmSettings {
            VmSettings { $($field: self.$field.unwrap_or(old.$field),)+ }
        }
    }

    impl VmSettings {
        /// With what counts at once as another has it.
        fn with_immediate(mut self, intended: &Self) -> Self {
            $(if matches!(When::$when, When::AtOnce) { self.$field.clone_from(&intended.$field); })+
            self
        }

        fn differing(&self, intended: &Self, into: &mut Vec<Waiting>) {
            $(if matches!(When::$when, When::NextStart) && self.$field != intended.$field {
                into.push(Waiting::new(stringify!($field), self.$field.shown(), intended.$field.shown()));
            })+
        }
    }
} }

settings! {
    /// The host may take memory back that the guest does not use.
    ballooning: bool = true, NextStart;
    /// Screens of the guest; more than one needs SPICE.
    monitors: u32 = 1, NextStart;
    /// USB devices of a SPICE viewer can be handed to the guest.
    usb_redirection: bool = false, NextStart;
    soundcard: bool = false, NextStart;
    serial_console: bool = true, NextStart;
    /// The clipboard goes between the guest and a SPICE viewer.
    copy_paste: bool = true, NextStart;
    file_transfer: bool = true, NextStart;
    /// It runs only on these; none: on any host of its cluster.
    hosts: Vec<HostId> = Vec::new(), AtOnce;
    migration: MigrationMode = MigrationMode::Migratable, AtOnce;
    /// The guest sees the host's own CPU.
    cpu_passthrough: bool = false, NextStart;
    /// oVirt's way to say which vCPU runs on which CPUs: `0#0-1_1#2`.
    cpu_pinning: String = String::new(), NextStart;
    /// It is started again where it can be when it went down without being told to.
    high_availability: bool = false, AtOnce;
    /// Who comes first when many are started again: 1 to 100.
    priority: u32 = 1, AtOnce;
    /// It may be started elsewhere when its host is lost and these locks are free.
    lease: Lease = Lease(None), NextStart;
    resume: ResumeBehaviour = ResumeBehaviour::AutoResume, AtOnce;
    watchdog: Watchdog = Watchdog::Absent, NextStart;
    /// Its part of the CPUs against that of others; 0: the usual one (1024).
    cpu_shares: u32 = 0, NextStart;
    io_threads: u32 = 0, NextStart;
    virtio_scsi: bool = true, NextStart;
    boot_menu: bool = false, NextStart;
    /// A machine type of the host's QEMU; empty: the usual one.
    machine: String = String::new(), NextStart;
    /// A CPU that the guest sees; empty: the one that fits best.
    cpu_type: String = String::new(), NextStart;
    rng: RngSource = RngSource::Urandom, NextStart;
    /// At most so many bytes in each period; 0: no limit.
    rng_bytes: u32 = 0, NextStart;
    rng_period_ms: u32 = 0, NextStart;
    custom: BTreeMap<String, String> = BTreeMap::new(), NextStart;
}

impl VmSettings {
    /// One with a lease is ended in any case: it can then be started where the storage works.
    pub fn when_storage_fails(&self) -> ResumeBehaviour {
        if self.lease.0.is_some() { ResumeBehaviour::Kill } else { self.resume }
    }

    /// As the database keeps them.
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    /// What the database keeps; what it does not say, or nobody can read, has its default.
    pub fn from_json(text: &str) -> Self {
        serde_json::from_str(text).unwrap_or_default()
    }
}

/// What a guest runs with: it was started so, or got it since.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Running {
    pub hardware: Hardware,
    pub os: String,
    pub stateless: bool,
    /// vCPUs that there is room for.
    pub max_vcpus: u32,
    /// Memory that there is room for; none can be added where it is no more than the memory.
    pub room_mib: u64,
    /// Why it did not get its CPUs or memory while it ran.
    #[serde(default)]
    pub cpus_refused: Option<NotNow>,
    #[serde(default)]
    pub memory_refused: Option<NotNow>,
}

/// How a running guest can be looked at: the part of [`Running`] that lists read of each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub struct Screens {
    hardware: ScreensHardware,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
struct ScreensHardware {
    display: Display,
    #[serde(default)]
    settings: ScreensSettings,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(default)]
struct ScreensSettings {
    serial_console: bool,
}

impl Default for ScreensSettings {
    fn default() -> Self {
        Self { serial_console: VmSettings::default().serial_console }
    }
}

impl Screens {
    /// Of what the database keeps of a running guest; none: that is not known.
    pub fn of(launched: &str) -> Option<Self> {
        serde_json::from_str(launched).ok()
    }

    pub const fn display(self) -> Display {
        self.hardware.display
    }

    /// It has a serial line.
    pub const fn serial(self) -> bool {
        self.hardware.settings.serial_console
    }
}

/// Why a running guest does not get what is set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum NotNow {
    #[error("a running guest has room for {most} vCPUs")]
    CpuRoom { most: u32 },
    #[error("a running guest gets memory in steps of {step} MiB")]
    MemoryStep { step: u64 },
    #[error("the running guest has room for {most} MiB")]
    MemoryRoom { most: u64 },
    #[error("the host has no memory to give")]
    HostFull,
    /// A start on that host would be refused, too.
    #[error("host {host} can give a VM {most} virtual CPUs, not {wanted}")]
    HostCpus { host: String, most: u32, wanted: u32 },
    /// The host's or the guest's own words.
    #[error("{why}")]
    Told { why: String },
}

/// What of a running guest's size is to change; none: nothing.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Growth {
    pub cpus: Option<Result<(), NotNow>>,
    pub memory: Option<Result<(), NotNow>>,
}

/// A setting that counts from the next start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiting {
    /// Portals translate it (`waiting-…` keys).
    pub field: &'static str,
    pub now: String,
    pub next: String,
    /// Why the guest did not get it while it ran, if that was tried.
    pub why: Option<NotNow>,
}

impl Waiting {
    /// Every setting that can wait.
    pub const FIELDS: [&'static str; 30] = [
        "os",
        "memory",
        "max_memory",
        "sockets",
        "cores",
        "threads",
        "display",
        "boot",
        "stateless",
        "ballooning",
        "monitors",
        "usb_redirection",
        "soundcard",
        "serial_console",
        "copy_paste",
        "file_transfer",
        "cpu_passthrough",
        "cpu_pinning",
        "lease",
        "watchdog",
        "cpu_shares",
        "io_threads",
        "virtio_scsi",
        "boot_menu",
        "machine",
        "cpu_type",
        "rng",
        "rng_bytes",
        "rng_period_ms",
        "custom",
    ];

    fn new(field: &'static str, now: String, next: String) -> Self {
        Self { field, now, next, why: None }
    }
}

/// Sockets a guest has room for, and CPUs: the plain machine's firmware knows no more.
const ROOM_SOCKETS: u32 = 16;
const ROOM_CPUS: u32 = 240;
/// With room for more memory, Linux takes 64 MiB of a guest's memory aside; a smaller guest could not do without them.
pub const LEAST_WITH_ROOM_MIB: u64 = 512;
/// Linux uses memory in blocks of this size.
const MEMORY_STEP_MIB: u64 = 128;
/// A CPU need not be able to address more.
const MOST_ROOM_MIB: u64 = 512 * 1024;

/// CPUs that a guest of this size has room for: whole sockets.
fn cpu_room(hw: &Hardware) -> u32 {
    let socket = hw.cores.saturating_mul(hw.threads);
    let sockets = ROOM_CPUS.checked_div(socket).unwrap_or(1).min(ROOM_SOCKETS).max(hw.sockets);
    sockets.saturating_mul(socket)
}

fn memory_room(hw: &Hardware) -> u64 {
    if hw.memory_mib < LEAST_WITH_ROOM_MIB {
        hw.memory_mib
    } else {
        hw.memory_mib.max(hw.max_memory_mib.min(MOST_ROOM_MIB))
    }
}

impl Running {
    /// A guest that is started so.
    pub fn of(hardware: &Hardware, os: &str, stateless: bool) -> Self {
        let (max_vcpus, room_mib) = (cpu_room(hardware), memory_room(hardware));
        Self {
            hardware: hardware.clone(),
            os: os.to_owned(),
            stateless,
            max_vcpus,
            room_mib,
            cpus_refused: None,
            memory_refused: None,
        }
    }

    /// As the database keeps it.
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    /// What the database keeps; none: it does not run, or that is not known.
    pub fn from_json(text: &str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }

    /// The same, with what counts at once as it is intended.
    pub fn with_immediate(mut self, intended: &Self) -> Self {
        self.hardware.settings = self.hardware.settings.with_immediate(&intended.hardware.settings);
        self
    }

    /// Whether the guest can become what is intended while it runs, and if not, why.
    pub fn growth(&self, intended: &Hardware) -> Growth {
        let now = &self.hardware;
        let cpus = if intended.sockets == now.sockets || intended.cores != now.cores || intended.threads != now.threads
        {
            None
        } else if intended.vcpus() > self.max_vcpus {
            Some(Err(NotNow::CpuRoom { most: self.max_vcpus }))
        } else {
            Some(Ok(()))
        };
        let more = intended.memory_mib.abs_diff(now.memory_mib);
        let memory = if more == 0 {
            None
        } else if intended.memory_mib > self.room_mib.max(now.memory_mib) {
            Some(Err(NotNow::MemoryRoom { most: self.room_mib }))
        } else if !more.is_multiple_of(MEMORY_STEP_MIB) {
            Some(Err(NotNow::MemoryStep { step: MEMORY_STEP_MIB }))
        } else {
            Some(Ok(()))
        };
        Growth { cpus, memory }
    }

    /// What differs from what is intended, and waits.
    pub fn waiting(&self, intended: &Self) -> Vec<Waiting> {
        let (now, next) = (&self.hardware, &intended.hardware);
        let mut all = Vec::new();
        let mut note = |field, now: String, next: String| {
            if now != next {
                all.push(Waiting::new(field, now, next));
            }
        };
        let boot = |hw: &Hardware| hw.boot.iter().map(|b| b.as_str()).collect::<Vec<_>>().join(", ");
        note("os", self.os.clone(), intended.os.clone());
        note("memory", now.memory_mib.to_string(), next.memory_mib.to_string());
        note("max_memory", now.max_memory_mib.to_string(), next.max_memory_mib.to_string());
        note("sockets", now.sockets.to_string(), next.sockets.to_string());
        note("cores", now.cores.to_string(), next.cores.to_string());
        note("threads", now.threads.to_string(), next.threads.to_string());
        note("display", now.display.to_string(), next.display.to_string());
        note("boot", boot(now), boot(next));
        note("stateless", self.stateless.to_string(), intended.stateless.to_string());
        now.settings.differing(&next.settings, &mut all);
        for waiting in &mut all {
            waiting.why = match waiting.field {
                "sockets" => self.cpus_refused.clone(),
                "memory" => self.memory_refused.clone(),
                _ => None,
            };
        }
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::vm::BootDevice;

    fn running() -> Running {
        let hardware = Hardware {
            memory_mib: 1024,
            max_memory_mib: 4096,
            guaranteed_memory_mib: 1024,
            sockets: 1,
            cores: 1,
            threads: 1,
            display: Display::Vnc,
            boot: vec![BootDevice::Disk],
            settings: VmSettings::default(),
        };
        Running::of(&hardware, "other", false)
    }

    #[test]
    fn says_what_waits() {
        let (now, mut next) = (running(), running());
        assert!(now.waiting(&next).is_empty());
        next.hardware.sockets = 2;
        next.hardware.settings.soundcard = true;
        next.hardware.settings.high_availability = true;
        let waiting = now.waiting(&next);
        let fields: Vec<_> = waiting.iter().map(|w| (w.field, w.now.as_str(), w.next.as_str())).collect();
        assert_eq!(fields, [("sockets", "1", "2"), ("soundcard", "false", "true")]);
        assert!(now.with_immediate(&next).hardware.settings.high_availability);
    }

    #[test]
    fn older_settings_are_read() {
        assert_eq!(VmSettings::from_json("{}"), VmSettings::default());
        assert_eq!(VmSettings::from_json(r#"{"monitors":2,"gone":1}"#).monitors, 2);
        let running = running();
        let screens = Screens::of(&running.to_json()).unwrap();
        assert_eq!((screens.display(), screens.serial()), (Display::Vnc, true));
        let silent = VmSettings { serial_console: false, ..VmSettings::default() };
        let silent = Running { hardware: Hardware { settings: silent, ..running.hardware.clone() }, ..running.clone() };
        assert!(!Screens::of(&silent.to_json()).unwrap().serial() && Screens::of("").is_none());
        assert_eq!(Running::from_json(&running.to_json()), Some(running));
        assert_eq!(Running::from_json(""), None);
    }
}
