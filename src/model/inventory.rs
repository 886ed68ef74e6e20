//! What is in a host besides CPU and memory.

use serde::{Deserialize, Serialize};

/// All of it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct HostInventory {
    pub nics: Vec<HostNic>,
    pub devices: Vec<HostDevice>,
    pub hooks: Vec<HostHook>,
}

/// A network card, a bond, a bridge.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostNic {
    pub name: String,
    pub mac: String,
    pub mtu: u32,
    pub speed_mbps: Option<u64>,
    pub up: bool,
    /// There is a device behind it.
    pub physical: bool,
    pub bridge: bool,
    /// The bridge or bond that it is part of.
    pub master: Option<String>,
    pub addresses: Vec<String>,
}

/// A device as libvirt's node device driver knows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostDevice {
    pub name: String,
    pub parent: String,
    /// `pci`, `usb_device`, `scsi`, `storage`, …
    pub capability: String,
    pub product: String,
    pub vendor: String,
    pub iommu_group: Option<u32>,
}

/// A script that libvirt calls when something happens.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostHook {
    /// `qemu`, `network`, `daemon`, …
    pub event: String,
    pub name: String,
    /// Of its bytes, in hexadecimal digits: whether two hosts have the same script. Empty: it could not be read, or is larger than any script.
    #[serde(default)]
    pub md5: String,
}
