//! Permissions as lists show them, with the names of who holds what where: one query, whatever is asked.

use crate::db::Db;
use crate::db::dialect::DynamicQuery;
use crate::db::schema::object_ancestor;
use crate::model::clock::Timestamp;
use crate::model::ids::{EVERYONE, ObjectId, PermissionId, PrincipalId, RoleId, SYSTEM};
use crate::model::permission::{ObjectKind, PermissionView, Place};
use crate::model::role::Action;
use diesel::prelude::*;
use diesel::sql_types::{Bool, Nullable, Text, Timestamp as SqlTimestamp};

/// Which permissions.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wanted {
    /// On this object, and on all above it.
    pub object: Option<ObjectId>,
    /// Only on the object itself.
    pub own_only: bool,
    /// Held by one of these.
    pub principals: Option<Vec<PrincipalId>>,
    pub role: Option<RoleId>,
    /// With this permit.
    pub action: Option<Action>,
    pub id: Option<PermissionId>,
    /// In the holder's or the role's name.
    pub text: String,
    /// So many after so many.
    pub part: Option<(u64, u64)>,
}

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = Text)]
    id: PermissionId,
    #[diesel(sql_type = Text)]
    role: RoleId,
    #[diesel(sql_type = Text)]
    role_name: String,
    #[diesel(sql_type = Bool)]
    role_admin: bool,
    #[diesel(sql_type = Text)]
    principal: PrincipalId,
    #[diesel(sql_type = Nullable<Text>)]
    user_name: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    group_name: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    domain: Option<String>,
    #[diesel(sql_type = Nullable<Bool>)]
    active: Option<bool>,
    #[diesel(sql_type = Text)]
    object: ObjectId,
    #[diesel(sql_type = Text)]
    object_kind: ObjectKind,
    #[diesel(sql_type = Nullable<Text>)]
    object_name: Option<String>,
    #[diesel(sql_type = SqlTimestamp)]
    created: Timestamp,
}

/// The table of each kind of object, and the column with its name.
const fn table(kind: ObjectKind) -> Option<(&'static str, &'static str)> {
    Some(match kind {
        ObjectKind::System => return None,
        ObjectKind::DataCenter => ("data_center", "name"),
        ObjectKind::Cluster => ("cluster", "name"),
        ObjectKind::Host => ("host", "name"),
        ObjectKind::StorageDomain => ("storage_domain", "name"),
        ObjectKind::Network => ("network", "name"),
        ObjectKind::VnicProfile => ("vnic_profile", "name"),
        ObjectKind::MacPool => ("mac_pool", "name"),
        ObjectKind::InstanceType => ("instance_type", "name"),
        ObjectKind::Template => ("template", "name"),
        ObjectKind::Vm => ("vm", "name"),
        ObjectKind::Pool => ("vm_pool", "name"),
        ObjectKind::Role => ("role", "name"),
        ObjectKind::Group => ("user_group", "name"),
        ObjectKind::Quota => ("quota", "name"),
        ObjectKind::Disk => ("disk", "alias"),
        ObjectKind::User => ("users", "user_name"),
    })
}

const FROM: &str = " from permission p join role r on r.id = p.role_id left join users u on u.id = p.principal_id \
    left join user_group g on g.id = p.principal_id where true";

/// The permissions that are wanted; those on the object itself first, then by holder and role.
pub fn find(db: &mut Db, wanted: &Wanted) -> QueryResult<Vec<PermissionView>> {
    let mut q = DynamicQuery::new(
        "select p.id, p.role_id as role, r.name as role_name, r.is_admin as role_admin, p.principal_id as principal, \
         u.user_name, g.name as group_name, coalesce(u.domain, g.domain) as domain, coalesce(u.active, g.active) as active, \
         p.object_id as object, p.object_kind, p.created, case p.object_kind",
    );
    for kind in ObjectKind::ALL {
        if let Some((table, name)) = table(*kind) {
            q.push(&format!(" when '{kind}' then (select o.{name} from {table} o where o.id = p.object_id)"));
        }
    }
    q.push(" else 'System' end as object_name").push(FROM);
    conditions(&mut q, wanted);
    q.push(" order by ");
    if let Some(object) = wanted.object {
        q.push("case when p.object_id = ").bind(object.to_string()).push(" then 0 else 1 end, ");
    }
    q.push("lower(coalesce(u.user_name, g.name)), r.name, p.id");
    if let Some((skip, take)) = wanted.part {
        q.push(&format!(" limit {take} offset {skip}"));
    }
    Ok(q.load::<Row>(db)?.into_iter().map(|row| view(row, wanted.object)).collect())
}

/// How many there are, on all pages.
pub fn count(db: &mut Db, wanted: &Wanted) -> QueryResult<u64> {
    let mut q = DynamicQuery::new("select count(*) as n");
    q.push(FROM);
    conditions(&mut q, wanted);
    Ok(u64::try_from(q.count(db)?).unwrap_or_default())
}

fn conditions(q: &mut DynamicQuery, wanted: &Wanted) {
    if let Some(object) = wanted.object {
        if wanted.own_only {
            q.push(" and p.object_id = ").bind(object.to_string());
        } else {
            q.push(" and p.object_id in (select ancestor_id from object_ancestor where object_id = ");
            q.bind(object.to_string()).push(")");
        }
    }
    if let Some(principals) = &wanted.principals {
        q.push(" and p.principal_id in (").bind_all(principals.iter().map(ToString::to_string)).push(")");
    }
    if let Some(role) = wanted.role {
        q.push(" and p.role_id = ").bind(role.to_string());
    }
    if let Some(action) = wanted.action {
        q.push(" and exists (select 1 from role_permit rp where rp.role_id = p.role_id and rp.action = ");
        q.bind(action.as_str().to_owned()).push(")");
    }
    if let Some(id) = wanted.id {
        q.push(" and p.id = ").bind(id.to_string());
    }
    let text = wanted.text.trim().to_lowercase();
    if !text.is_empty() {
        for (i, column) in ["u.user_name", "u.last_name", "g.name", "r.name"].iter().enumerate() {
            q.push(if i == 0 { " and (" } else { " or " });
            super::super::search::compare(q, column, crate::model::search::Op::Is, &format!("*{text}*"));
        }
        q.push(")");
    }
}

fn view(row: Row, asked: Option<ObjectId>) -> PermissionView {
    let is_group = row.user_name.is_none();
    let name = row.user_name.or(row.group_name).unwrap_or_default();
    let everyone = row.principal == EVERYONE.into();
    let domain = row.domain.filter(|_| !everyone);
    PermissionView {
        id: row.id,
        role: row.role,
        role_name: row.role_name,
        role_admin: row.role_admin,
        principal: row.principal,
        principal_name: domain.map_or_else(|| name.clone(), |domain| format!("{name}@{domain}")),
        is_group,
        principal_active: row.active.unwrap_or(false),
        object: row.object,
        object_kind: row.object_kind,
        object_name: row.object_name.unwrap_or_default(),
        inherited: asked.is_some_and(|o| o != row.object),
        created: row.created,
    }
}

/// Permissions on an object and on all above it.
pub fn on(db: &mut Db, object: ObjectId) -> QueryResult<Vec<PermissionView>> {
    find(db, &Wanted { object: Some(object), ..Wanted::default() })
}

/// Permissions that a user or group holds himself.
pub fn of(db: &mut Db, principals: &[PrincipalId]) -> QueryResult<Vec<PermissionView>> {
    find(db, &Wanted { principals: Some(principals.to_vec()), ..Wanted::default() })
}

/// One permission.
pub fn get(db: &mut Db, id: PermissionId) -> QueryResult<Option<PermissionView>> {
    Ok(find(db, &Wanted { id: Some(id), ..Wanted::default() })?.pop())
}

#[derive(QueryableByName)]
struct Name {
    #[diesel(sql_type = Text)]
    name: String,
}

/// The name of an object of the tree; empty if it is gone.
pub fn object_name(db: &mut Db, kind: ObjectKind, id: ObjectId) -> QueryResult<String> {
    let Some((table, name)) = table(kind) else { return Ok("System".to_owned()) };
    let mut q = DynamicQuery::new(&format!("select {name} as name from {table} where id = "));
    q.bind(id.to_string());
    Ok(q.load::<Name>(db)?.pop().map(|row| row.name).unwrap_or_default())
}

#[derive(QueryableByName)]
struct Found {
    #[diesel(sql_type = Text)]
    id: ObjectId,
    #[diesel(sql_type = Text)]
    name: String,
}

/// The objects of a kind with this name, at most twenty.
pub fn by_name(db: &mut Db, kind: ObjectKind, name: &str) -> QueryResult<Vec<Place>> {
    let Some((table, column)) = table(kind) else { return Ok(Vec::new()) };
    let mut q = DynamicQuery::new(&format!("select id, {column} as name from {table} where lower({column}) = "));
    q.bind(name.to_lowercase()).push(" order by id limit 20");
    let place = |row: Found| Place { object: row.id, kind, name: row.name };
    Ok(q.load::<Found>(db)?.into_iter().map(place).collect())
}

/// An object and all above it with their names: itself, then from below to the system.
pub fn places(db: &mut Db, object: ObjectId) -> QueryResult<Vec<Place>> {
    let above: Vec<ObjectId> = object_ancestor::table
        .filter(object_ancestor::object_id.eq(object))
        .select(object_ancestor::ancestor_id)
        .load(db)?;
    let mut found: Vec<Place> = Vec::new();
    for id in above {
        if let Some(place) = place(db, id)? {
            found.push(place);
        }
    }
    // What stands lower in the enum lies deeper in the tree.
    found.sort_by_key(|p| (p.object != object, std::cmp::Reverse(p.kind), p.name.clone()));
    Ok(found)
}

fn place(db: &mut Db, object: ObjectId) -> QueryResult<Option<Place>> {
    if object == SYSTEM {
        return Ok(Some(Place { object, kind: ObjectKind::System, name: "System".to_owned() }));
    }
    for kind in ObjectKind::ALL {
        if table(*kind).is_none() {
            continue;
        }
        let name = object_name(db, *kind, object)?;
        if !name.is_empty() {
            return Ok(Some(Place { object, kind: *kind, name }));
        }
    }
    Ok(None)
}
