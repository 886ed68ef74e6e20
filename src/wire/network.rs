//! Networks on a host.

use serde::{Deserialize, Serialize};

/// Make a logical network exist on the host. A Linux bridge of that name is used as it is; where there is none, libvirt makes
/// a network of that name: NAT, or isolated where the kernel cannot translate addresses.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct EnsureNetwork {
    pub name: String,
}

/// How the network was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NetworkMode {
    Bridge,
    Nat,
    Isolated,
    /// QEMU's own user-mode network: no privileges needed, guests cannot see each other.
    User,
}

/// The network as it is on the host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NetworkState {
    pub mode: NetworkMode,
}
