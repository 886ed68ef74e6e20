//! Locked screens: the consoles of a class are closed and none is opened until the lock ends. It is kept in the database, so a script that
//! asks by itself, another browser or a restart change nothing. A teacher's own consoles go on.

use super::{about, about_pool, admit_to, changed};
use crate::auth::{self, Actor, AuthError};
use crate::db::Db;
use crate::engine::changes::Topic;
use crate::engine::{Cx, Engine, EngineError};
use crate::model::class::LOCK;
use crate::model::conflict::Conflict;
use crate::model::event::EventCode;
use crate::model::ids::{PoolId, VmId};
use crate::model::permission::ObjectKind;
use crate::model::role::Action;
use crate::store::class::seats::{self, Whose};
use std::sync::Arc;

/// Whether the VM's screen is locked for this person.
pub(in crate::engine) fn locks(engine: &Engine, db: &mut Db, actor: &Actor, vm: VmId) -> Result<bool, EngineError> {
    let seats = seats::seats(db, Whose::Vm(vm))?;
    let Some(seat) = seats.first().filter(|seat| seat.locked(engine.clock.now()).is_some()) else { return Ok(false) };
    match auth::check(db, actor, Action::LockClass, seat.pool.object()) {
        Ok(()) => Ok(false),
        Err(AuthError::Hidden { .. } | AuthError::Forbidden { .. }) => Ok(true),
        Err(error) => Err(error.into()),
    }
}

/// Whether the VM's screen is locked for the actor.
///
/// # Errors
/// The database failed.
pub async fn locked(cx: &Cx, vm: VmId) -> Result<bool, EngineError> {
    let inner = cx.clone();
    cx.engine.db.read(move |db| locks(&inner.engine, db, &inner.actor, vm)).await
}

/// # Errors
/// The screen is locked for the actor.
pub(in crate::engine) fn not_locked(cx: &Cx, db: &mut Db, vm: VmId, name: &str) -> Result<(), EngineError> {
    if locks(&cx.engine, db, &cx.actor, vm)? {
        return Err(Conflict::ScreenLocked { vm: name.to_owned() }.into());
    }
    Ok(())
}

/// Locks the screens of all who have a VM of the pool, and of who takes one later, or unlocks them.
///
/// # Errors
/// Refused, hidden, or the database failed.
pub async fn lock_all(cx: &Cx, pool: PoolId, on: bool) -> Result<(), EngineError> {
    let inner = cx.clone();
    let work = move |db: &mut Db| {
        auth::check(db, &inner.actor, Action::LockClass, pool.object())?;
        let until = on.then(|| inner.engine.clock.now() + LOCK);
        let about = about_pool(db, pool)?;
        seats::lock_all(db, pool, until)?;
        let code = if on { EventCode::ClassLocked } else { EventCode::ClassUnlocked };
        told(&inner.engine, pool);
        inner.tell(db, code, about, "")
    };
    cx.engine.db.write(work).await?;
    cx.engine.consoles.recheck(&cx.engine).await
}

/// Locks one screen of the class, or unlocks it.
///
/// # Errors
/// Refused, hidden, nobody has the VM, or the database failed.
pub async fn lock_one(cx: &Cx, pool: PoolId, vm: VmId, on: bool) -> Result<(), EngineError> {
    let inner = cx.clone();
    let work = move |db: &mut Db| {
        let seat = admit_to(&inner, db, pool, vm, Action::LockClass)?;
        seats::lock_one(db, vm, on.then(|| inner.engine.clock.now() + LOCK))?;
        let code = if on { EventCode::ScreenLocked } else { EventCode::ScreenUnlocked };
        told(&inner.engine, pool);
        inner.tell(db, code, about(&seat), "")
    };
    cx.engine.db.write(work).await?;
    cx.engine.consoles.recheck(&cx.engine).await
}

/// What VMs' pages show of consoles is something else now.
fn told(engine: &Engine, pool: PoolId) {
    changed(engine, pool);
    engine.changed(Topic::Object(ObjectKind::Vm), None);
}

/// Takes locks away that are over.
pub(super) async fn end_locks(engine: &Arc<Engine>) -> Result<(), EngineError> {
    let now = engine.clock.now();
    if !engine.db.read(move |db| Ok::<_, EngineError>(seats::locks_to_end(db, now)?)).await? {
        return Ok(());
    }
    engine.db.write(move |db| Ok::<_, EngineError>(seats::end_locks(db, now)?)).await?;
    engine.changes.tell(Topic::Class, None);
    engine.changes.tell(Topic::Object(ObjectKind::Vm), None);
    Ok(())
}
