//! What somebody may see: the objects his roles are on, and how far down they reach.

use crate::db::Db;
use crate::db::schema::{object_ancestor, permission, role};
use crate::model::ids::{ObjectId, PrincipalId, SYSTEM};
use diesel::prelude::*;

/// What a list may show.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scope {
    /// Everything: an administrator of the whole system, or the engine itself.
    All,
    Some {
        /// With all that is below them.
        trees: Vec<ObjectId>,
        /// Only themselves.
        single: Vec<ObjectId>,
    },
}

/// Which roles count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Roles {
    Admin,
    User,
    Both,
}

/// What these principals reach through such roles.
pub fn of(db: &mut Db, principals: &[PrincipalId], roles: Roles) -> QueryResult<Scope> {
    // Asked first: whoever administers the system may hold a role on each of ten thousand VMs besides.
    if roles != Roles::User && administers_all(db, principals)? {
        return Ok(Scope::All);
    }
    let mut held = permission::table
        .inner_join(role::table)
        .filter(permission::principal_id.eq_any(principals))
        .select((permission::object_id, role::views_children))
        .distinct()
        .into_boxed();
    match roles {
        Roles::Admin => held = held.filter(role::is_admin),
        Roles::User => held = held.filter(diesel::dsl::not(role::is_admin)),
        Roles::Both => {}
    }
    let (mut trees, mut single) = (Vec::new(), Vec::new());
    for (object, views_children) in held.load::<(ObjectId, bool)>(db)? {
        // Everyone has harmless roles on the system itself (his own profile): they show nothing of it.
        let list = if views_children { &mut trees } else { &mut single };
        list.push(object);
    }
    Ok(Scope::Some { trees, single })
}

/// One of them holds an admin role on the system itself that shows all below it.
fn administers_all(db: &mut Db, principals: &[PrincipalId]) -> QueryResult<bool> {
    let found: Option<ObjectId> = permission::table
        .inner_join(role::table)
        .filter(permission::object_id.eq(SYSTEM))
        .filter(permission::principal_id.eq_any(principals))
        .filter(role::is_admin)
        .filter(role::views_children)
        .select(permission::object_id)
        .first(db)
        .optional()?;
    Ok(found.is_some())
}

/// Is this object within the scope?
pub fn contains(db: &mut Db, scope: &Scope, object: ObjectId) -> QueryResult<bool> {
    let Scope::Some { trees, single } = scope else { return Ok(true) };
    if single.contains(&object) {
        return Ok(true);
    }
    let above: i64 = object_ancestor::table
        .filter(object_ancestor::object_id.eq(object))
        .filter(object_ancestor::ancestor_id.eq_any(trees))
        .count()
        .get_result(db)?;
    let below: i64 = object_ancestor::table
        .filter(object_ancestor::ancestor_id.eq(object))
        .filter(object_ancestor::object_id.eq_any(trees))
        .filter(object_ancestor::ancestor_id.ne(SYSTEM))
        .count()
        .get_result(db)?;
    Ok(above + below > 0)
}

/// Narrows a boxed query to a scope: `$id` is the object's id column.
macro_rules! within {
    ($query:expr, $id:expr, $scope:expr) => {
        match $scope {
            $crate::store::scope::Scope::All => $query,
            $crate::store::scope::Scope::Some { trees, single } => {
                use $crate::db::schema::object_ancestor;
                $query.filter(
                    $id.eq_any(
                        object_ancestor::table
                            .filter(object_ancestor::ancestor_id.eq_any(trees.clone()))
                            .select(object_ancestor::object_id),
                    )
                    .or($id.eq_any(
                        object_ancestor::table
                            .filter(object_ancestor::object_id.eq_any(trees.clone()))
                            .select(object_ancestor::ancestor_id),
                    ))
                    .or($id.eq_any(single.clone())),
                )
            }
        }
    };
}
pub(crate) use within;
