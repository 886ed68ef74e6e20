//! Giving roles and taking them away.

use super::{is_super_user, named};
use crate::auth;
use crate::db::Db;
use crate::engine::changes::Topic;
use crate::engine::{Cx, EngineError, pools};
use crate::model::conflict::Conflict;
use crate::model::event::{About, EventCode};
use crate::model::ids::{EVERYONE, ObjectId, PermissionId, PrincipalId, RoleId, SYSTEM, VmId};
use crate::model::permission::{ObjectKind, PermissionView};
use crate::model::role::{Action, SUPER_USER};
use crate::model::valid::{Invalid, Problem};
use crate::store::permissions::{self as store, Wanted};
use crate::store::{people, roles};

/// Gives a role. Admin roles: only by a SuperUser on the system.
///
/// # Errors
/// Refused, invalid, hidden, or the database failed.
pub async fn grant(
    cx: &Cx,
    role: RoleId,
    principal: PrincipalId,
    kind: ObjectKind,
    object: ObjectId,
) -> Result<PermissionId, EngineError> {
    let inner = cx.clone();
    cx.engine
        .db
        .write(move |db| {
            auth::check(db, &inner.actor, Action::ManipulatePermissions, object)?;
            named(db, kind, object)?;
            let no_role = || Invalid::new("role", Problem::NoSuch { value: role.to_string() });
            let role = roles::get(db, role)?.ok_or_else(no_role)?;
            admin_roles_by_super_users(&inner, db, role.admin, &role.name)?;
            if people::principal_of(db, principal)?.is_none() {
                return Err(Invalid::new("user", Problem::NoSuch { value: principal.to_string() }).into());
            }
            if kind == ObjectKind::Vm
                && let Some(run) = crate::store::vms::run::get(db, VmId(object.0))?
                && let Some((_, pool)) = run.pool
            {
                return Err(Conflict::PermissionInPool { vm: run.name, pool }.into());
            }
            let same = Wanted {
                object: Some(object),
                own_only: true,
                principals: Some(vec![principal]),
                role: Some(role.id),
                ..Wanted::default()
            };
            if store::count(db, &same)? > 0 {
                return Err(Conflict::RoleHeld { role: role.name }.into());
            }
            let id = store::grant(db, role.id, principal, kind, object, inner.engine.clock.now())?;
            told(&inner, db, id, EventCode::PermissionAdded)?;
            Ok(id)
        })
        .await
}

/// Takes a permission away; consoles that hung on it close. A VM that was taken from a pool with it goes back when it is down.
///
/// # Errors
/// Refused, invalid, hidden, or the database failed.
pub async fn revoke(cx: &Cx, id: PermissionId) -> Result<(), EngineError> {
    let inner = cx.clone();
    let object = cx
        .engine
        .db
        .write(move |db| {
            let none = || EngineError::NotFound { kind: "permission", id: id.to_string() };
            let held = store::get(db, id)?.ok_or_else(none)?;
            auth::check(db, &inner.actor, Action::ManipulatePermissions, held.object)?;
            admin_roles_by_super_users(&inner, db, held.role_admin, &held.role_name)?;
            if held.object == SYSTEM {
                last_of_its_kind(db, &held)?;
            }
            told(&inner, db, id, EventCode::PermissionRemoved)?;
            store::revoke(db, id)?;
            Ok::<_, EngineError>(held.object)
        })
        .await?;
    pools::permission_gone(&cx.engine, VmId(object.0), id).await?;
    cx.engine.consoles.recheck(&cx.engine).await
}

fn admin_roles_by_super_users(cx: &Cx, db: &mut Db, admin: bool, role: &str) -> Result<(), EngineError> {
    if !admin || is_super_user(cx, db)? {
        return Ok(());
    }
    Err(Conflict::AdminRole { role: role.to_owned() }.into())
}

fn last_of_its_kind(db: &mut Db, held: &PermissionView) -> Result<(), EngineError> {
    if held.principal == EVERYONE.into() {
        return Err(Conflict::EveryoneOnSystem.into());
    }
    let wanted = Wanted { object: Some(SYSTEM), role: Some(SUPER_USER), ..Wanted::default() };
    if held.role == SUPER_USER && store::count(db, &wanted)? < 2 {
        return Err(Conflict::LastSuperUser.into());
    }
    Ok(())
}

fn told(cx: &Cx, db: &mut Db, id: PermissionId, code: EventCode) -> Result<(), EngineError> {
    let Some(p) = store::get(db, id)? else { return Ok(()) };
    let detail = format!("{} for {} on {} {}", p.role_name, p.principal_name, p.object_kind.as_str(), p.object_name);
    cx.engine.changed(Topic::Object(p.object_kind), Some(p.object.0));
    cx.tell(db, code, About::default(), &detail)
}
