//! Power of another host, and whether another host still writes to the storage.

use crate::model::fence::PowerAction;
use crate::wire::image::{DomainPath, ImagePath};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Have the program `fence_{kind}` ask for, or change, another machine's power.
#[derive(Clone, Serialize, Deserialize)]
pub struct FencePower {
    pub kind: String,
    pub address: String,
    pub user: String,
    pub password: String,
    pub options: BTreeMap<String, String>,
    pub action: PowerAction,
}

impl std::fmt::Debug for FencePower {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "FencePower({} {} {})", self.kind, self.action, self.address)
    }
}

/// The power after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Power {
    pub on: bool,
}

/// Does the host with this key still write its mark into the domain? Looks for so many seconds.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct SeesHost {
    pub domain: DomainPath,
    pub fingerprint: String,
    pub seconds: u64,
}

/// It does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostSeen {
    pub writes: bool,
}

/// Does a process, on whatever host, hold a lock on one of these images?
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct LooksForLocks {
    pub images: Vec<ImagePath>,
}

/// One does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct LocksSeen {
    pub held: bool,
}
