//! Logical networks, vNIC profiles, network cards.

use crate::model::ids::{DataCenterId, NetworkId, NicId, VnicProfileId};
use std::fmt;
use std::str::FromStr;

text_enum! {
    NicModel { Virtio = "virtio", E1000 = "e1000", Rtl8139 = "rtl8139", }
}

text_enum! {
    /// What a network is for in a cluster.
    NetworkUsage { Vm = "vm", Migration = "migration", Management = "management", Display = "display", DefaultRoute = "default_route", }
}

/// A MAC address.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    diesel::expression::AsExpression,
    diesel::deserialize::FromSqlRow,
)]
#[diesel(sql_type = diesel::sql_types::Text)]
pub struct MacAddress(u64);

impl MacAddress {
    /// From its 48 bits; the upper 16 are dropped.
    pub const fn from_bits(bits: u64) -> Self {
        Self(bits & 0xffff_ffff_ffff)
    }
    pub const fn bits(self) -> u64 {
        self.0
    }
}

impl fmt::Display for MacAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let b = self.0.to_be_bytes();
        write!(f, "{:02x}:{:02x}:{:02x}:{:02x}:{:02x}:{:02x}", b[2], b[3], b[4], b[5], b[6], b[7])
    }
}

/// Not six hexadecimal bytes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("\"{0}\" is not a MAC address; it looks like 00:1a:4a:16:01:51")]
pub struct BadMac(String);

impl FromStr for MacAddress {
    type Err = BadMac;
    fn from_str(text: &str) -> Result<Self, BadMac> {
        let bad = || BadMac(text.chars().take(32).collect());
        let mut bits = 0u64;
        let mut bytes = 0;
        for part in text.split(':') {
            if part.len() != 2 {
                return Err(bad());
            }
            bits = bits << 8 | u64::from(u8::from_str_radix(part, 16).map_err(|_| bad())?);
            bytes += 1;
        }
        if bytes == 6 { Ok(Self(bits)) } else { Err(bad()) }
    }
}

impl serde::Serialize for MacAddress {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}
impl<'de> serde::Deserialize<'de> for MacAddress {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        <std::borrow::Cow<'_, str>>::deserialize(d)?.parse().map_err(serde::de::Error::custom)
    }
}

/// A logical network as lists and details show it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NetworkView {
    pub id: NetworkId,
    pub name: String,
    pub description: String,
    pub comment: String,
    pub data_center: DataCenterId,
    pub data_center_name: String,
    pub vlan_id: Option<u16>,
    /// 0 = default (1500).
    pub mtu: u32,
    pub vm_network: bool,
}

/// The network over which the engine reaches hosts; each data center has one of that name.
pub const MANAGEMENT_NETWORK: &str = "ovirtmgmt";
/// A bridge of that name must be possible on a host (Linux: IFNAMSIZ, with the zero at its end).
pub const MAX_NETWORK_NAME: usize = 15;

/// A logical network as somebody wants it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NetworkConfig {
    pub name: String,
    pub description: String,
    pub comment: String,
    /// VMs can be on it.
    pub vm_network: bool,
}

impl Default for NetworkConfig {
    fn default() -> Self {
        Self { name: String::new(), description: String::new(), comment: String::new(), vm_network: true }
    }
}

impl NetworkView {
    pub fn config(&self) -> NetworkConfig {
        NetworkConfig {
            name: self.name.clone(),
            description: self.description.clone(),
            comment: self.comment.clone(),
            vm_network: self.vm_network,
        }
    }

    /// Hosts are reached over it.
    pub fn is_management(&self) -> bool {
        self.name == MANAGEMENT_NETWORK
    }
}

/// A vNIC profile as lists and details show it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VnicProfileView {
    pub id: VnicProfileId,
    pub name: String,
    pub description: String,
    pub network: NetworkId,
    pub network_name: String,
    pub data_center_name: String,
}

/// A network card of a VM.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NicView {
    pub id: NicId,
    pub name: String,
    pub mac: MacAddress,
    pub model: NicModel,
    pub profile: Option<VnicProfileId>,
    pub profile_name: String,
    pub network: Option<NetworkId>,
    pub network_name: String,
    pub linked: bool,
    /// False: the guest does not see it.
    pub plugged: bool,
}

/// A network card as it is to be.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct NicChange {
    pub name: String,
    pub model: NicModel,
    /// None: the card is on no network.
    pub profile: Option<VnicProfileId>,
    pub linked: bool,
    pub plugged: bool,
}
