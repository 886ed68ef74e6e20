//! How the model's words and ids go into Text columns of both databases.

use super::MultiBackend;
use diesel::backend::Backend;
use diesel::deserialize::{self, FromSql};
use diesel::serialize::{self, IsNull, Output, ToSql};
use diesel::sql_types::Text;
use std::io::Write;

macro_rules! text_columns { ($($type:ty),+ $(,)?) => { $(
    impl FromSql<Text, diesel::pg::Pg> for $type {
        fn from_sql(b: diesel::pg::PgValue<'_>) -> deserialize::Result<Self> {
            Ok(std::str::from_utf8(b.as_bytes())?.parse()?)
        }
    }
    impl FromSql<Text, diesel::sqlite::Sqlite> for $type {
        fn from_sql(mut b: diesel::sqlite::SqliteValue<'_, '_, '_>) -> deserialize::Result<Self> {
            Ok(b.read_text().parse()?)
        }
    }
    impl FromSql<Text, MultiBackend> for $type {
        fn from_sql(b: <MultiBackend as Backend>::RawValue<'_>) -> deserialize::Result<Self> {
            b.from_sql::<$type, Text>()
        }
    }
    impl ToSql<Text, diesel::pg::Pg> for $type {
        fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, diesel::pg::Pg>) -> serialize::Result {
            write!(out, "{self}")?;
            Ok(IsNull::No)
        }
    }
    impl ToSql<Text, diesel::sqlite::Sqlite> for $type {
        fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, diesel::sqlite::Sqlite>) -> serialize::Result {
            out.set_value(self.to_string());
            Ok(IsNull::No)
        }
    }
    impl ToSql<Text, MultiBackend> for $type {
        fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, MultiBackend>) -> serialize::Result {
            out.set_value((Text, self));
            Ok(IsNull::No)
        }
    }
)+ } }

use crate::model::{
    class::GiftKind,
    console::{ConsoleKind, Entry},
    disk::*,
    domain::{Provider, Transport},
    event::*,
    host::*,
    icon::MediaType,
    ids::*,
    job::*,
    network::*,
    permission::*,
    pool::*,
    preference::ConsoleChoice,
    quota::QuotaMode,
    role::*,
    snapshot::SnapshotKind,
    storage_domain::*,
    template::*,
    user::{SessionKind, SignInMethod},
    vm::*,
    vm_state::*,
};

text_columns! {
    ObjectId, DataCenterId, ClusterId, HostId, StorageDomainId, NetworkId, VnicProfileId, MacPoolId, InstanceTypeId, TemplateId, VmId, PoolId,
    DiskId, ImageId, NicId, SnapshotId, UserId, GroupId, DomainId, RoleId, PermissionId, PrincipalId, SessionId, JobId, ProviderId,
    SnapshotKind, MacAddress, NicModel, DiskFormat, DiskStatus, DiskInterface, DiskContent, HostStatus, StorageDomainStatus, StorageDomainKind, StorageType,
    TemplateStatus, VmStatus, VmKind, Display, Protocol, PoolKind, ObjectKind, Severity, EventCode, Intent, Observed, JobStatus, StepStatus, JobKind, Action, SessionKind,
    Provider, Transport, SignInMethod, PasskeyId, ReservationId, MemoryId, MemoryState, ConsoleId, ConsoleKind,
    GiftId, GiftKind, Entry, ConsoleChoice, QuotaId, QuotaMode, IconId, MediaType, FenceAgentId, SchedulingPolicyId,
    AffinityGroupId, AffinityLabelId, TagId,
}
