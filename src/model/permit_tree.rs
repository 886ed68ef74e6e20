//! Permits as oVirt's tree groups them: branches by kind of thing, each with its parts.

use crate::model::role::Action::{self, *};

/// A branch of the tree: its word, and its parts by word.
pub type Branch = (&'static str, &'static [(&'static str, &'static [Action])]);

/// All of it; every permit stands in it once.
pub const TREE: &[Branch] = &[
    (
        "system",
        &[
            (
                "people",
                &[
                    Login,
                    ManipulateUsers,
                    AddUsersAndGroupsFromDirectory,
                    ManipulateRoles,
                    ManipulatePermissions,
                    EditProfile,
                ],
            ),
            ("configure", &[ConfigureEngine, InjectExternalEvents, InjectExternalTasks]),
            ("order", &[TagManagement, BookmarkManagement, EventNotificationManagement, AuditLogManagement]),
        ],
    ),
    (
        "data-center",
        &[
            ("provisioning", &[CreateStoragePool, EditStoragePoolConfiguration, DeleteStoragePool]),
            ("quota", &[ConfigureQuota, ConsumeQuota]),
        ],
    ),
    (
        "network",
        &[
            ("networks", &[CreateStoragePoolNetwork, ConfigureStoragePoolNetwork, DeleteStoragePoolNetwork]),
            ("assign", &[AssignClusterNetwork, ConfigureClusterNetwork]),
            ("profiles", &[CreateNetworkVnicProfile, ConfigureNetworkVnicProfile, DeleteNetworkVnicProfile]),
            ("mac-pools", &[CreateMacPool, EditMacPool, DeleteMacPool, ConfigureMacPool]),
        ],
    ),
    (
        "storage",
        &[
            (
                "provisioning",
                &[CreateStorageDomain, EditStorageDomainConfiguration, DeleteStorageDomain, ManipulateStorageDomain],
            ),
            (
                "profiles",
                &[CreateStorageDiskProfile, ConfigureStorageDiskProfile, DeleteStorageDiskProfile, AttachDiskProfile],
            ),
        ],
    ),
    (
        "cluster",
        &[
            ("provisioning", &[CreateCluster, EditClusterConfiguration, DeleteCluster, ManipulateAffinityGroups]),
            ("profiles", &[CreateCpuProfile, UpdateCpuProfile, DeleteCpuProfile, AssignCpuProfile]),
            (
                "gluster",
                &[
                    CreateGlusterVolume,
                    ManipulateGlusterVolume,
                    DeleteGlusterVolume,
                    ManipulateGlusterHook,
                    ManipulateGlusterService,
                ],
            ),
        ],
    ),
    (
        "host",
        &[
            ("provisioning", &[CreateHost, EditHostConfiguration, DeleteHost, ConfigureHostNetwork]),
            ("basic", &[ManipulateHost]),
        ],
    ),
    (
        "template",
        &[
            ("basic", &[EditTemplateProperties, ConfigureTemplateNetwork]),
            ("provisioning", &[CreateTemplate, CopyTemplate, DeleteTemplate]),
            ("administration", &[EditAdminTemplateProperties]),
        ],
    ),
    (
        "vm",
        &[
            (
                "basic",
                &[
                    RunVm,
                    ShutDownVm,
                    StopVm,
                    RebootVm,
                    HibernateVm,
                    ConnectToVm,
                    ReconnectToVm,
                    ConnectToSerialConsole,
                    ChangeVmCd,
                ],
            ),
            (
                "provisioning",
                &[
                    CreateVm,
                    CreateInstance,
                    EditVmProperties,
                    DeleteVm,
                    ConfigureVmNetwork,
                    ConfigureVmStorage,
                    ManipulateVmSnapshots,
                    ImportExportVm,
                ],
            ),
            ("administration", &[MigrateVm, MoveVm, ChangeVmCustomProperties, EditAdminVmProperties]),
        ],
    ),
    (
        "pool",
        &[
            ("basic", &[VmPoolBasicOperations]),
            ("class", &[WatchClass, HelpClass, MessageClass, GiveToClass, LockClass, ResetClass]),
            ("provisioning", &[CreateVmPool, EditVmPoolConfiguration, DeleteVmPool]),
        ],
    ),
    (
        "disk",
        &[
            (
                "provisioning",
                &[CreateDisk, AttachDisk, EditDiskProperties, ConfigureDiskStorage, DeleteDisk, AccessImageStorage],
            ),
            ("administration", &[DiskLiveStorageMigration, SparsifyDisk, ConfigureScsiGenericIo]),
        ],
    ),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_permit_stands_in_it_once() {
        let mut all: Vec<Action> =
            TREE.iter().flat_map(|(_, parts)| parts.iter().flat_map(|(_, actions)| actions.iter().copied())).collect();
        let count = all.len();
        all.sort();
        all.dedup();
        assert_eq!((all.len(), count), (Action::ALL.len(), Action::ALL.len()));
    }
}
