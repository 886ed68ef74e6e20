//! What engine and agent say to each other: JSON over HTTP/1.1 in mutual TLS on the agent's one port.
//!
//! * `POST /v1/verbs/{NAME}` with the JSON of a [`Verb`]: answered 200 with its `Reply`, else a [`WireError`].
//! * `GET /v1/events`: one long response of JSON lines, each a [`HostEvent`]; the first is a snapshot of all domains.
//! * `PUT /v1/images/{domain}/{disk}/{image}?path=&format=`: the bytes of an image, written under a temporary name
//!   and renamed when whole.
//! * `GET /v1/screenshots/{vm}`: a PNG; with `?width=` a JPEG of at most that width.
//! * `PUT /v1/guest-files/{vm}?name=`: a file's bytes, put into the guest by its agent; answered with a [`Placed`].
//! * `GET /v1/consoles/{vm}/{vnc|spice|serial}` with `Upgrade: vireo-console`: after 101 the raw bytes of the display's socket
//!   or the serial line.
//! * `GET /v1/viewers/{vm}/{vnc|spice}` with the same `Upgrade`: after 101 lines of JSON, see [`viewer`].
//! * `PUT /v1/program/{sha256}`: the bytes of the agent's next program, see [`host_upgrade`].
//! * `GET /v1/migrations/{vm}/{control|memory}` by another agent, see [`migrate`].
//!
//! Every verb is idempotent: the engine repeats it after a crash of either side.

pub mod adjust;
pub mod display;
pub mod event;
pub mod fence;
pub mod guest;
pub mod host;
pub mod host_upgrade;
pub mod image;
pub mod inventory;
pub mod memory;
pub mod migrate;
pub mod network;
pub mod pin;
pub mod seal;
pub mod snapshot;
pub mod stream;
pub mod tls;
pub mod upgrade;
pub mod viewer;

pub use adjust::{AdjustVm, Adjusted, Part, RefusedPart};
pub use event::{DomainReport, GuestReport, HostEvent, HostStats, VmStats};
pub use guest::*;
pub use host::{
    CertificateRequest, CommonCpu, CompareCpu, CpuCompared, CsrPem, EnableKsm, HostCapabilities, HostInfo, OwnCpu,
    SetCertificate,
};
pub use image::*;
pub use memory::{MemorySaved, SaveMemory, StartFromMemory};
pub use migrate::{AbortMigration, ExpectVm, Expected, MigrateVm, MigrationProgress, MigrationState, UnexpectVm};
pub use network::EnsureNetwork;
pub use seal::{SealImages, SealLog, SealProgress, SealSupport, SealSupported, SealingImage};
pub use snapshot::{MergeImage, MergeState, NewLayer, SnapshotTaken, SnapshotVm};

use crate::model::cpu::CpuBase;
use serde::{Deserialize, Serialize, de::DeserializeOwned};

/// The protocol name of a console's `Upgrade`.
pub const CONSOLE_PROTOCOL: &str = "vireo-console";

/// The agent's TCP port (vdsm's).
pub const AGENT_PORT: u16 = 54321;

/// A request the agent understands, and what it answers.
pub trait Verb: Serialize + DeserializeOwned + Send + Sync + std::fmt::Debug {
    /// The last part of the URL.
    const NAME: &'static str;
    /// What is answered when it worked.
    type Reply: Serialize + DeserializeOwned + Send + std::fmt::Debug;
}

macro_rules! verbs { ($($request:ty => $name:literal -> $reply:ty;)+) => {
    $(impl Verb for $request { const NAME: &'static str = $name; type Reply = $reply; })+
    /// Every verb's name, for the agent's dispatcher and its test.
    pub const VERBS: &[&str] = &[$($name),+];
} }

verbs! {
    HostInfo => "host_info" -> HostCapabilities;
    CompareCpu => "compare_cpu" -> CpuCompared;
    OwnCpu => "own_cpu" -> String;
    CommonCpu => "common_cpu" -> CpuBase;
    EnableKsm => "enable_ksm" -> ();
    inventory::Inventory => "inventory" -> inventory::HostInventory;
    ListDomains => "list_domains" -> Vec<DomainReport>;
    StartVm => "start_vm" -> DomainReport;
    StartFromMemory => "start_from_memory" -> DomainReport;
    SaveMemory => "save_memory" -> MemorySaved;
    StopVm => "stop_vm" -> ();
    ShutdownVm => "shutdown_vm" -> ();
    RebootVm => "reboot_vm" -> ();
    ResetVm => "reset_vm" -> ();
    SuspendVm => "suspend_vm" -> ();
    PauseVm => "pause_vm" -> ();
    ResumeVm => "resume_vm" -> ();
    ForgetVm => "forget_vm" -> ();
    ChangeCd => "change_cd" -> ();
    AdjustVm => "adjust_vm" -> Adjusted;
    SendKeys => "send_keys" -> ();
    CreateDomain => "create_domain" -> DomainSpace;
    RemoveDomain => "remove_domain" -> ();
    DomainInfo => "domain_info" -> DomainSpace;
    CreateImage => "create_image" -> ImageInfo;
    CopyImage => "copy_image" -> ImageInfo;
    InspectImage => "inspect_image" -> ImageInfo;
    RemoveImage => "remove_image" -> ();
    RemoveDisk => "remove_disk" -> ();
    SealSupport => "seal_support" -> SealSupported;
    SealImages => "seal_images" -> SealProgress;
    SealLog => "seal_log" -> SealProgress;
    SnapshotVm => "snapshot_vm" -> SnapshotTaken;
    MergeImage => "merge_image" -> MergeState;
    EnsureNetwork => "ensure_network" -> network::NetworkState;
    ExpectVm => "expect_vm" -> Expected;
    UnexpectVm => "unexpect_vm" -> ();
    MigrateVm => "migrate_vm" -> bool;
    MigrationProgress => "migration_progress" -> MigrationState;
    AbortMigration => "abort_migration" -> ();
    CertificateRequest => "certificate_request" -> CsrPem;
    SetCertificate => "set_certificate" -> ();
    fence::FencePower => "fence_power" -> fence::Power;
    fence::SeesHost => "sees_host" -> fence::HostSeen;
    fence::LooksForLocks => "looks_for_locks" -> fence::LocksSeen;
    guest::ResumeIo => "resume_io" -> ();
    host::PowerOff => "power_off" -> ();
    host::Leave => "leave" -> ();
    host_upgrade::CheckUpgrade => "check_upgrade" -> host_upgrade::UpgradeFound;
    host_upgrade::UpgradePackages => "upgrade_packages" -> host_upgrade::PackagesRun;
    host_upgrade::ProgramInfo => "program_info" -> host_upgrade::Program;
    host_upgrade::StartProgram => "start_program" -> ();
    host_upgrade::KeepProgram => "keep_program" -> ();
    host_upgrade::RestartHost => "restart_host" -> ();
}

/// Why a verb failed, in a form the engine can act on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ErrorCode {
    /// The domain, image, file or socket is not there.
    NotFound,
    /// Something else of that name or id is there already.
    Exists,
    /// The request itself is wrong: message names the field.
    InvalidRequest,
    /// The file system is full.
    NoSpace,
    /// The thing is in a state that does not allow it.
    WrongState,
    /// libvirtd cannot be reached just now; trying again later may work.
    LibvirtGone,
    /// libvirt or QEMU refused.
    Libvirt,
    /// Reading or writing on the host failed.
    Io,
}

/// The body of every answer that is not 2xx.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{message}")]
pub struct WireError {
    pub code: ErrorCode,
    /// One sentence in English that names the thing.
    pub message: String,
}
