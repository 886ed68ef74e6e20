//! Own roles come, change and go.

use crate::auth;
use crate::db::Db;
use crate::engine::changes::Topic;
use crate::engine::permissions::is_super_user;
use crate::engine::{Cx, EngineError};
use crate::model::conflict::Conflict;
use crate::model::event::{About, EventCode};
use crate::model::ids::{RoleId, SYSTEM};
use crate::model::permission::ObjectKind;
use crate::model::role::{Action, MAX_DESCRIPTION, MAX_NAME, RoleConfig, RoleView};
use crate::model::valid::{self, Invalid, Problem};
use crate::store::permissions::{self, Wanted};
use crate::store::roles as store;

/// A change; None stays as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Edit {
    pub name: Option<String>,
    pub description: Option<String>,
    /// It cannot be changed; given otherwise, it is refused.
    pub admin: Option<bool>,
    pub views_children: Option<bool>,
    pub actions: Option<Vec<Action>>,
    /// What was read before: somebody else's change in between is not lost.
    pub generation: Option<i64>,
}

/// Adds an own role.
///
/// # Errors
/// Refused, invalid, the name is taken, or the database failed.
pub async fn add(cx: &Cx, new: RoleConfig) -> Result<RoleId, EngineError> {
    let inner = cx.clone();
    cx.engine
        .db
        .write(move |db| {
            may(&inner, db, new.admin, &new.name)?;
            let new = checked(db, new, None)?;
            let id = RoleId::random();
            store::insert(db, id, &new)?;
            told(&inner, db, id, EventCode::RoleAdded, &new.name)?;
            Ok(id)
        })
        .await
}

/// Changes an own role; whoever loses a permit by it loses it at once.
///
/// # Errors
/// Refused, invalid, predefined, changed by somebody else meanwhile, or the database failed.
pub async fn edit(cx: &Cx, id: RoleId, change: Edit) -> Result<(), EngineError> {
    let inner = cx.clone();
    cx.engine
        .db
        .write(move |db| {
            let before = own(&inner, db, id)?;
            apply(&inner, db, before, change)
        })
        .await?;
    cx.engine.consoles.recheck(&cx.engine).await
}

/// Adds a permit to an own role, or takes it out.
///
/// # Errors
/// Refused, predefined, it has not that permit, or the database failed.
pub async fn set_permit(cx: &Cx, id: RoleId, action: Action, there: bool) -> Result<(), EngineError> {
    let inner = cx.clone();
    cx.engine
        .db
        .write(move |db| {
            let before = own(&inner, db, id)?;
            let mut actions = before.actions.clone();
            match (there, actions.iter().position(|a| *a == action)) {
                (true, Some(_)) => return Ok(()),
                (true, None) => actions.push(action),
                (false, Some(at)) => drop(actions.remove(at)),
                (false, None) => return Err(EngineError::NotFound { kind: "permit", id: action.to_string() }),
            }
            apply(&inner, db, before, Edit { actions: Some(actions), ..Edit::default() })
        })
        .await?;
    cx.engine.consoles.recheck(&cx.engine).await
}

/// Removes an own role that nobody holds.
///
/// # Errors
/// Refused, predefined, in use, or the database failed.
pub async fn remove(cx: &Cx, id: RoleId) -> Result<(), EngineError> {
    let inner = cx.clone();
    cx.engine
        .db
        .write(move |db| {
            let role = own(&inner, db, id)?;
            if let Some(holders) = holders(db, id)? {
                return Err(Conflict::RoleInUse { role: role.name, holders }.into());
            }
            store::remove(db, id)?;
            told(&inner, db, id, EventCode::RoleRemoved, &role.name)
        })
        .await
}

fn may(cx: &Cx, db: &mut Db, admin: bool, name: &str) -> Result<(), EngineError> {
    auth::check(db, &cx.actor, Action::ManipulateRoles, SYSTEM)?;
    if !admin || is_super_user(cx, db)? {
        return Ok(());
    }
    Err(Conflict::AdminRole { role: name.chars().take(MAX_NAME).collect() }.into())
}

/// The role, if it is an own one and the actor may change it.
fn own(cx: &Cx, db: &mut Db, id: RoleId) -> Result<RoleView, EngineError> {
    auth::check(db, &cx.actor, Action::ManipulateRoles, SYSTEM)?;
    let none = || EngineError::NotFound { kind: "role", id: id.to_string() };
    let role = store::get(db, id)?.ok_or_else(none)?;
    if !role.mutable {
        return Err(Conflict::RolePredefined { role: role.name }.into());
    }
    may(cx, db, role.admin, &role.name)?;
    Ok(role)
}

fn apply(cx: &Cx, db: &mut Db, before: RoleView, change: Edit) -> Result<(), EngineError> {
    if change.admin.is_some_and(|admin| admin != before.admin) {
        return Err(Conflict::RoleKind { role: before.name }.into());
    }
    let generation = change.generation.unwrap_or(before.generation);
    // Without a word on it the permits decide anew, unless they stay as they were.
    let views_children = change.views_children.or(change.actions.is_none().then_some(before.views_children));
    let new = RoleConfig {
        name: change.name.unwrap_or_else(|| before.name.clone()),
        description: change.description.unwrap_or(before.description),
        admin: before.admin,
        views_children,
        actions: change.actions.unwrap_or(before.actions),
    };
    let new = checked(db, new, Some(before.id))?;
    if !store::update(db, before.id, &new, generation)? {
        return Err(Conflict::RoleChanged { role: before.name }.into());
    }
    told(cx, db, before.id, EventCode::RoleChanged, &new.name)
}

fn checked(db: &mut Db, new: RoleConfig, own: Option<RoleId>) -> Result<RoleConfig, EngineError> {
    let mut wrong = Vec::new();
    let mut take = |result: Result<String, Invalid>| result.map_err(|one| wrong.push(one)).unwrap_or_default();
    let name = take(valid::name("name", &new.name, MAX_NAME));
    let description = take(valid::text("description", &new.description, MAX_DESCRIPTION));
    let mut actions = new.actions;
    // Whoever may do something must be able to come in.
    actions.push(Action::Login);
    actions.sort();
    actions.dedup();
    let above: Vec<&str> = actions.iter().filter(|a| !new.admin && !a.for_user_roles()).map(|a| a.as_str()).collect();
    if !above.is_empty() {
        wrong.push(Invalid::new("permits", Problem::AdminPermits { permits: above.join(", ") }));
    }
    if !name.is_empty() && store::name_taken(db, &name, own)? {
        wrong.push(Invalid::new("name", Problem::Taken { name: name.clone() }));
    }
    if !wrong.is_empty() {
        return Err(EngineError::Invalid(wrong));
    }
    let views_children = new.views_children.unwrap_or_else(|| actions.iter().any(|a| a.shows_children()));
    Ok(RoleConfig { name, description, admin: new.admin, views_children: Some(views_children), actions })
}

/// So many holders are named.
const NAMED: u64 = 10;

/// Who holds it where, in words; none: nobody.
fn holders(db: &mut Db, id: RoleId) -> Result<Option<String>, EngineError> {
    let mut wanted = Wanted { role: Some(id), ..Wanted::default() };
    let total = permissions::count(db, &wanted)?;
    wanted.part = Some((0, NAMED));
    let named = permissions::find(db, &wanted)?;
    let mut words: Vec<String> =
        named.iter().map(|p| format!("{} ({} {})", p.principal_name, p.object_kind, p.object_name)).collect();
    if total > NAMED {
        words.push(format!("+{}", total - NAMED));
    }
    Ok((total > 0).then(|| words.join(", ")))
}

fn told(cx: &Cx, db: &mut Db, id: RoleId, code: EventCode, name: &str) -> Result<(), EngineError> {
    cx.engine.changed(Topic::Object(ObjectKind::Role), Some(id.0));
    cx.tell(db, code, About::default(), name)
}
