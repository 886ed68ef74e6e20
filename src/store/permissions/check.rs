//! Who may what: each question is one query by index, however many objects and permissions there are.

use crate::db::Db;
use crate::db::dialect::DynamicQuery;
use crate::db::schema::*;
use crate::model::ids::{ObjectId, PermissionId, PrincipalId, RoleId, SYSTEM};
use crate::model::permission::ObjectKind;
use crate::model::role::{Action, Actions};
use diesel::prelude::*;
use std::collections::{HashMap, HashSet};

/// On most objects and all above them few hold anything: those are read by a statement that is prepared once, and looked through here.
/// Where so many do, the database looks for the principals among them.
const CROWD: i64 = 64;

/// A role of one of these principals on the object or above it allows the action.
pub fn allows(db: &mut Db, principals: &[PrincipalId], action: Action, object: ObjectId) -> QueryResult<bool> {
    let holders = permission::table
        .inner_join(object_ancestor::table.on(object_ancestor::ancestor_id.eq(permission::object_id)))
        .inner_join(role_permit::table.on(role_permit::role_id.eq(permission::role_id)))
        .filter(object_ancestor::object_id.eq(object))
        .filter(role_permit::action.eq(action))
        .select(permission::principal_id);
    let few: Vec<PrincipalId> = holders.limit(CROWD).load(db)?;
    if few.iter().any(|holder| principals.contains(holder)) {
        return Ok(true);
    }
    if i64::try_from(few.len()).unwrap_or(CROWD) < CROWD {
        return Ok(false);
    }
    let found: Option<PrincipalId> =
        holders.filter(permission::principal_id.eq_any(principals)).first(db).optional()?;
    Ok(found.is_some())
}

/// Every action these principals may do to each of the objects.
pub fn actions_on(
    db: &mut Db,
    principals: &[PrincipalId],
    objects: &[ObjectId],
) -> QueryResult<HashMap<ObjectId, Actions>> {
    // A page's rows share most of what is above them, and a few roles with dozens of actions each: one after the other.
    let above: Vec<(ObjectId, ObjectId)> =
        object_ancestor::table.filter(object_ancestor::object_id.eq_any(objects)).load(db)?;
    let places: HashSet<ObjectId> = above.iter().map(|(_, ancestor)| *ancestor).collect();
    let held = held_on(db, principals, &places)?;
    let roles: HashSet<RoleId> = held.values().flatten().copied().collect();
    let mut allowed: HashMap<RoleId, Actions> = HashMap::new();
    for (role, action) in role_permit::table.filter(role_permit::role_id.eq_any(roles)).load::<(RoleId, Action)>(db)? {
        allowed.entry(role).or_default().add(action.into());
    }
    let mut map: HashMap<ObjectId, Actions> = HashMap::new();
    for (object, ancestor) in above {
        for role in held.get(&ancestor).into_iter().flatten() {
            map.entry(object).or_default().add(allowed.get(role).copied().unwrap_or_default());
        }
    }
    Ok(map)
}

/// The roles that these principals hold on each of the places themselves.
fn held_on(
    db: &mut Db,
    principals: &[PrincipalId],
    places: &HashSet<ObjectId>,
) -> QueryResult<HashMap<ObjectId, HashSet<RoleId>>> {
    let rows = permission::table.filter(permission::object_id.eq_any(places)).select((
        permission::object_id,
        permission::principal_id,
        permission::role_id,
    ));
    let most = CROWD * i64::try_from(places.len()).unwrap_or(1).min(10);
    let mut found: Vec<(ObjectId, PrincipalId, RoleId)> = rows.clone().limit(most).load(db)?;
    if i64::try_from(found.len()).unwrap_or(most) >= most {
        found = rows.filter(permission::principal_id.eq_any(principals)).load(db)?;
    }
    let mut held: HashMap<ObjectId, HashSet<RoleId>> = HashMap::new();
    for (object, principal, role) in found {
        if principals.contains(&principal) {
            held.entry(object).or_default().insert(role);
        }
    }
    Ok(held)
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

/// The kinds of objects on which they hold an admin role that shows something.
pub fn admin_kinds(db: &mut Db, principals: &[PrincipalId]) -> QueryResult<Vec<ObjectKind>> {
    let held = permission::table
        .inner_join(role::table)
        .filter(permission::principal_id.eq_any(principals))
        .filter(role::is_admin)
        .select(permission::object_kind);
    // Asked first: whoever administers the system may hold a role on each of ten thousand VMs besides.
    let on_system = held.clone().filter(permission::object_id.eq(SYSTEM)).filter(role::views_children);
    let all: Option<ObjectKind> = on_system.first(db).optional()?;
    match all {
        Some(system) => Ok(vec![system]),
        None => held.distinct().load(db),
    }
}

#[derive(QueryableByName)]
struct Found {
    #[diesel(sql_type = diesel::sql_types::Text)]
    #[expect(dead_code, reason = "whether there is one is all that is asked")]
    id: ObjectId,
}

/// There is an object of this kind to which one of the principals may do the action.
pub fn somewhere(db: &mut Db, principals: &[PrincipalId], action: Action, kind: ObjectKind) -> QueryResult<bool> {
    let table = match kind {
        ObjectKind::Cluster => "cluster",
        ObjectKind::Template => "template",
        ObjectKind::StorageDomain => "storage_domain",
        ObjectKind::DataCenter => "data_center",
        ObjectKind::Pool => "vm_pool",
        // Of others there can be thousands, and nobody asks.
        _ => return allows(db, principals, action, SYSTEM),
    };
    let mut q = DynamicQuery::new("select o.id from ");
    q.push(table).push(
        " o join object_ancestor a on a.object_id = o.id join permission p on p.object_id = a.ancestor_id \
         join role_permit rp on rp.role_id = p.role_id where rp.action = ",
    );
    q.bind(action.as_str().to_owned()).push(" and p.principal_id in (");
    q.bind_all(principals.iter().map(ToString::to_string)).push(") limit 1");
    Ok(!q.load::<Found>(db)?.is_empty())
}
