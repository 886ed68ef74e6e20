//! Permissions and roles: who has which role on what.

use crate::auth;
use crate::db::Db;
use crate::engine::changes::Topic;
use crate::engine::{Cx, EngineError};
use crate::model::conflict::Conflict;
use crate::model::event::{About, EventCode};
use crate::model::ids::{EVERYONE, ObjectId, PermissionId, PrincipalId, RoleId, SYSTEM, VmId};
use crate::model::permission::{ObjectKind, PermissionView};
use crate::model::role::{Action, RoleView, SUPER_USER};
use crate::model::valid::{Invalid, Problem};
use crate::store::permissions as store;

/// All roles.
///
/// # Errors
/// Refused, invalid, hidden, or the database failed.
pub async fn roles(cx: &Cx) -> Result<Vec<RoleView>, EngineError> {
    cx.engine.db.read(|db| Ok(store::roles(db)?)).await
}

/// Permissions on an object and, marked as inherited, on its ancestors.
///
/// # Errors
/// Refused, invalid, hidden, or the database failed.
pub async fn on(cx: &Cx, object: ObjectId) -> Result<Vec<PermissionView>, EngineError> {
    let actor = cx.actor.clone();
    cx.engine
        .db
        .read(move |db| {
            auth::see(db, &actor, object)?;
            Ok(store::on(db, object)?)
        })
        .await
}

/// Permissions a user or group holds; those of others are for administrators.
///
/// # Errors
/// Refused, invalid, hidden, or the database failed.
pub async fn of(cx: &Cx, principal: PrincipalId) -> Result<Vec<PermissionView>, EngineError> {
    if !cx.actor.principals.contains(&principal) && !cx.actor.is_admin {
        return Err(EngineError::NotFound { kind: "user", id: principal.to_string() });
    }
    cx.engine.db.read(move |db| Ok(store::of(db, &[principal])?)).await
}

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
            let no_role = || Invalid::new("role", Problem::NoSuch { value: role.to_string() });
            let role = store::roles(db)?.into_iter().find(|r| r.id == role).ok_or_else(no_role)?;
            admin_roles_by_super_users(&inner, db, role.admin, &role.name)?;
            if kind == ObjectKind::Vm
                && let Some(run) = crate::store::vms::run::get(db, VmId(object.0))?
                && let Some((_, pool)) = run.pool
            {
                return Err(Conflict::PermissionInPool { vm: run.name, pool }.into());
            }
            let held = store::on(db, object)?;
            if held.iter().any(|p| p.role == role.id && p.principal == principal && p.object == object) {
                return Err(Conflict::RoleHeld { role: role.name }.into());
            }
            let id = store::grant(db, role.id, principal, kind, object, inner.engine.clock.now())?;
            told(&inner, db, id, EventCode::PermissionAdded)?;
            Ok(id)
        })
        .await
}

/// Takes a permission away; consoles that hung on it close.
///
/// # Errors
/// Refused, invalid, hidden, or the database failed.
pub async fn revoke(cx: &Cx, id: PermissionId) -> Result<(), EngineError> {
    let inner = cx.clone();
    cx.engine
        .db
        .write(move |db| {
            let none = || EngineError::NotFound { kind: "permission", id: id.to_string() };
            let held = store::get(db, id)?.ok_or_else(none)?;
            auth::check(db, &inner.actor, Action::ManipulatePermissions, held.object)?;
            let admin = store::roles(db)?.into_iter().any(|role| role.id == held.role && role.admin);
            admin_roles_by_super_users(&inner, db, admin, &held.role_name)?;
            if held.object == SYSTEM {
                last_of_its_kind(db, &held)?;
            }
            told(&inner, db, id, EventCode::PermissionRemoved)?;
            store::revoke(db, id)?;
            Ok::<_, EngineError>(())
        })
        .await?;
    cx.engine.consoles.recheck(&cx.engine).await
}

fn admin_roles_by_super_users(cx: &Cx, db: &mut Db, admin: bool, role: &str) -> Result<(), EngineError> {
    if !admin {
        return Ok(());
    }
    let mine = store::of(db, &cx.actor.principals)?;
    if mine.iter().any(|p| p.role == SUPER_USER && p.object == SYSTEM) {
        return Ok(());
    }
    Err(Conflict::AdminRole { role: role.to_owned() }.into())
}

fn last_of_its_kind(db: &mut Db, held: &PermissionView) -> Result<(), EngineError> {
    if held.principal == EVERYONE.into() {
        return Err(Conflict::EveryoneOnSystem.into());
    }
    let super_users = store::on(db, SYSTEM)?.into_iter().filter(|p| p.role == SUPER_USER).count();
    if held.role == SUPER_USER && super_users < 2 {
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
