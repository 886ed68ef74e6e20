//! A class as its teacher sees it.

use super::admit_to;
use crate::auth;
use crate::db::Db;
use crate::engine::vms::{Screen, Size, picture_of, state};
use crate::engine::{Cx, EngineError};
use crate::model::class::{ClassMay, ClassView, Student};
use crate::model::console::Entry;
use crate::model::ids::{ObjectId, PoolId, VmId};
use crate::model::permission::ObjectKind;
use crate::model::pool::PoolView;
use crate::model::role::{Action, Actions};
use crate::model::vm::{VmAction, VmStatus, VmView};
use crate::store::class::seats::{self, Whose};
use crate::store::scope::Scope;
use crate::store::{permissions, pools, vms};

/// Whether the actor has a class somewhere.
///
/// # Errors
/// The database failed.
pub async fn teaches(cx: &Cx) -> Result<bool, EngineError> {
    let principals = cx.actor.principals.clone();
    let asked = Action::WatchClass;
    cx.engine.db.read(move |db| Ok(permissions::somewhere(db, &principals, asked, ObjectKind::Pool)?)).await
}

/// The pools that are classes of the actor's.
///
/// # Errors
/// The database failed.
pub async fn list(cx: &Cx) -> Result<Vec<PoolView>, EngineError> {
    let inner = cx.clone();
    cx.engine
        .db
        .read(move |db| {
            let mut all = pools::list(db, &Scope::All, inner.actor.user)?;
            let ids: Vec<ObjectId> = all.iter().map(|pool| pool.id.object()).collect();
            let allowed = auth::actions_on(db, &inner.actor, &ids)?;
            all.retain(|pool| allowed.get(&pool.id.object()).is_some_and(|a| a.contains(Action::WatchClass)));
            Ok(all)
        })
        .await
}

/// A class, its students by name.
///
/// # Errors
/// Refused, hidden, or the database failed.
pub async fn get(cx: &Cx, pool: PoolId) -> Result<ClassView, EngineError> {
    let inner = cx.clone();
    cx.engine.db.read(move |db| read(&inner, db, pool)).await
}

fn read(cx: &Cx, db: &mut Db, id: PoolId) -> Result<ClassView, EngineError> {
    auth::check(db, &cx.actor, Action::WatchClass, id.object())?;
    let none = || EngineError::NotFound { kind: "pool", id: id.to_string() };
    let pool = pools::get(db, id, cx.actor.user)?.ok_or_else(none)?;
    let now = cx.engine.clock.now();
    let rows = vms::list::of_pool(db, &Scope::All, id)?;
    let coming = [VmStatus::WaitForLaunch, VmStatus::PoweringUp, VmStatus::RebootInProgress, VmStatus::RestoringState];
    let starting = rows.iter().filter(|row| coming.contains(&row.status)).count();
    let seats = seats::seats(db, Whose::Pool(id))?;
    let users: Vec<_> = seats.iter().map(|seat| seat.user).collect();
    let names = seats::full_names(db, &users)?;
    let mut holders = pools::holders(db, id)?;
    let locked_until = seats::pool_lock(db, id)?.filter(|until| *until > now);
    let mut students = Vec::new();
    for vm in rows {
        let Some(seat) = seats.iter().find(|seat| seat.vm == vm.id) else { continue };
        let Some(holder) = holders.remove(&vm.id) else { continue };
        students.push(Student {
            full_name: names.get(&seat.user).cloned().unwrap_or_else(|| holder.name.clone()),
            watchers: cx.engine.consoles.watchers(vm.id),
            holder,
            hand: seat.hand,
            locked_until: seat.locked_until.filter(|until| *until > now),
            vm,
        });
    }
    students.sort_by_cached_key(|student| (student.full_name.to_lowercase(), student.vm.name.clone()));
    let permits = auth::actions_on(db, &cx.actor, &[id.object()])?.remove(&id.object()).unwrap_or_default();
    let starting = u32::try_from(starting).unwrap_or(u32::MAX);
    Ok(ClassView { pool, students, starting, locked_until, may: may(permits) })
}

const fn may(permits: Actions) -> ClassMay {
    ClassMay {
        help: permits.contains(Action::HelpClass),
        message: permits.contains(Action::MessageClass),
        give: permits.contains(Action::GiveToClass),
        lock: permits.contains(Action::LockClass),
        reset: permits.contains(Action::ResetClass),
    }
}

/// What a student's screen shows.
///
/// # Errors
/// Refused, hidden, nobody has the VM, it does not run, or its host is away.
pub async fn picture(cx: &Cx, pool: PoolId, vm: VmId, size: Size) -> Result<Screen, EngineError> {
    let inner = cx.clone();
    let run = cx
        .engine
        .db
        .read(move |db| {
            admit_to(&inner, db, pool, vm, Action::WatchClass)?;
            state::load(db, vm)
        })
        .await?;
    picture_of(&cx.engine, &run, size).await
}

/// The permit by which a teacher comes to a console.
pub(in crate::engine) const fn permit(entry: Entry) -> Action {
    match entry {
        Entry::Own => Action::ConnectToVm,
        Entry::Watch => Action::WatchClass,
        Entry::Help => Action::HelpClass,
    }
}

/// A student's VM, for a console that the actor opens as a teacher.
///
/// # Errors
/// Refused, hidden, nobody has the VM, or the database failed.
pub async fn seat(cx: &Cx, vm: VmId, entry: Entry) -> Result<(VmView, PoolId), EngineError> {
    let inner = cx.clone();
    cx.engine
        .db
        .read(move |db| {
            let seat = super::admit(&inner, db, vm, permit(entry))?;
            let none = || EngineError::NotFound { kind: "VM", id: vm.to_string() };
            let mut view = vms::get::get(db, vm)?.ok_or_else(none)?;
            view.watchers = inner.engine.consoles.watchers(vm);
            if view.row.status.allows(VmAction::Console) {
                view.row.can.push(VmAction::Console);
            }
            Ok((view, seat.pool))
        })
        .await
}
