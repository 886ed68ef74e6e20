//! Why something does not go now: what commands and tasks tell people. Portals translate each (`conflict-…` keys), the API prints it.

use crate::model::clock::Timestamp;
use crate::model::host::{HostAction, HostStatus};
use crate::model::job::{JobKind, JobStatus};
use crate::model::permission::ObjectKind;
use crate::model::quota::Excess;
use crate::model::scheduling::Contradiction;
use crate::model::storage_domain::StorageDomainStatus;
use crate::model::vm::VmAction;
use crate::model::vm_state::Intent;
use std::fmt;

/// What somebody wanted to do when it was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Attempt {
    Vm(VmAction, String),
    Job(JobKind, String),
}

impl fmt::Display for Attempt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Vm(action, name) => write!(f, "{} VM {name}", action.in_words()),
            Self::Job(kind, subject) => write!(f, "{} {subject}", kind.as_str().replace('_', " ")),
        }
    }
}

/// The task that holds something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Holder {
    Job {
        kind: JobKind,
        subject: String,
    },
    /// It came first by a hair; what it is cannot be asked any more.
    AtTheSameMoment,
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Job { kind, subject } => write!(f, "{} {subject}", kind.in_words()),
            Self::AtTheSameMoment => f.write_str("one that was asked for at the same moment"),
        }
    }
}

/// Why a host cannot run a VM; stands after the host's name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoRoom {
    #[error("is {}", .0.as_str().replace('_', " "))]
    Status(HostStatus),
    #[error("is where it runs already")]
    Here,
    #[error("emulates guests where the VM's host does not, or the other way round")]
    OtherCpu,
    #[error("could not start it a moment ago")]
    Tried,
    #[error("is not the host the VM is tied to")]
    NotTied,
    #[error("is none of the hosts that the VM may run on")]
    NotChosen,
    #[error("does not have the storage domain {domain} with its disk {disk}")]
    NoDomain { domain: String, disk: String },
    #[error("does not have the machine type {machine}")]
    NoMachine { machine: String },
    #[error("does not have the CPU type {cpu}")]
    NoCpuType { cpu: String },
    #[error("can give a VM {most} virtual CPUs, not {wanted}")]
    Cpus { most: u32, wanted: u32 },
    #[error("has {free} MiB of memory left, the VM needs {needed}")]
    Memory { free: u64, needed: u64 },
    #[error("has been used more than {percent} % for more than {minutes} minutes")]
    Overloaded { percent: u32, minutes: u32 },
    #[error("has no CPU {cpu}, which the VM is pinned to")]
    NoCpuNumber { cpu: u32 },
    #[error("connects guests to networks in another way ({mode})")]
    OtherNetwork { mode: String },
    #[error("runs none of the VMs that affinity group {group} keeps together")]
    NotTogether { group: String },
    #[error("runs a VM that affinity group {group} keeps apart")]
    NotApart { group: String },
    #[error("is none of the hosts of affinity group {group}")]
    NotOfGroup { group: String },
    #[error("is kept free of the VMs of affinity group {group}")]
    KeptFree { group: String },
    #[error("does not have the affinity label {label}")]
    NoLabel { label: String },
    #[error("takes only highly available VMs while its cluster is in maintenance")]
    ClusterInMaintenance,
}

/// Why a storage domain takes no new disk.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    #[error("the data center has no storage domain for data")]
    NoDomain,
    #[error("{domain} is not a domain for data")]
    NotData { domain: String },
    #[error("{domain} is {status}")]
    Status { domain: String, status: StorageDomainStatus },
    #[error("{domain} has {free} MiB free, {needed} MiB are needed")]
    Space { domain: String, free: u64, needed: u64 },
}

text_enum! {
    /// What keeps a data center, a cluster or a network from being removed.
    Held { Hosts = "hosts", Vms = "vms", Templates = "templates", Pools = "pools", Clusters = "clusters", Domains = "domains", }
}

impl Held {
    const fn in_words(self) -> &'static str {
        match self {
            Self::Hosts => "hosts",
            Self::Vms => "VMs",
            Self::Templates => "templates",
            Self::Pools => "pools",
            Self::Clusters => "clusters",
            Self::Domains => "storage domains",
        }
    }
}

/// Who is away just now; trying again later may work.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Away {
    #[error("host {host} is not connected yet")]
    NotConnected { host: String },
    #[error("it said nothing for {seconds} seconds")]
    Silent { seconds: u64 },
    #[error("no host of the data center is up")]
    NoHostUp,
    /// Who signs in hears no more than this.
    #[error("the directory of {domain} cannot be asked just now; try again later")]
    Directory { domain: String },
    /// The connection's or the host's own words.
    #[error("{why}")]
    Told { why: String },
}

/// What stands against a command that is right in itself.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Conflict {
    #[error("this request did not come from one of this engine's own pages; go back, reload the page and try again")]
    Foreign,
    #[error("host {host} cannot be the storage pool manager: it is not up, or its priority is \"never\"")]
    NoSpm { host: String },
    #[error("scheduling policy {policy} is one of those that every engine has; copy it and change the copy")]
    PolicyLocked { policy: String },
    #[error("scheduling policy {policy} is that of {clusters}; give them another one first")]
    PolicyInUse { policy: String, clusters: String },
    #[error("{0}")]
    Affinity(Contradiction),
    #[error("VM {vm} runs on no host")]
    NotRunning { vm: String },
    #[error("{by} has the console of VM {vm} open; say whether you take it over or look on together")]
    ConsoleInUse { vm: String, by: String },
    #[error("the screen of VM {vm} is locked by its teacher until he unlocks it")]
    ScreenLocked { vm: String },
    #[error("VM {vm} has no other display; add one before this is taken away")]
    LastDisplay { vm: String },
    #[error("the display of VM {vm} shows itself to one person only; watch its pictures, or help")]
    WatchPictures { vm: String },
    #[error("the class has {most} messages, links and files already; remove some first")]
    GiftsFull { most: usize },
    #[error("the file has more than {most} MiB")]
    FileTooLarge { most: u64 },
    #[error(
        "consoles are shown in the browser only; an administrator allows remote-viewer by the setting RemoteViewerPorts"
    )]
    NoViewers,
    #[error("the guest still runs {seconds} seconds after it was asked")]
    StillRuns { seconds: u64 },
    #[error("the guest did not reboot within {seconds} seconds; power it off and start it")]
    NoReboot { seconds: u64 },
    #[error("cannot {} host {host}: it is {}", .action.in_words(), .status.as_str().replace('_', " "))]
    HostStatus { host: String, status: HostStatus, action: HostAction },
    #[error("a task works on host {host}: {job}; wait for its end")]
    HostBusy { host: String, job: Holder },
    #[error("{vms} VMs run on host {host}, or may; wait until they are gone")]
    HostHasVms { host: String, vms: i64 },
    #[error("the storage {domains} lies on host {host} alone; its disks would be lost")]
    HostHasStorage { host: String, domains: String },
    #[error("host {host} cannot go to another data center: the storage {domains} lies on it alone")]
    HostTied { host: String, domains: String },
    #[error("nothing could take the VMs of host {host}: {why}")]
    NowhereToGo { host: String, why: String },
    #[error("VM {vm} is not on its way to another host")]
    NotMigrating { vm: String },
    #[error("the guest ended on its way")]
    EndedOnItsWay,
    #[error(
        "the network {network} is a bridge on one of the hosts {from} and {to} and not on the other; set it up alike"
    )]
    NetworkDiffers { network: String, from: String, to: String },
    #[error("it is not being emptied any more")]
    NoLongerEmptied,
    #[error("VM {vm} could not be moved; its events say why")]
    WouldNotLeave { vm: String },
    #[error(
        "the token is not good: it was used by another machine, is older than a day, or its host is gone; have the engine show a new one"
    )]
    NotInvited,
    #[error("nothing is known that powers host {host}; add a fence agent to it")]
    NoFenceAgent { host: String },
    #[error("no other host of the data center is up that could have host {host} powered off")]
    NoProxy { host: String },
    #[error("host {host} still writes to the storage domain {domain}: it is not fenced, for its VMs may run well")]
    StillWrites { host: String, domain: String },
    #[error("cluster {cluster} was shut down; start it on its page first")]
    ClusterRests { cluster: String },
    #[error("cluster {cluster} was not shut down")]
    ClusterRuns { cluster: String },
    #[error("these VMs were asked to shut down and still run: {vms}; power them off and try again")]
    VmsStay { vms: String },
    #[error("host {host} is {}; move it to maintenance first", .status.as_str().replace('_', " "))]
    PowerStatus { host: String, status: HostStatus },
    #[error("the package manager of host {host} failed; it said last: {said}")]
    PackagesFailed { host: String, said: String },
    #[error("the upgrade of the packages of host {host} broke off; upgrade it again, which ends what is half done")]
    PackagesBroken { host: String },
    #[error("host {host} had its former agent put back, for the new one did not come up: {because}")]
    ProgramPutBack { host: String, because: String },
    #[error("the agent of host {host} did not come back within {seconds} seconds")]
    AgentAway { host: String, seconds: u64 },
    #[error("host {host} did not come up within {seconds} seconds after its upgrade; it is {}", .status.as_str().replace('_', " "))]
    NotBack { host: String, status: HostStatus, seconds: u64 },
    #[error("no host of cluster {cluster} can be upgraded now: none is up")]
    NothingToUpgrade { cluster: String },
    #[error("the upgrade of cluster {cluster} is not under way")]
    NotUpgrading { cluster: String },
    #[error("host {host}: {because}; the hosts after it are left as they were")]
    UpgradeStopped { host: String, because: String },
    #[error("it was called off; these hosts are left as they were: {hosts}")]
    UpgradeCalledOff { hosts: String },
    #[error("host {host} does not see what was made in {path}: mount the same file system there on all hosts")]
    NotShared { path: String, host: String },
    #[error("the cluster's MAC pool has no free addresses; add a range to it")]
    NoMac,
    #[error("the VM is being changed by others at the same moment; try again")]
    ChangedMeanwhile,
    #[error("VM {vm} shows the snapshot {snapshot} just now; commit or undo that first")]
    InPreview { vm: String, snapshot: String },
    #[error("VM {vm} shows no snapshot just now; there is nothing to commit or undo")]
    NoPreview { vm: String },
    #[error("The removal of the snapshot {snapshot} was begun: what it kept is written over. It can only be removed.")]
    SnapshotBroken { snapshot: String },
    #[error("Cannot keep the disks of VM {vm}: it has snapshots; remove those first.")]
    DisksOfSnapshots { vm: String },
    #[error("it stopped at once")]
    StoppedAtOnce,
    #[error("the guest ended before its memory was saved (it is to be {intent})")]
    EndedBeforeSaved { intent: Intent },
    #[error("{job} is {status}; only a stuck task can be tried again")]
    NotStuck { job: Holder, status: JobStatus },
    #[error("The template Blank cannot be removed.")]
    BlankTemplate,
    #[error("Cannot remove template {template}: it is used by {vms}; remove those first.")]
    TemplateInUse { template: String, vms: String },
    #[error(
        "Host {host} has no virt-sysprep, which seals templates. Install the package guestfs-tools there, or make the template unsealed."
    )]
    CannotSeal { host: String },
    #[error("VM {vm} is told what its pool {pool} says; set that there")]
    FirstRunOfPool { vm: String, pool: String },
    #[error("there is no cluster to put this host into")]
    NoCluster,
    #[error("Cannot remove {} {name}: {} are in it ({names}). Remove or move them first.", .kind.as_str().replace('_', " "), .holds.in_words())]
    NotEmpty { kind: ObjectKind, name: String, holds: Held, names: String },
    #[error(
        "The data center {data_center} has its storage on one host; it takes one cluster with one host, and has {has}."
    )]
    LocalCenterFull { data_center: String, has: String },
    #[error("Whether the storage of data center {data_center} is shared or local cannot be changed: it has {domains}.")]
    CenterHasStorage { data_center: String, domains: String },
    #[error("Cannot change network {network} so: {vms} have cards on it.")]
    NetworkInUse { network: String, vms: String },
    #[error("The network {network} is how the engine reaches hosts; it stays a VM network with its name.")]
    ManagementNetwork { network: String },
    #[error("there is no user admin@internal")]
    NoAdmin,
    #[error("Cannot remove disk {disk}: it belongs to the template {template}; remove the template instead.")]
    DiskOfTemplate { disk: String, template: String },
    #[error("Cannot remove disk {disk}: other disks are layers on it.")]
    DiskHasLayers { disk: String },
    #[error("Cannot detach disk {disk}: the snapshot {snapshot} keeps it; remove the snapshot first.")]
    DiskInSnapshot { disk: String, snapshot: String },
    #[error("Cannot remove {disk}: it is in the CD drive of {vms}; eject it there first.")]
    DiskInDrive { disk: String, vms: String },
    #[error("the upload broke off; start it again")]
    UploadBroken,
    #[error("no disk can be made: {why}")]
    NoPlace { why: Unfit },
    #[error("Nobody can remove himself; ask another administrator.")]
    RemoveSelf,
    #[error("VM {vm} belongs to the pool {pool}; give the permission on the pool")]
    PermissionInPool { vm: String, pool: String },
    #[error("The role {role} is given there already.")]
    RoleHeld { role: String },
    #[error("Only a SuperUser of the whole system gives or takes the admin role {role}.")]
    AdminRole { role: String },
    #[error("The role {role} is predefined; copy it and change the copy.")]
    RolePredefined { role: String },
    #[error("Whether the role {role} is for administrators or users cannot be changed; copy it instead.")]
    RoleKind { role: String },
    #[error("The role {role} was changed by somebody else meanwhile; look at it again and repeat your change.")]
    RoleChanged { role: String },
    #[error("The role {role} is held by {holders}; take it away there first.")]
    RoleInUse { role: String, holders: String },
    #[error("What Everyone may do on the whole system cannot be taken away.")]
    EveryoneOnSystem,
    #[error("This is the last SuperUser; make another one first.")]
    LastSuperUser,
    #[error("{member} cannot be put into {group}: the group would be in itself")]
    GroupInItself { group: String, member: String },
    #[error("{member} is in {group} already")]
    MemberAlready { group: String, member: String },
    #[error("{member} is not in {group}")]
    NoMember { group: String, member: String },
    #[error("the domain {domain} was changed by somebody else meanwhile; look at it anew and change it then")]
    DomainChanged { domain: String },
    #[error("Cannot remove pool {pool}: {vms} are taken, or between two states; give them back first.")]
    PoolBusy { pool: String, vms: String },
    #[error("You have {mine} of at most {most} VMs of pool {pool} already; shut one down to give it back.")]
    PoolShare { pool: String, mine: u32, most: u32 },
    #[error(
        "Pool {pool} has no free VM just now: {taken} of its {size} are taken, the others are being prepared. Try again in a moment, or \
         ask an administrator to enlarge the pool."
    )]
    PoolEmpty { pool: String, taken: u32, size: u32 },
    #[error(
        "Pool {pool} cannot shrink to {wanted}: {taken} of its {size} VMs are taken and {busy} are held by tasks or between two states. \
         Give VMs back first, or choose a larger size."
    )]
    PoolTaken { pool: String, wanted: u32, taken: u32, busy: u32, size: u32 },
    #[error("the guest that was to be saved ended before it was ready")]
    MemoryGuestEnded,
    #[error(
        "the guest agent did not answer within 10 minutes; install qemu-guest-agent in the template's guest, for each VM gets its own name \
         and addresses through it"
    )]
    NoGuestAgent,
    #[error("Pool {pool} is reserved for {who} until {until} UTC.")]
    PoolReserved { pool: String, who: String, until: Timestamp },
    #[error("VM {vm} belongs to no pool.")]
    NotInPool { vm: String },
    #[error("Nobody has VM {vm} of pool {pool}.")]
    NotTaken { vm: String, pool: String },
    #[error("The disk {disk} of the template {template} is gone from its storage; no VM can be made of it.")]
    TemplateDiskGone { template: String, disk: String },
    #[error("{0}")]
    Quota(Box<Excess>),
    #[error("Quota {quota} gives nothing in {place}. Choose another quota, or give it a limit there.")]
    QuotaGivesNothing { quota: String, place: String },
    #[error("The quota {quota} is the data center's default one; it cannot be changed. Copy it and change the copy.")]
    QuotaDefault { quota: String },
    #[error("The quota {quota} is used by {users}; choose another quota for them first.")]
    QuotaInUse { quota: String, users: String },
    /// A host's or an earlier failure's own words.
    #[error("{why}")]
    Told { why: String },
}

impl Conflict {
    /// In words that come from elsewhere.
    pub fn told(why: impl fmt::Display) -> Self {
        Self::Told { why: why.to_string() }
    }
}
