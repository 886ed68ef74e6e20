//! What a guest's agent tells of the guest. It lives in the engine's memory while the guest runs; the database has the addresses, the
//! host name and the system's name only.

use serde::{Deserialize, Serialize};

/// All of it, bounded: a guest can say anything.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct GuestDetails {
    /// Who is signed in to the guest.
    pub users: Vec<GuestUser>,
    /// `CET`, and seconds east of Greenwich.
    pub time_zone: Option<(String, i32)>,
    /// `6.1.0-42-cloud-amd64`
    pub kernel: String,
    /// The system's version: `12`.
    pub version: String,
    pub file_systems: Vec<FileSystem>,
    pub interfaces: Vec<Interface>,
}

/// Somebody who is signed in to a guest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GuestUser {
    pub name: String,
    pub domain: String,
    /// Seconds since 1970.
    pub since: u64,
}

/// A file system of a guest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileSystem {
    pub mount: String,
    pub kind: String,
    /// None: the agent does not say.
    pub used_bytes: Option<u64>,
    pub total_bytes: Option<u64>,
}

/// A network card as the guest sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Interface {
    pub name: String,
    pub mac: String,
    pub addresses: Vec<String>,
}
