//! Roles and permissions.

use crate::db::Db;
use crate::db::schema::*;
use crate::model::clock::Timestamp;
use crate::model::ids::{ObjectId, PermissionId, PrincipalId, RoleId};
use crate::model::permission::{ObjectKind, PermissionView};
use crate::model::role::{Action, RoleView};
use diesel::prelude::*;
use std::collections::{HashMap, HashSet};

/// A role of one of these principals on the object or above it allows the action.
pub fn allows(db: &mut Db, principals: &[PrincipalId], action: Action, object: ObjectId) -> QueryResult<bool> {
    let found: Option<RoleId> = permission::table
        .inner_join(object_ancestor::table.on(object_ancestor::ancestor_id.eq(permission::object_id)))
        .inner_join(role_permit::table.on(role_permit::role_id.eq(permission::role_id)))
        .filter(object_ancestor::object_id.eq(object))
        .filter(permission::principal_id.eq_any(principals))
        .filter(role_permit::action.eq(action))
        .select(permission::role_id)
        .first(db)
        .optional()?;
    Ok(found.is_some())
}

/// Every action these principals may do to each of the objects.
pub fn actions_on(
    db: &mut Db,
    principals: &[PrincipalId],
    objects: &[ObjectId],
) -> QueryResult<HashMap<ObjectId, HashSet<Action>>> {
    // Roles first: a page's rows share a few, and each allows dozens of actions.
    let held: HashSet<(ObjectId, RoleId)> = permission::table
        .inner_join(object_ancestor::table.on(object_ancestor::ancestor_id.eq(permission::object_id)))
        .filter(object_ancestor::object_id.eq_any(objects))
        .filter(permission::principal_id.eq_any(principals))
        .select((object_ancestor::object_id, permission::role_id))
        .load(db)?
        .into_iter()
        .collect();
    let roles: HashSet<RoleId> = held.iter().map(|(_, role)| *role).collect();
    let mut allowed: HashMap<RoleId, Vec<Action>> = HashMap::new();
    for (role, action) in role_permit::table.filter(role_permit::role_id.eq_any(roles)).load::<(RoleId, Action)>(db)? {
        allowed.entry(role).or_default().push(action);
    }
    let mut map: HashMap<ObjectId, HashSet<Action>> = HashMap::new();
    for (object, role) in held {
        map.entry(object).or_default().extend(allowed.get(&role).into_iter().flatten());
    }
    Ok(map)
}

/// One of the principals holds an admin role somewhere.
pub fn is_admin(db: &mut Db, principals: &[PrincipalId]) -> QueryResult<bool> {
    let found: Option<PermissionId> = permission::table
        .inner_join(role::table)
        .filter(permission::principal_id.eq_any(principals))
        .filter(role::is_admin)
        .select(permission::id)
        .first(db)
        .optional()?;
    Ok(found.is_some())
}

/// All roles with their actions, by name.
pub fn roles(db: &mut Db) -> QueryResult<Vec<RoleView>> {
    let rows: Vec<(RoleId, String, String, bool, bool)> = role::table
        .select((role::id, role::name, role::description, role::is_admin, role::mutable))
        .order(role::name)
        .load(db)?;
    let mut actions: HashMap<RoleId, Vec<Action>> = HashMap::new();
    for (id, action) in role_permit::table.load::<(RoleId, Action)>(db)? {
        actions.entry(id).or_default().push(action);
    }
    Ok(rows
        .into_iter()
        .map(|(id, name, description, admin, mutable)| {
            let mut own = actions.remove(&id).unwrap_or_default();
            own.sort();
            RoleView { id, name, description, admin, mutable, actions: own }
        })
        .collect())
}

type Row = (PermissionId, RoleId, String, PrincipalId, ObjectId, ObjectKind, Timestamp);

/// Permissions on an object and on all above it.
pub fn on(db: &mut Db, object: ObjectId) -> QueryResult<Vec<PermissionView>> {
    let rows: Vec<Row> = permission::table
        .inner_join(role::table)
        .inner_join(object_ancestor::table.on(object_ancestor::ancestor_id.eq(permission::object_id)))
        .filter(object_ancestor::object_id.eq(object))
        .select(columns())
        .order(role::name)
        .load(db)?;
    views(db, rows, Some(object))
}

/// Permissions that a user or group holds himself.
pub fn of(db: &mut Db, principals: &[PrincipalId]) -> QueryResult<Vec<PermissionView>> {
    let rows: Vec<Row> = permission::table
        .inner_join(role::table)
        .filter(permission::principal_id.eq_any(principals))
        .select(columns())
        .order(role::name)
        .load(db)?;
    views(db, rows, None)
}

/// One permission.
pub fn get(db: &mut Db, id: PermissionId) -> QueryResult<Option<PermissionView>> {
    let rows: Vec<Row> =
        permission::table.inner_join(role::table).filter(permission::id.eq(id)).select(columns()).load(db)?;
    Ok(views(db, rows, None)?.pop())
}

type Columns = (
    permission::id,
    permission::role_id,
    role::name,
    permission::principal_id,
    permission::object_id,
    permission::object_kind,
    permission::created,
);
const fn columns() -> Columns {
    (
        permission::id,
        permission::role_id,
        role::name,
        permission::principal_id,
        permission::object_id,
        permission::object_kind,
        permission::created,
    )
}

fn views(db: &mut Db, rows: Vec<Row>, asked: Option<ObjectId>) -> QueryResult<Vec<PermissionView>> {
    let mut principals: HashMap<uuid::Uuid, (String, bool)> = HashMap::new();
    for u in super::users::list(db)? {
        principals.insert(u.id.0, (u.principal(), false));
    }
    for g in super::groups::list(db)? {
        principals.insert(g.id.0, (g.name, true));
    }
    rows.into_iter()
        .map(|(id, role, role_name, principal, object, object_kind, created)| {
            let (principal_name, is_group) = principals.get(&principal.0).cloned().unwrap_or_default();
            Ok(PermissionView {
                id,
                role,
                role_name,
                principal,
                principal_name,
                is_group,
                object,
                object_kind,
                object_name: object_name(db, object_kind, object)?,
                inherited: asked.is_some_and(|o| o != object),
                created,
            })
        })
        .collect()
}

/// The name of an object of the tree; empty if it is gone.
pub fn object_name(db: &mut Db, kind: ObjectKind, id: ObjectId) -> QueryResult<String> {
    macro_rules! name_in {
        ($table:ident) => {
            $table::table.filter($table::id.eq(id)).select($table::name).first::<String>(db).optional()?
        };
    }
    let name = match kind {
        ObjectKind::System => Some("System".to_owned()),
        ObjectKind::DataCenter => name_in!(data_center),
        ObjectKind::Cluster => name_in!(cluster),
        ObjectKind::Host => name_in!(host),
        ObjectKind::StorageDomain => name_in!(storage_domain),
        ObjectKind::Network => name_in!(network),
        ObjectKind::VnicProfile => name_in!(vnic_profile),
        ObjectKind::MacPool => name_in!(mac_pool),
        ObjectKind::InstanceType => name_in!(instance_type),
        ObjectKind::Template => name_in!(template),
        ObjectKind::Vm => name_in!(vm),
        ObjectKind::Pool => name_in!(vm_pool),
        ObjectKind::Role => name_in!(role),
        ObjectKind::Group => name_in!(user_group),
        ObjectKind::Disk => disk::table.filter(disk::id.eq(id)).select(disk::alias).first(db).optional()?,
        ObjectKind::User => users::table.filter(users::id.eq(id)).select(users::user_name).first(db).optional()?,
    };
    Ok(name.unwrap_or_default())
}

/// Gives a role. There already: its id.
pub fn grant(
    db: &mut Db,
    role: RoleId,
    principal: PrincipalId,
    kind: ObjectKind,
    object: ObjectId,
    now: Timestamp,
) -> QueryResult<PermissionId> {
    let there: Option<PermissionId> = permission::table
        .filter(permission::role_id.eq(role))
        .filter(permission::principal_id.eq(principal))
        .filter(permission::object_id.eq(object))
        .select(permission::id)
        .first(db)
        .optional()?;
    if let Some(id) = there {
        return Ok(id);
    }
    let id = PermissionId::random();
    diesel::insert_into(permission::table)
        .values((
            permission::id.eq(id),
            permission::role_id.eq(role),
            permission::principal_id.eq(principal),
            permission::object_id.eq(object),
            permission::object_kind.eq(kind),
            permission::created.eq(now),
        ))
        .execute(db)?;
    Ok(id)
}

/// Takes it away; false if it was gone already.
pub fn revoke(db: &mut Db, id: PermissionId) -> QueryResult<bool> {
    Ok(diesel::delete(permission::table.find(id)).execute(db)? == 1)
}
