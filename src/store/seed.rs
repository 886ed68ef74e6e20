//! What a fresh engine has, with oVirt's fixed ids. Done again it changes nothing.

use super::{ancestors, networks, permissions, settings, users};
use crate::db::Db;
use crate::db::schema::mac_pool as pools;
use crate::db::schema::*;
use crate::model::clock::Timestamp;
use crate::model::ids::*;
use crate::model::instance_type::PREDEFINED as INSTANCE_TYPES;
use crate::model::mac_pool::own_range;
use crate::model::network::{MANAGEMENT_NETWORK, NetworkConfig};
use crate::model::permission::ObjectKind;
use crate::model::predefined_roles::*;
use crate::model::role::SUPER_USER;
use crate::model::template::TemplateStatus;
use crate::model::user::INTERNAL_DOMAIN;
use crate::model::vm::{Display, VmKind};
use diesel::prelude::*;

/// What only the caller knows.
#[derive(Debug)]
pub struct SeedArgs<'a> {
    pub engine_id: uuid::Uuid,
    pub now: Timestamp,
    pub admin_password_hash: &'a str,
}

/// The compatibility level of a fresh data center.
const LEVEL: &str = "4.1";

/// Makes everything, in the caller's transaction.
pub fn fresh(db: &mut Db, args: &SeedArgs<'_>) -> QueryResult<()> {
    // An older engine may have had them otherwise.
    super::roles::predefined(db)?;
    if settings::get(db, "seeded")?.is_some() {
        return Ok(());
    }
    settings::set(db, "engine_id", &args.engine_id.to_string())?;
    ancestors::set(db, SYSTEM, &[])?;
    let pool = mac_pool(db, args.engine_id)?;
    let data_center = data_center(db)?;
    cluster(db, data_center, pool)?;
    diesel::insert_into(user_group::table)
        .values((user_group::id.eq(EVERYONE), user_group::name.eq("Everyone"), user_group::domain.eq(INTERNAL_DOMAIN)))
        .execute(db)?;
    ancestors::set(db, EVERYONE.object(), &[])?;
    let profile = network(db, OVIRTMGMT, data_center)?;
    instance_types(db)?;
    blank(db, args.now)?;
    administrator(db, args)?;
    everyone(db, args.now, profile)?;
    super::quotas::defaults(db, args.now)?;
    settings::set(db, "seeded", LEVEL)
}

fn mac_pool(db: &mut Db, engine: uuid::Uuid) -> QueryResult<MacPoolId> {
    let id = MacPoolId::random();
    let (from, to) = own_range(engine);
    diesel::insert_into(pools::table)
        .values((
            pools::id.eq(id),
            pools::name.eq("Default"),
            pools::description.eq("This engine's own range"),
            pools::is_default.eq(true),
        ))
        .execute(db)?;
    diesel::insert_into(mac_range::table)
        .values((mac_range::mac_pool_id.eq(id), mac_range::from_mac.eq(from), mac_range::to_mac.eq(to)))
        .execute(db)?;
    ancestors::set(db, id.object(), &[])?;
    Ok(id)
}

fn data_center(db: &mut Db) -> QueryResult<DataCenterId> {
    let id = DataCenterId::random();
    diesel::insert_into(data_center::table)
        .values((
            data_center::id.eq(id),
            data_center::name.eq("Default"),
            data_center::description.eq("The default data center"),
            data_center::comment.eq(""),
            data_center::is_local.eq(false),
            data_center::compatibility.eq(LEVEL),
        ))
        .execute(db)?;
    ancestors::set(db, id.object(), &[])?;
    Ok(id)
}

fn cluster(db: &mut Db, data_center: DataCenterId, pool: MacPoolId) -> QueryResult<()> {
    let id = ClusterId::random();
    diesel::insert_into(cluster::table)
        .values((
            cluster::id.eq(id),
            cluster::data_center_id.eq(data_center),
            cluster::mac_pool_id.eq(pool),
            cluster::name.eq("Default"),
            cluster::description.eq("The default cluster"),
            cluster::comment.eq(""),
            cluster::compatibility.eq(LEVEL),
        ))
        .execute(db)?;
    ancestors::set(db, id.object(), &[data_center.object()])
}

/// The management network of a data center with its profile.
pub(super) fn network(db: &mut Db, id: NetworkId, data_center: DataCenterId) -> QueryResult<VnicProfileId> {
    let new = NetworkConfig {
        name: MANAGEMENT_NETWORK.to_owned(),
        description: "Management network".to_owned(),
        ..NetworkConfig::default()
    };
    networks::insert(db, id, data_center, &new)?;
    networks::insert_profile(db, id, MANAGEMENT_NETWORK)
}

fn instance_types(db: &mut Db) -> QueryResult<()> {
    for (id, name, memory, max_memory, sockets) in INSTANCE_TYPES {
        diesel::insert_into(instance_type::table)
            .values((
                instance_type::id.eq(id),
                instance_type::name.eq(name),
                instance_type::description.eq(format!("{name} instance type")),
                instance_type::memory_mib.eq(i64::try_from(memory).unwrap_or_default()),
                instance_type::max_memory_mib.eq(i64::try_from(max_memory).unwrap_or_default()),
                instance_type::sockets.eq(i32::try_from(sockets).unwrap_or(1)),
                instance_type::cores.eq(1),
                instance_type::threads.eq(1),
            ))
            .execute(db)?;
        ancestors::set(db, id.object(), &[])?;
    }
    Ok(())
}

fn blank(db: &mut Db, now: Timestamp) -> QueryResult<()> {
    diesel::insert_into(template::table)
        .values((
            (
                template::id.eq(BLANK_TEMPLATE),
                template::name.eq("Blank"),
                template::description.eq("Blank template"),
                template::comment.eq(""),
                template::os.eq("other"),
                template::kind.eq(VmKind::Desktop),
            ),
            (
                template::memory_mib.eq(1024),
                template::max_memory_mib.eq(4096),
                template::guaranteed_memory_mib.eq(1024),
                template::sockets.eq(1),
                template::cores.eq(1),
                template::threads.eq(1),
            ),
            (
                template::display.eq(Display::Vnc),
                template::boot.eq("hd"),
                template::status.eq(TemplateStatus::Ok),
                template::created.eq(now),
            ),
        ))
        .execute(db)?;
    ancestors::set(db, BLANK_TEMPLATE.object(), &[])
}

fn administrator(db: &mut Db, args: &SeedArgs<'_>) -> QueryResult<()> {
    let id = UserId::random();
    let new = users::NewUserRow {
        user_name: "admin",
        domain: INTERNAL_DOMAIN,
        first_name: "admin",
        password_hash: Some(args.admin_password_hash),
        ..users::NewUserRow::default()
    };
    users::insert(db, id, &new, args.now)?;
    permissions::grant(db, SUPER_USER, id.into(), ObjectKind::System, SYSTEM, args.now).map(drop)
}

fn everyone(db: &mut Db, now: Timestamp, profile: VnicProfileId) -> QueryResult<()> {
    let mut give = |role: RoleId, kind: ObjectKind, object: ObjectId| {
        permissions::grant(db, role, EVERYONE.into(), kind, object, now).map(drop)
    };
    give(USER_TEMPLATE_BASED_VM, ObjectKind::Template, BLANK_TEMPLATE.object())?;
    for (id, ..) in INSTANCE_TYPES {
        give(USER_TEMPLATE_BASED_VM, ObjectKind::InstanceType, id.object())?;
    }
    give(VNIC_PROFILE_USER, ObjectKind::VnicProfile, profile.object())?;
    give(USER_PROFILE_EDITOR, ObjectKind::System, SYSTEM)
}
