//! Events: what people read about what happened.

use crate::model::clock::Timestamp;
use crate::model::ids::{ClusterId, HostId, JobId, PoolId, StorageDomainId, TemplateId, UserId, VmId};

text_enum! {
    Severity { Normal = "normal", Warning = "warning", Error = "error", Alert = "alert", }
}

/// What an event is about; every field that is known is set.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct About {
    pub user: Option<(UserId, String)>,
    pub vm: Option<(VmId, String)>,
    pub host: Option<(HostId, String)>,
    pub template: Option<(TemplateId, String)>,
    pub pool: Option<(PoolId, String)>,
    pub cluster: Option<(ClusterId, String)>,
    pub storage_domain: Option<(StorageDomainId, String)>,
}

/// An event as lists show it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventView {
    /// Grows with time; the API's `from`.
    pub id: i64,
    pub code: EventCode,
    pub severity: Severity,
    /// English; portals build their own from `code` and `about` (`event-…` keys) with `detail` added.
    pub message: String,
    /// What a person needs beside the sentence: an error's text.
    pub detail: String,
    pub time: Timestamp,
    pub about: About,
    pub job: Option<JobId>,
    pub correlation_id: String,
}

/// Defines [`EventCode`] with oVirt's numbers and severities.
macro_rules! event_codes { ($($variant:ident = $text:literal, $number:literal, $severity:ident, $message:literal;)+) => {
    text_enum! {
        /// What happened, by oVirt's audit log names.
        EventCode { $($variant = $text,)+ }
    }
    impl EventCode {
        /// oVirt's number.
        pub const fn number(self) -> u32 { match self { $(Self::$variant => $number,)+ } }
        pub const fn severity(self) -> Severity { match self { $(Self::$variant => Severity::$severity,)+ } }
        /// English, with `{vm}`, `{host}`, `{user}`, `{template}`, `{pool}`, `{storage_domain}`, `{cluster}`, `{detail}` to fill in.
        pub const fn pattern(self) -> &'static str { match self { $(Self::$variant => $message,)+ } }
    }
} }

event_codes! {
    UserLoggedIn = "USER_VDC_LOGIN", 30, Normal, "User {user} signed in.";
    UserLoggedOut = "USER_VDC_LOGOUT", 31, Normal, "User {user} signed out.";
    UserLoginFailed = "USER_VDC_LOGIN_FAILED", 114, Error, "User {user} failed to sign in: {detail}";
    UserLocked = "USER_ACCOUNT_DISABLED_OR_LOCKED", 2008, Warning, "User {user} is locked after too many wrong passwords.";
    UserRunVm = "USER_STARTED_VM", 153, Normal, "VM {vm} was started by {user} (host: {host}).";
    VmUp = "USER_RUN_VM", 32, Normal, "VM {vm} started on host {host}.";
    RunVmFailed = "USER_FAILED_RUN_VM", 54, Error, "Failed to run VM {vm} (user: {user}): {detail}";
    UserShutdownVm = "USER_INITIATED_SHUTDOWN_VM", 73, Normal, "Shutdown of VM {vm} was asked for by {user}.";
    ShutdownIgnored = "SHUTDOWN_VM_IGNORED", 10300, Warning, "VM {vm} ignored the request to shut down; power it off if it must stop.";
    UserStopVm = "USER_STOP_VM", 33, Normal, "VM {vm} was powered off by {user} (host: {host}).";
    StopVmFailed = "USER_FAILED_STOP_VM", 56, Error, "Failed to power off VM {vm}: {detail}";
    VmDown = "VM_DOWN", 61, Normal, "VM {vm} is down. {detail}";
    VmDownError = "VM_DOWN_ERROR", 119, Error, "VM {vm} is down with error. {detail}";
    VmGoesOn = "VM_RECOVERED_FROM_PAUSE_ERROR", 196, Normal, "The storage of VM {vm} is back, and the VM goes on.";
    VmLeaseNotSeen = "VM_LEASE_NOT_SEEN", 10730, Alert, "VM {vm} has a lease that no other host sees held: its storage keeps locks to each host. When its host is lost the VM is not started elsewhere by itself.";
    WatchdogEvent = "WATCHDOG_EVENT", 9901, Warning, "The watchdog of VM {vm} was not stroked; what it does: {detail}.";
    VmPausedIo = "VM_PAUSED_EIO", 145, Error, "VM {vm} was paused because its storage failed.";
    UserSuspendVm = "USER_SUSPEND_VM", 501, Normal, "Suspending VM {vm} was asked for by {user}.";
    VmSuspended = "USER_SUSPEND_VM_OK", 503, Normal, "VM {vm} on host {host} is suspended.";
    SuspendVmFailed = "USER_FAILED_SUSPEND_VM", 532, Error, "Failed to suspend VM {vm}: {detail}";
    UserResumeVm = "USER_RESUME_VM", 39, Normal, "VM {vm} was resumed by {user}.";
    UserRebootVm = "USER_REBOOT_VM", 157, Normal, "VM {vm} was rebooted by {user}.";
    RebootVmFailed = "REBOOT_VM_FAILED", 10302, Error, "Failed to reboot VM {vm}: {detail}";
    UserAddVm = "USER_ADD_VM", 34, Normal, "VM {vm} was created by {user}.";
    AddVmStarted = "USER_ADD_VM_STARTED", 37, Normal, "Creation of VM {vm} was started by {user}.";
    AddVmFailed = "USER_FAILED_ADD_VM", 60, Error, "Failed to create VM {vm} (user: {user}): {detail}";
    UserUpdateVm = "USER_UPDATE_VM", 35, Normal, "Configuration of VM {vm} was changed by {user}.";
    UserRemoveVm = "USER_REMOVE_VM_FINISHED", 113, Normal, "VM {vm} was removed by {user}.";
    RemoveVmFailed = "USER_FAILED_REMOVE_VM", 58, Error, "Failed to remove VM {vm}: {detail}";
    CreateSnapshotDone = "USER_CREATE_SNAPSHOT_FINISHED_SUCCESS", 68, Normal, "Snapshot {detail} of VM {vm} was taken by {user}.";
    CreateSnapshotFailed = "USER_CREATE_SNAPSHOT_FINISHED_FAILURE", 69, Error, "Failed to take a snapshot of VM {vm} (user: {user}): {detail}";
    PreviewSnapshotDone = "USER_TRY_BACK_TO_SNAPSHOT_FINISH_SUCCESS", 71, Normal, "VM {vm} shows its snapshot {detail}, as {user} wished.";
    PreviewSnapshotFailed = "USER_TRY_BACK_TO_SNAPSHOT_FINISH_FAILURE", 72, Error, "Failed to show a snapshot of VM {vm} (user: {user}): {detail}";
    CommitSnapshotDone = "USER_RESTORE_FROM_SNAPSHOT_FINISH_SUCCESS", 100, Normal, "VM {vm} was taken back to its snapshot {detail} by {user}.";
    UndoSnapshotDone = "USER_UNDO_RESTORE_FROM_SNAPSHOT_FINISH_SUCCESS", 1191, Normal, "VM {vm} left its snapshot {detail} again, as {user} wished.";
    DropLayersFailed = "USER_RESTORE_FROM_SNAPSHOT_FINISH_FAILURE", 101, Error, "Files of VM {vm} that nobody needs any more could not be removed: {detail}";
    RemoveSnapshotDone = "USER_REMOVE_SNAPSHOT_FINISHED_SUCCESS", 356, Normal, "Snapshot {detail} of VM {vm} was removed by {user}.";
    RemoveSnapshotFailed = "USER_REMOVE_SNAPSHOT_FINISHED_FAILURE", 357, Error, "Failed to remove a snapshot of VM {vm} (user: {user}): {detail}";
    UserChangeCd = "USER_CHANGE_DISK_VM", 38, Normal, "The CD of VM {vm} was changed by {user}.";
    HotPlugDisk = "USER_HOTPLUG_DISK", 2000, Normal, "Disk {detail} of VM {vm} was activated by {user}.";
    HotPlugDiskFailed = "USER_FAILED_HOTPLUG_DISK", 2001, Error, "A disk of VM {vm} could not be activated or deactivated (user: {user}): {detail}";
    HotUnplugDisk = "USER_HOTUNPLUG_DISK", 2002, Normal, "Disk {detail} of VM {vm} was deactivated by {user}.";
    DiskAttached = "USER_ATTACH_DISK_TO_VM", 2016, Normal, "Disk {detail} was attached to VM {vm} by {user}.";
    DiskDetached = "USER_DETACH_DISK_FROM_VM", 2018, Normal, "Disk {detail} was detached from VM {vm} by {user}.";
    HotSetCpus = "HOT_SET_NUMBER_OF_CPUS", 2033, Normal, "Running VM {vm} has {detail} vCPUs now, as {user} wished.";
    HotSetCpusFailed = "FAILED_HOT_SET_NUMBER_OF_CPUS", 2034, Error, "Running VM {vm} keeps its vCPUs until its next start: {detail}";
    HotSetMemory = "HOT_SET_MEMORY", 2039, Normal, "Running VM {vm} has {detail} MiB of memory now, as {user} wished.";
    HotSetMemoryFailed = "FAILED_HOT_SET_MEMORY", 2040, Error, "Running VM {vm} keeps its memory until its next start: {detail}";
    NicsChanged = "NETWORK_UPDATE_VM_INTERFACE", 934, Normal, "The network cards of running VM {vm} were changed by {user}.";
    NicsChangeFailed = "NETWORK_UPDATE_VM_INTERFACE_FAILED", 935, Error, "The network cards of running VM {vm} could not be changed (user: {user}): {detail}";
    InstanceTypeAdded = "USER_ADD_INSTANCE_TYPE", 10670, Normal, "Instance type {detail} was added by {user}.";
    InstanceTypeChanged = "USER_UPDATE_INSTANCE_TYPE", 10671, Normal, "Instance type {detail} was changed by {user}; its VMs follow it.";
    InstanceTypeRemoved = "USER_REMOVE_INSTANCE_TYPE", 10672, Normal, "Instance type {detail} was removed by {user}; its VMs keep their size.";
    ConsoleConnected = "VM_CONSOLE_CONNECTED", 167, Normal, "User {user} is connected to VM {vm}.";
    ConsoleDisconnected = "VM_CONSOLE_DISCONNECTED", 168, Normal, "User {user} got disconnected from VM {vm}.";
    SerialConnected = "SERIAL_CONSOLE_CONNECTED", 10550, Normal, "User {user} is connected to the serial console of VM {vm}.";
    SerialDisconnected = "SERIAL_CONSOLE_DISCONNECTED", 10551, Normal, "User {user} got disconnected from the serial console of VM {vm}.";
    ConsoleTakenOver = "CONSOLE_TAKEN_OVER", 10552, Normal, "User {user} took the console of VM {vm} over from {detail}.";
    ViewerAllowed = "CONSOLE_VIEWER_ALLOWED", 10553, Normal, "A port for a viewer of VM {vm} was opened on host {host} for {user}.";
    TakeFromPool = "USER_ATTACH_USER_TO_VM_FROM_POOL", 319, Normal, "User {user} took VM {vm} from pool {pool}.";
    TakeFromPoolFailed = "USER_ATTACH_USER_TO_VM_FROM_POOL_FAILURE", 328, Error, "User {user} could not get a VM from pool {pool}: {detail}";
    ReturnToPool = "USER_DETACH_USER_FROM_VM", 334, Normal, "VM {vm} is back in pool {pool}, as fresh as before.";
    UserAddPool = "USER_ADD_VM_POOL", 300, Normal, "Pool {pool} was created by {user}.";
    AddPoolFailed = "USER_ADD_VM_POOL_FAILED", 301, Error, "Failed to create pool {pool}: {detail}";
    UserRemovePool = "USER_REMOVE_VM_POOL", 304, Normal, "Pool {pool} was removed by {user}.";
    RemovePoolFailed = "USER_REMOVE_VM_POOL_FAILED", 305, Error, "Failed to remove pool {pool}: {detail}";
    DetachFromPool = "USER_REMOVE_VM_FROM_POOL", 308, Normal, "VM {vm} was detached from pool {pool} by {user}.";
    DetachFromPoolFailed = "USER_REMOVE_VM_FROM_POOL_FAILED", 309, Error, "Failed to detach VM {vm} from pool {pool}: {detail}";
    UserUpdatePool = "USER_UPDATE_VM_POOL", 314, Normal, "Pool {pool} was changed by {user}.";
    PoolGrown = "USER_UPDATE_VM_POOL_WITH_VMS", 344, Normal, "Pool {pool} was enlarged by {user}: it has {detail} VMs more.";
    PoolGrowFailed = "USER_UPDATE_VM_POOL_WITH_VMS_FAILED", 345, Error, "Failed to enlarge pool {pool}: {detail}";
    PrestartFailed = "VM_FAILED_TO_PRESTART_IN_POOL", 169, Warning, "VMs of pool {pool} cannot be started ahead: {detail}";
    ClassMessage = "CLASS_MESSAGE", 10600, Normal, "{user} told the class of pool {pool} something.";
    ClassLink = "CLASS_LINK", 10601, Normal, "{user} gave the class of pool {pool} a link: {detail}";
    ClassFile = "CLASS_FILE", 10602, Normal, "{user} gave the class of pool {pool} a file: {detail}";
    ClassLocked = "CLASS_LOCKED", 10603, Normal, "The screens of the class of pool {pool} were locked by {user}.";
    ClassUnlocked = "CLASS_UNLOCKED", 10604, Normal, "The screens of the class of pool {pool} were unlocked by {user}.";
    ScreenLocked = "CLASS_SCREEN_LOCKED", 10605, Normal, "The screen of VM {vm} was locked by {user}.";
    ScreenUnlocked = "CLASS_SCREEN_UNLOCKED", 10606, Normal, "The screen of VM {vm} was unlocked by {user}.";
    ClassEnded = "CLASS_ENDED", 10607, Normal, "The class of pool {pool} was ended by {user}.";
    ConsoleWatched = "CLASS_CONSOLE_WATCHED", 10608, Normal, "{user} watches the console of VM {vm}.";
    ConsoleHelped = "CLASS_CONSOLE_HELPED", 10609, Normal, "{user} helps at the console of VM {vm}.";
    VmReset = "CLASS_VM_RESET", 10610, Normal, "VM {vm} was reset by {user}.";
    PoolShrunk = "VM_POOL_SHRUNK", 10500, Normal, "Pool {pool} was made smaller by {user}: {detail} are gone from it.";
    PoolShrinkFailed = "VM_POOL_SHRINK_FAILED", 10501, Error, "Failed to make pool {pool} smaller: {detail}";
    PoolVmReclaimed = "VM_POOL_ASSIGNMENT_ENDED", 10502, Normal, "VM {vm} of pool {pool} was taken back from {detail} by {user}.";
    InstantStartReady = "VM_POOL_INSTANT_START_READY", 10504, Normal, "VMs of pool {pool} start at once from now on.";
    InstantStartFailed = "VM_POOL_INSTANT_START_FAILED", 10505, Warning, "VMs of pool {pool} boot instead of starting at once: {detail}";
    PoolVmLost = "VM_POOL_ASSIGNMENT_LOST", 10503, Warning, "VM {vm} of pool {pool} runs on a host that does not answer; {user} gets another one.";
    UserAddTemplate = "USER_ADD_VM_TEMPLATE_CREATION_SUCCESS", 250, Normal, "Template {template} was created by {user}.";
    AddTemplateFailed = "USER_ADD_VM_TEMPLATE_CREATION_FAILURE", 251, Error, "Failed to create template {template} (user: {user}): {detail}";
    UserRemoveTemplate = "USER_REMOVE_VM_TEMPLATE", 253, Normal, "Template {template} was removed by {user}.";
    VmFollowed = "VM_FOLLOWED_TEMPLATE", 10640, Normal, "VM {vm} is of the template version {template} now.";
    IconChanged = "ICON_CHANGED", 10720, Normal, "The icon of {detail} was changed by {user}.";
    FirstRunChanged = "FIRST_RUN_CHANGED", 10641, Normal, "What guests of {detail} are told at their first start was changed by {user}.";
    HostUp = "VDS_DETECTED", 13, Normal, "Host {host} is up.";
    HostNonResponsive = "VDS_FAILURE", 12, Error, "Host {host} does not respond: {detail}";
    HostNonOperational = "VDS_SET_NONOPERATIONAL", 517, Warning, "Host {host} is non-operational: {detail}";
    HostInstalled = "VDS_INSTALL", 504, Normal, "Host {host} has joined.";
    HostInstalling = "VDS_INSTALL_IN_PROGRESS", 509, Normal, "Installing host {host}: {detail}.";
    HostInstallingWarning = "VDS_INSTALL_IN_PROGRESS_WARNING", 510, Warning, "Installing host {host}: {detail}.";
    HostInstallFailed = "VDS_INSTALL_FAILED", 505, Error, "Host {host} was not installed: {detail}.";
    HostInstallAsked = "HOST_REINSTALL_ASKED", 10740, Normal, "Host {host} is installed again, as {user} wished.";
    HostUpdatesFailed = "HOST_AVAILABLE_UPDATES_FAILED", 839, Warning, "What host {host} could be upgraded with is not known: {detail}";
    HostUpgradeStarted = "HOST_UPGRADE_STARTED", 840, Normal, "The upgrade of host {host} was started by {user}.";
    HostUpgradeFailed = "HOST_UPGRADE_FAILED", 841, Error, "The upgrade of host {host} failed: {detail}";
    HostUpgradeFinished = "HOST_UPGRADE_FINISHED", 842, Normal, "Host {host} was upgraded.";
    HostUpdatesAvailable = "HOST_UPDATES_ARE_AVAILABLE_WITH_PACKAGES", 843, Normal, "Host {host} can be upgraded: {detail}";
    HostRestarts = "HOST_UPGRADE_RESTARTS", 10749, Normal, "Host {host} is restarted, for its upgrade needs that.";
    ClusterUpgradeStarted = "CLUSTER_UPGRADE_STARTED", 10750, Normal, "The upgrade of cluster {cluster} was started by {user}: {detail}";
    ClusterUpgradeFinished = "CLUSTER_UPGRADE_FINISHED", 10751, Normal, "Cluster {cluster} was upgraded.";
    ClusterUpgradeFailed = "CLUSTER_UPGRADE_FAILED", 10752, Error, "The upgrade of cluster {cluster} stopped: {detail}";
    ClusterUpgradeOff = "CLUSTER_UPGRADE_CALLED_OFF", 10753, Warning, "The upgrade of cluster {cluster} was called off by {user}; the host whose turn it is comes to its end.";
    HostCertified = "HOST_CERTIFICATION_ENROLLMENT_FINISHED", 881, Normal, "The certificate of host {host} was renewed.";
    HostRemoved = "USER_REMOVE_VDS", 44, Normal, "Host {host} was removed by {user}.";
    HostMaintenanceAsked = "USER_VDS_MAINTENANCE", 600, Normal, "Host {host} is to be in maintenance, as {user} wished. {detail}";
    HostMaintenance = "VDS_MAINTENANCE", 15, Normal, "Host {host} is in maintenance.";
    HostMaintenanceFailed = "VDS_MAINTENANCE_FAILED", 17, Error, "Host {host} could not be emptied and works on: {detail}";
    HostActivated = "VDS_ACTIVATE", 16, Normal, "Host {host} was activated by {user}.";
    MigrationStarted = "VM_MIGRATION_START", 62, Normal, "VM {vm} is being moved from host {host} to {detail}, as {user} wished.";
    MigrationStartedBySystem = "VM_MIGRATION_START_SYSTEM_INITIATED", 67, Normal, "VM {vm} is being moved from host {host} to {detail}.";
    MigrationDone = "VM_MIGRATION_DONE", 63, Normal, "VM {vm} was moved to host {host}. {detail}";
    MigrationFailed = "VM_MIGRATION_FAILED", 65, Error, "VM {vm} stays on host {host}: {detail}";
    MigrationCancelled = "VM_CANCEL_MIGRATION", 161, Normal, "The migration of VM {vm} was cancelled by {user}.";
    HostEdited = "USER_UPDATE_VDS", 43, Normal, "Host {host} was edited by {user}.";
    HostPoweredOn = "USER_VDS_START", 20, Normal, "Host {host} was powered on by {user}.";
    HostPoweredOff = "USER_VDS_STOP", 21, Normal, "Host {host} was powered off by {user}.";
    HostFenced = "SYSTEM_VDS_RESTART", 121, Normal, "Host {host} was powered off and on again (asked: {detail}).";
    ClusterGoesDown = "CLUSTER_SHUTDOWN_STARTED", 10740, Normal, "Cluster {cluster} is being shut down, as {user} wished.";
    ClusterIsDown = "CLUSTER_SHUTDOWN", 10741, Normal, "Cluster {cluster} was shut down.";
    ClusterStaysUp = "CLUSTER_SHUTDOWN_FAILED", 10742, Error, "Cluster {cluster} was not shut down: {detail}";
    ClusterComesUp = "CLUSTER_START_STARTED", 10743, Normal, "Cluster {cluster} is being started, as {user} wished.";
    ClusterIsUp = "CLUSTER_START", 10744, Normal, "Cluster {cluster} was started. {detail}";
    ClusterStartFailed = "CLUSTER_START_FAILED", 10745, Error, "Cluster {cluster} was not started: {detail}";
    KdumpDetected = "KDUMP_FLOW_DETECTED_ON_VDS", 614, Normal, "The kernel of host {host} crashed and is being dumped; the host is left alone until that is done.";
    KdumpFinished = "KDUMP_FLOW_FINISHED_ON_VDS", 616, Normal, "Host {host} has dumped its crashed kernel.";
    FenceDisabled = "FENCE_DISABLED_IN_CLUSTER_POLICY", 9016, Alert, "Host {host} does not respond and is not fenced: the fencing policy of its cluster has fencing disabled.";
    FenceSkipped = "VDS_ALERT_FENCE_OPERATION_SKIPPED_BROKEN_CONNECTIVITY", 9013, Alert, "Host {host} does not respond and is not fenced, by the fencing policy of its cluster: {detail} % of its hosts do not respond.";
    FenceAgentFailed = "FENCE_OPERATION_USING_AGENT_AND_PROXY_FAILED", 9021, Warning, "A fence agent of host {host} failed: {detail}";
    HostFenceFailed = "FENCE_OPERATION_FAILED", 9019, Error, "The power of host {host} could not be changed: {detail}";
    HostConfirmedOff = "VDS_MANUAL_FENCE_STATUS", 494, Normal, "{user} says that host {host} was rebooted or is off.";
    HaRestart = "VDS_INITIATED_RUN_VM", 506, Normal, "Highly available VM {vm} is being started again, on host {host}.";
    HaWaits = "HA_VM_RESTART_FAILED", 9603, Warning, "Highly available VM {vm} cannot be started again yet: {detail}";
    HaGivenUp = "EXCEEDED_MAXIMUM_NUM_OF_RESTART_HA_VM_ATTEMPTS", 9605, Error, "Highly available VM {vm} is not tried any more: {detail}";
    HostAdded = "USER_ADD_VDS", 42, Normal, "Host {host} was added by {user}.";
    HostAgentStays = "HOST_AGENT_STAYS", 10750, Warning, "The agent of removed host {host} could not be told to leave ({detail}). It runs on, without effect; \"vireo host stop\" on the machine ends it.";
    StorageDomainAdded = "USER_ADD_STORAGE_DOMAIN", 956, Normal, "Storage domain {storage_domain} was added.";
    AddStorageDomainFailed = "USER_ADD_STORAGE_DOMAIN_FAILED", 957, Error, "Storage domain {storage_domain} could not be added: {detail}";
    StorageDomainActive = "STORAGE_DOMAIN_ACTIVE", 962, Normal, "Storage domain {storage_domain} is active.";
    StorageDomainInactive = "STORAGE_DOMAIN_INACTIVE", 970, Error, "Storage domain {storage_domain} cannot be used: {detail}";
    DiskAdded = "USER_ADD_DISK_FINISHED_SUCCESS", 2021, Normal, "Disk {detail} was added by {user}.";
    AddDiskFailed = "USER_ADD_DISK_FINISHED_FAILURE", 2022, Error, "Failed to add a disk: {detail}";
    DiskRemoved = "USER_FINISHED_REMOVE_DISK", 2014, Normal, "Disk {detail} was removed by {user}.";
    UserEdited = "USER_UPDATED", 10310, Normal, "User {detail} was edited by {user}.";
    UserUnlocked = "USER_UNLOCKED", 10311, Normal, "User {detail} was unlocked by {user}.";
    PasswordReset = "USER_PASSWORD_RESET", 10312, Normal, "The password of {detail} was reset by {user}.";
    PasswordChanged = "USER_PASSWORD_CHANGED", 2013, Normal, "User {user} changed the password.";
    GroupAdded = "GROUP_ADD", 10313, Normal, "Group {detail} was added by {user}.";
    GroupEdited = "GROUP_UPDATED", 10314, Normal, "Group {detail} was edited by {user}.";
    GroupRemoved = "GROUP_REMOVED", 10315, Normal, "Group {detail} was removed by {user}.";
    InternalSettings = "INTERNAL_DOMAIN_SETTINGS", 10316, Normal, "Settings of the internal domain were changed by {user}: {detail}";
    DirectoryUserGone = "DIRECTORY_USER_GONE", 10400, Warning, "User {user} is no longer in the directory, and is signed out.";
    DirectoryUserOut = "DIRECTORY_USER_NOT_USABLE", 10401, Warning, "User {user} is signed out: {detail}";
    ClockSkew = "DIRECTORY_CLOCK_SKEW", 10402, Alert, "Clocks differ by more than two minutes. {detail}";
    ClockAgrees = "DIRECTORY_CLOCK_AGREES", 10403, Normal, "The clock of domain {detail} agrees with this machine's again.";
    ProviderAdded = "OPENID_PROVIDER_ADD", 10440, Normal, "OpenID provider {detail} was added by {user}.";
    ProviderEdited = "OPENID_PROVIDER_UPDATED", 10441, Normal, "OpenID provider {detail} was edited by {user}.";
    ProviderRemoved = "OPENID_PROVIDER_REMOVED", 10442, Normal, "OpenID provider {detail} was removed by {user}.";
    ProviderSignInFailed = "OPENID_SIGN_IN_FAILED", 10443, Error, "Nobody could be signed in through an OpenID provider: {detail}";
    DomainAdded = "DOMAIN_ADD", 10420, Normal, "Domain {detail} was added by {user}.";
    DomainEdited = "DOMAIN_UPDATE", 10421, Normal, "Domain {detail} was edited by {user}.";
    DomainRemoved = "DOMAIN_REMOVE", 10422, Normal, "Domain {detail} was removed by {user}, with its users and groups.";
    DomainUnusable = "DOMAIN_UNUSABLE", 10423, Error, "A directory cannot be used: {detail}";
    DomainUsable = "DOMAIN_USABLE", 10424, Normal, "The directory of domain {detail} can be used again.";
    KerberosSet = "KERBEROS_SET", 10450, Normal, "Kerberos tickets are taken for people of {detail}, set by {user}.";
    KerberosRemoved = "KERBEROS_REMOVED", 10451, Normal, "No Kerberos tickets are taken for people of {detail} any more, set by {user}.";
    KerberosFailed = "KERBEROS_SIGN_IN_FAILED", 10452, Error, "The owner of a good Kerberos ticket could not sign in: {detail}";
    ClusterAdded = "USER_ADD_CLUSTER", 809, Normal, "Cluster {cluster} was added by {user}.";
    ClusterEdited = "USER_UPDATE_CLUSTER", 811, Normal, "Cluster {cluster} was edited by {user}.";
    ClusterRemoved = "USER_REMOVE_CLUSTER", 813, Normal, "Cluster {cluster} was removed by {user}.";
    DataCenterAdded = "USER_ADD_STORAGE_POOL", 950, Normal, "Data center {detail} was added by {user}.";
    DataCenterEdited = "USER_UPDATE_STORAGE_POOL", 952, Normal, "Data center {detail} was edited by {user}.";
    DataCenterRemoved = "USER_REMOVE_STORAGE_POOL", 954, Normal, "Data center {detail} was removed by {user}.";
    RunVmOnHostFailed = "USER_INITIATED_RUN_VM_FAILED", 151, Warning, "VM {vm} could not be started on host {host}, another is tried: {detail}";
    HostFailsVms = "VDS_FAILED_TO_RUN_VMS", 500, Error, "Host {host} is left out: several VMs could not be started there, and were started on other hosts.";
    NetworkAdded = "NETWORK_ADD_NETWORK", 942, Normal, "Logical network {detail} was added by {user}.";
    NetworkEdited = "NETWORK_UPDATE_NETWORK", 1114, Normal, "Logical network {detail} was edited by {user}.";
    NetworkRemoved = "NETWORK_REMOVE_NETWORK", 944, Normal, "Logical network {detail} was removed by {user}.";
    QuotaAdded = "USER_ADD_QUOTA", 3000, Normal, "Quota {detail} was added by {user}.";
    QuotaChanged = "USER_UPDATE_QUOTA", 3002, Normal, "Quota {detail} was changed by {user}.";
    QuotaRemoved = "USER_DELETE_QUOTA", 3004, Normal, "Quota {detail} was removed by {user}.";
    QuotaClusterRefused = "USER_EXCEEDED_QUOTA_CLUSTER_GRACE_LIMIT", 3006, Error, "What {user} asked for was refused. {detail}";
    QuotaClusterLimit = "USER_EXCEEDED_QUOTA_CLUSTER_LIMIT", 3007, Warning, "More than a quota's limit is used, within its grace. {detail}";
    QuotaClusterThreshold = "USER_EXCEEDED_QUOTA_CLUSTER_THRESHOLD", 3008, Warning, "A quota is nearly used up. {detail}";
    QuotaStorageRefused = "USER_EXCEEDED_QUOTA_STORAGE_GRACE_LIMIT", 3009, Error, "Storage that {user} asked for was refused. {detail}";
    QuotaStorageLimit = "USER_EXCEEDED_QUOTA_STORAGE_LIMIT", 3010, Warning, "More storage than a quota's limit is used, within its grace. {detail}";
    QuotaStorageThreshold = "USER_EXCEEDED_QUOTA_STORAGE_THRESHOLD", 3011, Warning, "A quota's storage is nearly used up. {detail}";
    QuotaClusterAudit = "USER_EXCEEDED_QUOTA_CLUSTER_GRACE_LIMIT_PERMISSIVE_MODE", 3015, Warning, "More than a quota gives is used; it was let pass, for quotas are only audited. {detail}";
    QuotaStorageAudit = "USER_EXCEEDED_QUOTA_STORAGE_GRACE_LIMIT_PERMISSIVE_MODE", 3016, Warning, "More storage than a quota gives is used; it was let pass, for quotas are only audited. {detail}";
    QuotaModeChanged = "QUOTA_MODE_CHANGED", 10700, Normal, "The quota mode of a data center was changed by {user}: {detail}";
    QuotaChosen = "QUOTA_CHOSEN", 10701, Normal, "The quota of {detail} was changed by {user}.";
    UserAdded = "USER_ADD", 149, Normal, "User {user} was added.";
    PermissionAdded = "USER_ADD_PERMISSION", 850, Normal, "A permission was added: {detail}";
    PermissionRemoved = "USER_REMOVE_PERMISSION", 852, Normal, "A permission was removed: {detail}";
    RoleAdded = "USER_ADD_ROLE", 854, Normal, "Role {detail} was added by {user}.";
    RoleChanged = "USER_UPDATE_ROLE", 856, Normal, "Role {detail} was changed by {user}.";
    RoleRemoved = "USER_REMOVE_ROLE", 858, Normal, "Role {detail} was removed by {user}.";
    SessionTerminated = "USER_SESSION_TERMINATED", 10480, Normal, "A session of {detail} was ended by {user}.";
    EngineConfigured = "ENGINE_CONFIGURED", 10481, Normal, "Settings of the engine were changed by {user}: {detail}";
    CodesSetUp = "USER_CODES_SET_UP", 10482, Normal, "User {user} set up codes as second factor.";
    CodesRemoved = "USER_CODES_REMOVED", 10483, Warning, "User {user} removed the codes of the second factor.";
    FactorsReset = "USER_FACTORS_RESET", 10484, Warning, "The second factors of {detail} were removed by {user}.";
    RecoveryCodeUsed = "USER_RECOVERY_CODE_USED", 10485, Warning, "User {user} signed in with a recovery code.";
    PasskeyAdded = "USER_PASSKEY_ADDED", 10486, Normal, "User {user} added the passkey {detail}.";
    PasskeyRemoved = "USER_PASSKEY_REMOVED", 10487, Normal, "User {user} removed the passkey {detail}.";
    PasskeyCopied = "USER_PASSKEY_COPIED", 10488, Alert, "The passkey {detail} of {user} was refused: its counter went back, as if it had been copied.";
    RecoveryRenewed = "USER_RECOVERY_CODES_RENEWED", 10489, Normal, "User {user} made new recovery codes.";
    SpmSelected = "USER_FORCE_SELECTED_SPM", 159, Normal, "Host {host} was made storage pool manager by {user}.";
    SpmElected = "SPM_ELECTED", 10713, Normal, "Host {host} is the storage pool manager now.";
    SpmNone = "SYSTEM_CHANGE_STORAGE_POOL_STATUS_NO_HOST_FOR_SPM", 979, Error, "No host of data center {detail} can be its storage pool manager.";
    PolicyRests = "PM_POLICY_UP_TO_MAINTENANCE", 10250, Normal, "Host {host} is not needed: it is taken out of use to save power.";
    PolicyOff = "PM_POLICY_MAINTENANCE_TO_DOWN", 10251, Normal, "Host {host} is off to save power.";
    PolicyWakes = "PM_POLICY_TO_UP", 10252, Normal, "Host {host} is needed again: it is brought back.";
    PolicyAdded = "USER_ADD_CLUSTER_POLICY", 9910, Normal, "Scheduling policy {detail} was added by {user}.";
    PolicyChanged = "USER_UPDATE_CLUSTER_POLICY", 9912, Normal, "Scheduling policy {detail} was changed by {user}.";
    PolicyRemoved = "USER_REMOVE_CLUSTER_POLICY", 9914, Normal, "Scheduling policy {detail} was removed by {user}.";
    AffinityGroupAdded = "USER_ADDED_AFFINITY_GROUP", 10350, Normal, "Affinity group {detail} was added to cluster {cluster} by {user}.";
    AffinityGroupChanged = "USER_UPDATED_AFFINITY_GROUP", 10352, Normal, "Affinity group {detail} of cluster {cluster} was changed by {user}.";
    AffinityGroupRemoved = "USER_REMOVED_AFFINITY_GROUP", 10354, Normal, "Affinity group {detail} of cluster {cluster} was removed by {user}.";
    AffinityLabelAdded = "AFFINITY_LABEL_ADDED", 10710, Normal, "Affinity label {detail} was added by {user}.";
    AffinityLabelChanged = "AFFINITY_LABEL_CHANGED", 10711, Normal, "Affinity label {detail} was changed by {user}.";
    AffinityLabelRemoved = "AFFINITY_LABEL_REMOVED", 10712, Normal, "Affinity label {detail} was removed by {user}.";
    TagAdded = "USER_ADD_TAG", 432, Normal, "Tag {detail} was added by {user}.";
    TagChanged = "USER_UPDATE_TAG", 430, Normal, "Tag {detail} was changed by {user}.";
    TagMoved = "USER_MOVE_TAG", 555, Normal, "Tag {detail} was moved in the tree of tags by {user}.";
    TagRemoved = "USER_REMOVE_TAG", 434, Normal, "Tag {detail} was removed by {user}.";
    TagOnVm = "USER_ATTACH_TAG_TO_VM", 440, Normal, "Tag {detail} was put on VM {vm} by {user}.";
    TagOffVm = "USER_DETACH_VM_FROM_TAG", 446, Normal, "Tag {detail} was taken off VM {vm} by {user}.";
    TagOnHost = "USER_ATTACH_TAG_TO_VDS", 442, Normal, "Tag {detail} was put on host {host} by {user}.";
    TagOffHost = "USER_DETACH_VDS_FROM_TAG", 444, Normal, "Tag {detail} was taken off host {host} by {user}.";
    TagOnTemplate = "USER_ATTACH_TAG_TO_TEMPLATE", 183, Normal, "Tag {detail} was put on template {template} by {user}.";
    TagOffTemplate = "USER_DETACH_TEMPLATE_FROM_TAG", 185, Normal, "Tag {detail} was taken off template {template} by {user}.";
    TagOnUser = "USER_ATTACH_TAG_TO_USER", 436, Normal, "A tag was put on a user by {user}: {detail}";
    TagOffUser = "USER_DETACH_USER_FROM_TAG", 448, Normal, "A tag was taken off a user by {user}: {detail}";
    TagOnGroup = "USER_ATTACH_TAG_TO_USER_GROUP", 438, Normal, "A tag was put on a group by {user}: {detail}";
    TagOffGroup = "USER_DETACH_USER_GROUP_FROM_TAG", 450, Normal, "A tag was taken off a group by {user}: {detail}";
    HaNotReserved = "CLUSTER_ALERT_HA_RESERVATION", 10300, Alert, "Cluster {cluster} has no room for all highly available VMs if one of these hosts is lost: {detail}";
    HaReserved = "CLUSTER_ALERT_HA_RESERVATION_DOWN", 10301, Normal, "Cluster {cluster} has room for all its highly available VMs again.";
    JobStuck = "JOB_STUCK", 10492, Alert, "A task could not be undone and waits for a retry: {detail}";
    EngineStarted = "ENGINE_STARTED", 1, Normal, "The engine started.";
}
