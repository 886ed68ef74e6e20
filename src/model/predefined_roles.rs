//! oVirt's predefined roles with their fixed ids (engine 4.1), and the teacher's.

use crate::model::ids::RoleId;
use crate::model::predefined_permits::*;
use crate::model::role::Action::{self, *};

/// A role every engine has.
#[derive(Debug, Clone, Copy)]
pub struct Predefined {
    pub id: RoleId,
    pub name: &'static str,
    pub admin: bool,
    /// Its holder sees what is below the object (oVirt: allows_viewing_children).
    pub views_children: bool,
    pub permits: Permits,
}

/// Which actions a role allows.
#[derive(Debug, Clone, Copy)]
pub enum Permits {
    Only(&'static [Action]),
    AllBut(&'static [Action]),
}

impl Predefined {
    /// The actions, in the enum's order.
    pub fn actions(&self) -> Vec<Action> {
        let holds = |a: &Action| match self.permits {
            Permits::Only(some) => some.contains(a),
            Permits::AllBut(some) => !some.contains(a),
        };
        Action::ALL.iter().copied().filter(holds).collect()
    }
}

const fn role(id: u128, name: &'static str, admin: bool, views_children: bool, permits: Permits) -> Predefined {
    Predefined { id: RoleId::fixed(id), name, admin, views_children, permits }
}

use Permits::{AllBut, Only};

/// All of them; ids, kinds and permits as oVirt 4.1 seeds them.
pub const PREDEFINED: &[Predefined] = &[
    role(0x00000000_0000_0000_0000_000000000001, "SuperUser", true, true, AllBut(&[CreateInstance, EditProfile])),
    role(0xdef00002_0000_0000_0000_def000000002, "DataCenterAdmin", true, true, Only(DATA_CENTER)),
    role(0xdef00001_0000_0000_0000_def000000001, "ClusterAdmin", true, true, Only(CLUSTER)),
    role(0xdef00004_0000_0000_0000_def000000004, "HostAdmin", true, true, Only(HOST)),
    role(0xdef00003_0000_0000_0000_def000000003, "StorageAdmin", true, true, Only(STORAGE)),
    role(0xdef00005_0000_0000_0000_def000000005, "NetworkAdmin", true, true, Only(NETWORK)),
    role(0xdef00008_0000_0000_0000_def000000008, "TemplateAdmin", true, true, Only(TEMPLATE)),
    role(0xdef00007_0000_0000_0000_def000000007, "VmPoolAdmin", true, true, Only(VM_POOL)),
    role(0xdef0000b_0000_0000_0000_def00000000b, "GlusterAdmin", true, true, Only(GLUSTER)),
    role(0xdef0000c_0000_0000_0000_def00000000c, "ReadOnlyAdmin", true, true, Only(&[Login])),
    role(
        0xdef00030_0000_0000_0000_def000000011,
        "VmImporterExporter",
        true,
        true,
        Only(&[ImportExportVm, Login, AttachDiskProfile, AssignCpuProfile]),
    ),
    role(0xdef00013_0000_0000_0000_def000000013, "MacPoolAdmin", true, true, Only(MAC_POOL)),
    role(
        0xdef00016_0000_0000_0000_def000000016,
        "CpuProfileCreator",
        true,
        false,
        Only(&[DeleteCpuProfile, UpdateCpuProfile, CreateCpuProfile, AssignCpuProfile]),
    ),
    role(
        0xdef00011_0000_0000_0000_def000000013,
        "TagManager",
        true,
        false,
        Only(&[Login, TagManagement, AuditLogManagement]),
    ),
    role(
        0xdef00011_0000_0000_0000_def000000014,
        "BookmarkManager",
        true,
        false,
        Only(&[Login, BookmarkManagement, AuditLogManagement]),
    ),
    role(
        0xdef00011_0000_0000_0000_def000000015,
        "EventNotificationManager",
        true,
        false,
        Only(&[Login, EventNotificationManagement, AuditLogManagement]),
    ),
    role(0xdef00011_0000_0000_0000_def000000016, "AuditLogManager", true, false, Only(&[Login, AuditLogManagement])),
    role(0x00000000_0000_0000_0001_000000000001, "UserRole", false, true, Only(VM_BASIC)),
    role(0x00000000_0000_0000_0001_000000000002, "PowerUserRole", false, false, Only(POWER)),
    role(0xdef00006_0000_0000_0000_def000000006, "UserVmManager", false, true, Only(VM_MANAGER)),
    role(0xdef00006_0000_0000_0000_def000000011, "UserVmRunTimeManager", false, false, Only(VM_RUN_TIME)),
    role(
        0xdef00009_0000_0000_0000_def000000009,
        "UserTemplateBasedVm",
        false,
        false,
        Only(&[CreateVm, AssignCpuProfile]),
    ),
    role(
        0xdef0000a_0000_0000_0000_def00000000d,
        "VmCreator",
        false,
        false,
        Only(&[CreateVm, CreateDisk, Login, AssignCpuProfile]),
    ),
    role(0xdef0000a_0000_0000_0000_def00000000e, "TemplateCreator", false, false, Only(&[CreateTemplate, Login])),
    role(
        0xdef0000a_0000_0000_0000_def00000000f,
        "TemplateOwner",
        false,
        true,
        Only(&[
            EditTemplateProperties,
            DeleteTemplate,
            CopyTemplate,
            ConfigureTemplateNetwork,
            ManipulatePermissions,
            AddUsersAndGroupsFromDirectory,
            Login,
        ]),
    ),
    role(0xdef0000a_0000_0000_0000_def00000000c, "DiskCreator", false, false, Only(&[CreateDisk, Login])),
    role(0xdef0000a_0000_0000_0000_def00000000b, "DiskOperator", false, true, Only(DISK_OPERATOR_PERMITS)),
    role(
        0xdef0000a_0000_0000_0000_def000000010,
        "VnicProfileUser",
        false,
        true,
        Only(&[ConfigureVmNetwork, ConfigureTemplateNetwork, Login]),
    ),
    role(0xdef00014_0000_0000_0000_def000000014, "MacPoolUser", false, true, Only(&[Login, ConfigureMacPool])),
    role(0xdef00020_0000_0000_0000_abc000000010, "DiskProfileUser", false, false, Only(&[AttachDiskProfile])),
    role(0xdef00017_0000_0000_0000_def000000017, "CpuProfileOperator", false, false, Only(&[AssignCpuProfile])),
    role(0xdef0000a_0000_0000_0000_def00000000a, "QuotaConsumer", false, false, Only(&[ConsumeQuota])),
    role(
        0xdef00011_0000_0000_0000_def000000011,
        "InstanceCreator",
        false,
        false,
        Only(&[CreateInstance, CreateDisk, Login]),
    ),
    role(0xdef00012_0000_0000_0000_def000000012, "UserInstanceManager", false, false, Only(INSTANCE_MANAGER)),
    role(0xdef00021_0000_0000_0000_def000000015, "UserProfileEditor", false, false, Only(&[EditProfile])),
    // Not oVirt's: who looks after the people that have a pool's VMs.
    role(
        TEACHER,
        "TeacherRole",
        false,
        false,
        Only(&[WatchClass, HelpClass, MessageClass, GiveToClass, LockClass, ResetClass, Login]),
    ),
    role(0xdef0000c_0000_0000_0000_def000000000, "ExternalEventsCreator", false, false, Only(&[InjectExternalEvents])),
    role(0xdef0000d_0000_0000_0000_def000000000, "ExternalTasksCreator", false, false, Only(&[InjectExternalTasks])),
];

const TEACHER: u128 = 0xc1a55000_0000_0000_0000_000000000001;
pub const TEACHER_ROLE: RoleId = RoleId::fixed(TEACHER);
pub const USER_TEMPLATE_BASED_VM: RoleId = RoleId::fixed(0xdef00009_0000_0000_0000_def000000009);
pub const USER_VM_MANAGER: RoleId = RoleId::fixed(0xdef00006_0000_0000_0000_def000000006);
pub const QUOTA_CONSUMER: RoleId = RoleId::fixed(0xdef0000a_0000_0000_0000_def00000000a);
pub const DISK_OPERATOR: RoleId = RoleId::fixed(0xdef0000a_0000_0000_0000_def00000000b);
pub const TEMPLATE_OWNER: RoleId = RoleId::fixed(0xdef0000a_0000_0000_0000_def00000000f);
pub const VNIC_PROFILE_USER: RoleId = RoleId::fixed(0xdef0000a_0000_0000_0000_def000000010);
pub const USER_PROFILE_EDITOR: RoleId = RoleId::fixed(0xdef00021_0000_0000_0000_def000000015);

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn ids_and_names_are_unique() {
        let ids: HashSet<_> = PREDEFINED.iter().map(|r| r.id).collect();
        let names: HashSet<_> = PREDEFINED.iter().map(|r| r.name).collect();
        assert_eq!((ids.len(), names.len()), (PREDEFINED.len(), PREDEFINED.len()));
        assert_eq!(PREDEFINED.len(), 38);
    }

    #[test]
    fn the_matrix_is_as_recorded() {
        let mut matrix = String::new();
        for role in PREDEFINED {
            let actions: Vec<_> = role.actions().iter().map(|a| a.as_str()).collect();
            let kind = if role.admin { "admin" } else { "user" };
            let below = if role.views_children { ", sees what is below" } else { "" };
            matrix += &format!("{} {} ({}{}): {}\n", role.id, role.name, kind, below, actions.join(" "));
        }
        let golden = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/roles.txt");
        if std::env::var_os("UPDATE_GOLDEN").is_some() {
            std::fs::write(golden, &matrix).unwrap();
        }
        assert_eq!(std::fs::read_to_string(golden).unwrap(), matrix, "run with UPDATE_GOLDEN=1 if the change is meant");
    }
}
