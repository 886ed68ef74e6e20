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
    let held: Vec<(ObjectId, bool, bool)> = permission::table
        .inner_join(role::table)
        .filter(permission::principal_id.eq_any(principals))
        .select((permission::object_id, role::is_admin, role::views_children))
        .load(db)?;
    let counts = |admin: bool| match roles {
        Roles::Admin => admin,
        Roles::User => !admin,
        Roles::Both => true,
    };
    let (mut trees, mut single) = (Vec::new(), Vec::new());
    for (object, admin, views_children) in held.into_iter().filter(|h| counts(h.1)) {
        // Everyone has harmless roles on the system itself (his own profile): they show nothing of it.
        let list = if views_children { &mut trees } else { &mut single };
        if !list.contains(&object) {
            list.push(object);
        }
        if object == SYSTEM && views_children && admin {
            return Ok(Scope::All);
        }
    }
    Ok(Scope::Some { trees, single })
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
