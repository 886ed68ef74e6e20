//! Ids: one newtype per kind of thing, and oVirt's fixed ids.

ids! {
    /// Anything that can stand in the permission tree, hold a lock or be named by an event.
    ObjectId,
    DataCenterId,
    ClusterId,
    HostId,
    /// What powers a host.
    FenceAgentId,
    StorageDomainId,
    NetworkId,
    VnicProfileId,
    MacPoolId,
    InstanceTypeId,
    TemplateId,
    VmId,
    PoolId,
    DiskId,
    /// One layer of a disk.
    ImageId,
    NicId,
    SnapshotId,
    /// A memory that a pool's VMs start from; also the id of the guest that saved it.
    MemoryId,
    UserId,
    GroupId,
    /// A directory's domain.
    DomainId,
    RoleId,
    PermissionId,
    /// A user or a group, as the holder of a permission.
    PrincipalId,
    SessionId,
    /// A console that somebody has open, with all its connections.
    ConsoleId,
    PasskeyId,
    JobId,
    /// A time of the week that a pool is kept for somebody.
    ReservationId,
    /// What a teacher gave to a class.
    GiftId,
    QuotaId,
    /// A picture of a VM or a template, in one of its sizes.
    IconId,
    /// An OpenID provider.
    ProviderId,
    SchedulingPolicyId,
    AffinityGroupId,
    AffinityLabelId,
    TagId,
}

impl From<UserId> for PrincipalId {
    fn from(id: UserId) -> Self {
        Self(id.0)
    }
}
impl From<GroupId> for PrincipalId {
    fn from(id: GroupId) -> Self {
        Self(id.0)
    }
}

/// The root of the permission tree.
pub const SYSTEM: ObjectId = ObjectId::fixed(0xaaa00000_0000_0000_0000_123456789aaa);
/// Every signed-in user is a member.
pub const EVERYONE: GroupId = GroupId::fixed(0xeee00000_0000_0000_0000_123456789eee);
pub const BLANK_TEMPLATE: TemplateId = TemplateId::fixed(0);
/// All other tags are below it; nothing carries it.
pub const ROOT_TAG: TagId = TagId::fixed(0);
pub const OVIRTMGMT: NetworkId = NetworkId::fixed(9);
