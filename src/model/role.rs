//! Roles and the actions (oVirt: action groups, permits) they allow.

use crate::model::ids::RoleId;

/// Defines [`Action`] with oVirt's numbers and whether a user role may hold it.
macro_rules! actions { ($($variant:ident = $text:literal, $number:literal, $user:literal;)+) => {
    text_enum! {
        /// What a role can allow, by oVirt's names.
        Action { $($variant = $text,)+ }
    }
    impl Action {
        /// oVirt's id of the permit.
        pub const fn number(self) -> u32 { match self { $(Self::$variant => $number,)+ } }
        /// It may be in a user role too (the others are for admin roles only).
        pub const fn for_user_roles(self) -> bool { match self { $(Self::$variant => $user,)+ } }
    }
} }

actions! {
    CreateVm = "create_vm", 1, true;
    DeleteVm = "delete_vm", 2, true;
    EditVmProperties = "edit_vm_properties", 3, true;
    ChangeVmCd = "change_vm_cd", 5, true;
    MigrateVm = "migrate_vm", 6, true;
    ConnectToVm = "connect_to_vm", 7, true;
    ImportExportVm = "import_export_vm", 8, false;
    ConfigureVmNetwork = "configure_vm_network", 9, true;
    ConfigureVmStorage = "configure_vm_storage", 10, true;
    MoveVm = "move_vm", 11, true;
    ManipulateVmSnapshots = "manipulate_vm_snapshots", 12, true;
    ReconnectToVm = "reconnect_to_vm", 13, true;
    ChangeVmCustomProperties = "change_vm_custom_properties", 14, false;
    EditAdminVmProperties = "edit_admin_vm_properties", 15, false;
    CreateInstance = "create_instance", 16, true;
    RebootVm = "reboot_vm", 17, true;
    StopVm = "stop_vm", 18, true;
    ShutDownVm = "shut_down_vm", 19, true;
    HibernateVm = "hibernate_vm", 21, true;
    RunVm = "run_vm", 22, true;
    CreateHost = "create_host", 100, false;
    EditHostConfiguration = "edit_host_configuration", 101, false;
    DeleteHost = "delete_host", 102, false;
    ManipulateHost = "manipulate_host", 103, false;
    ConfigureHostNetwork = "configure_host_network", 104, false;
    CreateTemplate = "create_template", 200, true;
    EditTemplateProperties = "edit_template_properties", 201, true;
    DeleteTemplate = "delete_template", 202, true;
    CopyTemplate = "copy_template", 203, true;
    ConfigureTemplateNetwork = "configure_template_network", 204, true;
    EditAdminTemplateProperties = "edit_admin_template_properties", 205, false;
    CreateVmPool = "create_vm_pool", 300, true;
    EditVmPoolConfiguration = "edit_vm_pool_configuration", 301, true;
    DeleteVmPool = "delete_vm_pool", 302, true;
    VmPoolBasicOperations = "vm_pool_basic_operations", 303, true;
    CreateCluster = "create_cluster", 400, false;
    EditClusterConfiguration = "edit_cluster_configuration", 401, false;
    DeleteCluster = "delete_cluster", 402, false;
    ConfigureClusterNetwork = "configure_cluster_network", 403, false;
    AssignClusterNetwork = "assign_cluster_network", 404, false;
    ManipulateUsers = "manipulate_users", 500, false;
    ManipulateRoles = "manipulate_roles", 501, false;
    ManipulatePermissions = "manipulate_permissions", 502, true;
    AddUsersAndGroupsFromDirectory = "add_users_and_groups_from_directory", 503, true;
    EditProfile = "edit_profile", 504, true;
    CreateStorageDomain = "create_storage_domain", 600, false;
    EditStorageDomainConfiguration = "edit_storage_domain_configuration", 601, false;
    DeleteStorageDomain = "delete_storage_domain", 602, false;
    ManipulateStorageDomain = "manipulate_storage_domain", 603, false;
    CreateStoragePool = "create_storage_pool", 700, false;
    DeleteStoragePool = "delete_storage_pool", 701, false;
    EditStoragePoolConfiguration = "edit_storage_pool_configuration", 702, false;
    ConfigureStoragePoolNetwork = "configure_storage_pool_network", 703, false;
    CreateStoragePoolNetwork = "create_storage_pool_network", 704, false;
    DeleteStoragePoolNetwork = "delete_storage_pool_network", 705, false;
    ConfigureEngine = "configure_engine", 800, false;
    ConfigureQuota = "configure_quota", 900, false;
    ConsumeQuota = "consume_quota", 901, true;
    CreateGlusterVolume = "create_gluster_volume", 1000, false;
    ManipulateGlusterVolume = "manipulate_gluster_volume", 1001, false;
    DeleteGlusterVolume = "delete_gluster_volume", 1002, false;
    ManipulateGlusterHook = "manipulate_gluster_hook", 1003, false;
    ManipulateGlusterService = "manipulate_gluster_service", 1004, false;
    CreateDisk = "create_disk", 1100, true;
    AttachDisk = "attach_disk", 1101, true;
    EditDiskProperties = "edit_disk_properties", 1102, true;
    ConfigureDiskStorage = "configure_disk_storage", 1103, true;
    DeleteDisk = "delete_disk", 1104, true;
    ConfigureScsiGenericIo = "configure_scsi_generic_io", 1105, false;
    AccessImageStorage = "access_image_storage", 1106, true;
    DiskLiveStorageMigration = "disk_live_storage_migration", 1107, true;
    SparsifyDisk = "sparsify_disk", 1108, true;
    ConfigureNetworkVnicProfile = "configure_network_vnic_profile", 1203, false;
    CreateNetworkVnicProfile = "create_network_vnic_profile", 1204, false;
    DeleteNetworkVnicProfile = "delete_network_vnic_profile", 1205, false;
    Login = "login", 1300, true;
    TagManagement = "tag_management", 1301, false;
    BookmarkManagement = "bookmark_management", 1302, false;
    EventNotificationManagement = "event_notification_management", 1303, false;
    AuditLogManagement = "audit_log_management", 1304, false;
    InjectExternalEvents = "inject_external_events", 1400, false;
    InjectExternalTasks = "inject_external_tasks", 1500, false;
    ManipulateAffinityGroups = "manipulate_affinity_groups", 1550, false;
    ConfigureStorageDiskProfile = "configure_storage_disk_profile", 1560, false;
    CreateStorageDiskProfile = "create_storage_disk_profile", 1561, false;
    DeleteStorageDiskProfile = "delete_storage_disk_profile", 1562, false;
    AttachDiskProfile = "attach_disk_profile", 1563, true;
    CreateMacPool = "create_mac_pool", 1660, false;
    EditMacPool = "edit_mac_pool", 1661, false;
    DeleteMacPool = "delete_mac_pool", 1662, false;
    ConfigureMacPool = "configure_mac_pool", 1663, false;
    ConnectToSerialConsole = "connect_to_serial_console", 1664, true;
    DeleteCpuProfile = "delete_cpu_profile", 1665, false;
    UpdateCpuProfile = "update_cpu_profile", 1666, false;
    CreateCpuProfile = "create_cpu_profile", 1667, false;
    AssignCpuProfile = "assign_cpu_profile", 1668, false;
    WatchClass = "watch_class", 9001, true;
    HelpClass = "help_class", 9002, true;
    MessageClass = "message_class", 9003, true;
    GiveToClass = "give_to_class", 9004, true;
    LockClass = "lock_class", 9005, true;
    ResetClass = "reset_class", 9006, true;
}

impl Action {
    /// By oVirt's id of the permit.
    pub fn numbered(number: u32) -> Option<Self> {
        Self::ALL.iter().copied().find(|action| action.number() == number)
    }

    /// Whoever may do it sees what is below the object, too (oVirt: allowsViewingChildren).
    pub const fn shows_children(self) -> bool {
        !matches!(
            self,
            Self::CreateVm
                | Self::CreateInstance
                | Self::CreateTemplate
                | Self::CreateVmPool
                | Self::CreateDisk
                | Self::AccessImageStorage
                | Self::Login
                | Self::InjectExternalEvents
                | Self::InjectExternalTasks
                | Self::TagManagement
                | Self::BookmarkManagement
                | Self::EventNotificationManagement
                | Self::AuditLogManagement
        )
    }
}

/// A set of actions: one word, however many there are in it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Actions(u128);

const _: () = assert!(Action::ALL.len() <= 128, "the set has a bit for each action");

impl Actions {
    /// Is it in the set?
    pub const fn contains(self, action: Action) -> bool {
        self.0 & (1 << action as u32) != 0
    }

    /// Adds those of another set.
    pub const fn add(&mut self, other: Self) {
        self.0 |= other.0;
    }
}

impl From<Action> for Actions {
    fn from(action: Action) -> Self {
        Self(1 << action as u32)
    }
}

/// A role as lists and details show it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoleView {
    pub id: RoleId,
    pub name: String,
    pub description: String,
    /// Its holders may enter the Admin Portal.
    pub admin: bool,
    /// False: predefined, read-only.
    pub mutable: bool,
    /// Its holder sees what is below the object.
    pub views_children: bool,
    /// Grows with every change.
    pub generation: i64,
    pub actions: Vec<Action>,
}

/// An own role, to be made or changed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RoleConfig {
    pub name: String,
    pub description: String,
    /// For administrators; never changed later.
    pub admin: bool,
    /// None: by what its permits say.
    pub views_children: Option<bool>,
    pub actions: Vec<Action>,
}

/// Characters of a role's name.
pub const MAX_NAME: usize = 126;
pub const MAX_DESCRIPTION: usize = 4000;

pub const SUPER_USER: RoleId = RoleId::fixed(1);
pub const USER_ROLE: RoleId = RoleId::fixed(0x00000000_0000_0000_0001_000000000001);
