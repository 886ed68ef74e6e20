//! Instance types: ready-made sizes, with what else all VMs of a kind have in common.

use crate::model::ids::InstanceTypeId;
use crate::model::vm::{BootDevice, Display, Protocol};
use crate::model::vm_settings::{MigrationMode, RngSource, VmSettings, Watchdog};
use serde::{Deserialize, Serialize};

macro_rules! type_settings { ($($field:ident: $type:ty;)+) => {
    /// What a type says beside the size: what oVirt's types say. `None`: each of its VMs as it is set itself.
    #[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
    #[serde(default)]
    pub struct TypeSettings {
        pub boot: Option<Vec<BootDevice>>,
        $(pub $field: Option<$type>,)+
    }

    impl TypeSettings {
        /// The same, with what another says in place of it.
        pub fn with(self, newer: Self) -> Self {
            Self { boot: newer.boot.or(self.boot), $($field: newer.$field.or(self.$field),)+ }
        }

        /// Only what two of a VM's settings have alike: who sets something himself means it.
        pub fn where_alike(&self, before: (&[BootDevice], &VmSettings), after: (&[BootDevice], &VmSettings)) -> Self {
            Self {
                boot: self.boot.clone().filter(|_| before.0 == after.0),
                $($field: self.$field.filter(|_| before.1.$field == after.1.$field),)+
            }
        }

        fn said(&self, settings: &mut VmSettings) {
            $(if let Some(value) = self.$field { settings.$field = value; })+
        }
    }
} }

type_settings! {
    monitors: u32;
    usb_redirection: bool;
    soundcard: bool;
    serial_console: bool;
    migration: MigrationMode;
    high_availability: bool;
    priority: u32;
    watchdog: Watchdog;
    ballooning: bool;
    io_threads: u32;
    virtio_scsi: bool;
    rng: RngSource;
    rng_bytes: u32;
    rng_period_ms: u32;
}

impl TypeSettings {
    /// Sets a VM's boot order and settings so. What needs SPICE is left to VMs that have it.
    pub fn set(&self, display: Display, boot: &mut Vec<BootDevice>, settings: &mut VmSettings) {
        if let Some(order) = &self.boot {
            boot.clone_from(order);
        }
        if display.has(Protocol::Spice) {
            self.said(settings);
        } else {
            Self { monitors: None, usb_redirection: None, ..self.clone() }.said(settings);
        }
    }

    /// Whether a VM is set so.
    pub fn fit(&self, display: Display, boot: &[BootDevice], settings: &VmSettings) -> bool {
        let (mut wanted_boot, mut wanted) = (boot.to_vec(), settings.clone());
        self.set(display, &mut wanted_boot, &mut wanted);
        (wanted_boot.as_slice(), &wanted) == (boot, settings)
    }

    /// As the database keeps them.
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    /// What the database keeps; what nobody can read says nothing.
    pub fn from_json(text: &str) -> Self {
        serde_json::from_str(text).unwrap_or_default()
    }
}

/// What becomes of a type's settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SettingsChange {
    /// What these name changes.
    Some(TypeSettings),
    /// It has these and no other.
    All(TypeSettings),
}

impl Default for SettingsChange {
    fn default() -> Self {
        Self::Some(TypeSettings::default())
    }
}

/// A size to start a VM from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InstanceTypeView {
    pub id: InstanceTypeId,
    pub name: String,
    pub description: String,
    pub memory_mib: u64,
    pub max_memory_mib: u64,
    pub sockets: u32,
    pub cores: u32,
    pub threads: u32,
    pub settings: TypeSettings,
}

/// A change of one: only what is `Some` changes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SizeChange {
    pub name: Option<String>,
    pub description: Option<String>,
    pub memory_mib: Option<u64>,
    pub max_memory_mib: Option<u64>,
    pub sockets: Option<u32>,
    pub cores: Option<u32>,
    pub threads: Option<u32>,
    pub settings: SettingsChange,
}

impl SizeChange {
    /// The type after the change; who changes only the memory does not want to hear of its maximum.
    pub fn on(self, old: InstanceTypeView) -> InstanceTypeView {
        let memory_mib = self.memory_mib.unwrap_or(old.memory_mib);
        InstanceTypeView {
            id: old.id,
            name: self.name.unwrap_or(old.name),
            description: self.description.unwrap_or(old.description),
            memory_mib,
            max_memory_mib: self.max_memory_mib.unwrap_or(old.max_memory_mib.max(memory_mib)),
            sockets: self.sockets.unwrap_or(old.sockets),
            cores: self.cores.unwrap_or(old.cores),
            threads: self.threads.unwrap_or(old.threads),
            settings: match self.settings {
                SettingsChange::Some(newer) => old.settings.with(newer),
                SettingsChange::All(settings) => settings,
            },
        }
    }
}

/// oVirt's five, with their fixed ids: (id, name, memory MiB, max memory MiB, sockets).
pub const PREDEFINED: [(InstanceTypeId, &str, u64, u64, u32); 5] = [
    (InstanceTypeId::fixed(0x00000003_0003_0003_0003_0000000000be), "Tiny", 512, 2048, 1),
    (InstanceTypeId::fixed(0x00000005_0005_0005_0005_0000000002e6), "Small", 2048, 8192, 1),
    (InstanceTypeId::fixed(0x00000007_0007_0007_0007_00000000010a), "Medium", 4096, 16384, 2),
    (InstanceTypeId::fixed(0x00000009_0009_0009_0009_0000000000f1), "Large", 8192, 32768, 2),
    (InstanceTypeId::fixed(0x0000000b_000b_000b_000b_00000000021f), "XLarge", 16384, 65536, 4),
];
