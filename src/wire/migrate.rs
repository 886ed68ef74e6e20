//! Moving a running guest to another host. The source's libvirt drives (peer to peer); both its connection to the other libvirt and the
//! guest's memory go through one TLS connection each between the two agents, so no other port is open and nothing is sent in the clear.
//!
//! * `GET /v1/migrations/{vm}/{control|memory}` at the target's agent, by the source's, with `Upgrade: vireo-migration` and the ticket in
//!   `Authorization: Bearer …`: after 101 the raw bytes of the target's libvirt, or of the QEMU that waits for the guest.

use crate::model::ids::VmId;
use crate::model::migration::MigrationPolicy;
use crate::wire::image::ImagePath;
use serde::{Deserialize, Serialize};
use std::net::IpAddr;

/// The protocol name of a migration's `Upgrade`.
pub const MIGRATION_PROTOCOL: &str = "vireo-migration";

/// To the target: let the guest in that comes with this ticket. Asked again with another ticket, the earlier one is void.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ExpectVm {
    pub vm: VmId,
    pub ticket: String,
    /// Logical networks it needs.
    pub networks: Vec<String>,
    /// Files it needs: they must be there already.
    pub images: Vec<ImagePath>,
    /// The network over which guests are to come; none: the usual way.
    #[serde(default)]
    pub over: Option<String>,
    /// Where the engine calls this host.
    #[serde(default)]
    pub usual: String,
}

/// How the target would plug it in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Expected {
    /// Each network with whether it is a bridge there (else libvirt's own): both hosts must have it in the same way.
    pub networks: Vec<(String, super::network::NetworkMode)>,
    /// The host's address on the network over which it is to come; none: it has none there.
    #[serde(default)]
    pub address: Option<IpAddr>,
    /// The speed of the link by which it comes, where that is known.
    #[serde(default)]
    pub link_mbps: Option<u64>,
}

/// To the target: nobody is let in any more, and what came only half is ended.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct UnexpectVm {
    pub vm: VmId,
}

/// To the source: move it. It goes on in the background; under way already: fine. Answered false: others are leaving, ask again.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct MigrateVm {
    pub vm: VmId,
    pub ticket: String,
    /// The target's agent.
    pub address: String,
    pub port: u16,
    /// The key it must hold.
    pub fingerprint: String,
    pub policy: MigrationPolicy,
    /// The speed of the target's link, where that is known.
    #[serde(default)]
    pub link_mbps: Option<u64>,
    /// So many guests leave this host at a time.
    pub at_once: usize,
    /// Guest addresses that are pinged while it moves.
    pub ping: Vec<String>,
}

/// To the source: how far is it?
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct MigrationProgress {
    pub vm: VmId,
}

/// To the source: it is to stay.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct AbortMigration {
    pub vm: VmId,
}

/// How far it is, as the source knows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum MigrationState {
    /// This agent moves no such guest (it may have been started anew since).
    None,
    Running(Moving),
    /// libvirt says that it is over there.
    Done(Moved),
    Failed {
        because: String,
    },
}

/// A migration's numbers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Moving {
    pub total_bytes: u64,
    pub remaining_bytes: u64,
    pub bytes_per_second: u64,
    pub elapsed_ms: u64,
}

/// What a finished one cost.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Moved {
    pub elapsed_ms: u64,
    /// The guest stood still for so long, as QEMU measured.
    pub downtime_ms: u64,
    /// Longest time without an answer to a ping every 10 ms; none: nobody answered before it began.
    pub ping_gap_ms: Option<u64>,
    /// It went over before its memory did, and fetched the rest.
    #[serde(default)]
    pub post_copy: bool,
}
