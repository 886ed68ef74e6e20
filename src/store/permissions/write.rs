//! Giving roles and taking them away.

use crate::db::Db;
use crate::db::schema::permission;
use crate::model::clock::Timestamp;
use crate::model::ids::{ObjectId, PermissionId, PrincipalId, RoleId};
use crate::model::permission::ObjectKind;
use diesel::prelude::*;

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
