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
    /// Too much to be counted up: what these hold such roles on, with what is below where the role shows it.
    Held { principals: Vec<PrincipalId>, roles: Roles },
}

/// Which roles count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Roles {
    Admin,
    User,
    Both,
}

impl Roles {
    /// Of these values of `is_admin`.
    pub(super) fn admin(self) -> Vec<bool> {
        match self {
            Self::Admin => vec![true],
            Self::User => vec![false],
            Self::Both => vec![true, false],
        }
    }

    /// The same as a condition on `ro` in SQL.
    pub(super) const fn words(self) -> &'static str {
        match self {
            Self::Admin => "ro.is_admin",
            Self::User => "not ro.is_admin",
            Self::Both => "true",
        }
    }
}

/// Who holds more permissions than this is not asked which.
const FEW: i64 = 500;

/// What these principals reach through such roles.
pub fn of(db: &mut Db, principals: &[PrincipalId], roles: Roles) -> QueryResult<Scope> {
    // Asked first: whoever administers the system may hold a role on each of ten thousand VMs besides.
    if roles != Roles::User && administers_all(db, principals)? {
        return Ok(Scope::All);
    }
    let held: Vec<(ObjectId, bool)> = permission::table
        .inner_join(role::table)
        .filter(permission::principal_id.eq_any(principals))
        .filter(role::is_admin.eq_any(roles.admin()))
        .select((permission::object_id, role::views_children))
        .limit(FEW + 1)
        .load(db)?;
    if held.len() as i64 > FEW {
        return Ok(Scope::Held { principals: principals.to_vec(), roles });
    }
    let (mut trees, mut single) = (Vec::new(), Vec::new());
    for (object, views_children) in held {
        if views_children {
            trees.push(object);
        } else if object != SYSTEM {
            // Everyone has harmless roles on the system itself (his own profile): they show nothing of it.
            single.push(object);
        }
    }
    for list in [&mut trees, &mut single] {
        list.sort();
        list.dedup();
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
    let above = object_ancestor::table.filter(object_ancestor::object_id.eq(object)).count();
    let below = object_ancestor::table
        .filter(object_ancestor::ancestor_id.eq(object))
        .filter(object_ancestor::ancestor_id.ne(SYSTEM))
        .count();
    let found: i64 = match scope {
        Scope::All => return Ok(true),
        Scope::Some { single, .. } if single.contains(&object) => return Ok(true),
        Scope::Some { trees, .. } => {
            let above: i64 = above.filter(object_ancestor::ancestor_id.eq_any(trees)).get_result(db)?;
            let below: i64 = below.filter(object_ancestor::object_id.eq_any(trees)).get_result(db)?;
            above + below
        }
        Scope::Held { principals, roles } => {
            let trees = || held!(principals, roles, vec![true]);
            let itself = held!(principals, roles, vec![true, false]).filter(permission::object_id.eq(object));
            let itself: Option<ObjectId> = itself.first(db).optional()?;
            let above: i64 = above.filter(object_ancestor::ancestor_id.eq_any(trees())).get_result(db)?;
            let below: i64 = below.filter(object_ancestor::object_id.eq_any(trees())).get_result(db)?;
            above + below + i64::from(itself.is_some() && object != SYSTEM)
        }
    };
    Ok(found > 0)
}

/// The objects that are held: by roles that show what is below them, or by any.
macro_rules! held {
    ($principals:expr, $roles:expr, $below:expr) => {
        $crate::db::schema::permission::table
            .inner_join($crate::db::schema::role::table)
            .filter($crate::db::schema::permission::principal_id.eq_any($principals.clone()))
            .filter($crate::db::schema::role::is_admin.eq_any($roles.admin()))
            .filter($crate::db::schema::role::views_children.eq_any($below))
            .select($crate::db::schema::permission::object_id)
    };
}
pub(crate) use held;

/// Narrows a boxed query to a scope: `$id` is the object's id column.
macro_rules! within {
    ($query:expr, $id:expr, $scope:expr) => {{
        use $crate::db::schema::object_ancestor as above;
        match $scope {
            $crate::store::scope::Scope::All => $query,
            $crate::store::scope::Scope::Some { trees, single } => $query.filter(
                $id.eq_any(above::table.filter(above::ancestor_id.eq_any(trees.clone())).select(above::object_id))
                    .or($id
                        .eq_any(above::table.filter(above::object_id.eq_any(trees.clone())).select(above::ancestor_id)))
                    .or($id.eq_any(single.clone())),
            ),
            $crate::store::scope::Scope::Held { principals, roles } => {
                use $crate::store::scope::held;
                let trees = || held!(principals, roles, vec![true]);
                $query.filter(
                    $id.eq_any(above::table.filter(above::ancestor_id.eq_any(trees())).select(above::object_id))
                        .or($id
                            .eq_any(above::table.filter(above::object_id.eq_any(trees())).select(above::ancestor_id)))
                        .or($id.eq_any(held!(principals, roles, vec![true, false]))),
                )
            }
        }
    }};
}
pub(crate) use within;
