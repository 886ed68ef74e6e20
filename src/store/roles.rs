//! Roles and their permits.

use crate::db::schema::{permission, role, role_permit};
use crate::db::{Db, MultiBackend};
use crate::model::ids::RoleId;
use crate::model::predefined_roles::{PREDEFINED, Predefined};
use crate::model::role::{Action, RoleConfig, RoleView};
use diesel::prelude::*;
use std::collections::HashMap;

type Row = (RoleId, String, String, bool, bool, bool, i64);

/// All roles with their actions, by name.
pub fn list(db: &mut Db) -> QueryResult<Vec<RoleView>> {
    found(db, None)
}

/// One role.
pub fn get(db: &mut Db, id: RoleId) -> QueryResult<Option<RoleView>> {
    Ok(found(db, Some(id))?.pop())
}

fn found(db: &mut Db, only: Option<RoleId>) -> QueryResult<Vec<RoleView>> {
    let mut roles = role::table
        .select((
            role::id,
            role::name,
            role::description,
            role::is_admin,
            role::mutable,
            role::views_children,
            role::generation,
        ))
        .order(role::name)
        .into_boxed::<MultiBackend>();
    let mut permits = role_permit::table.into_boxed::<MultiBackend>();
    if let Some(id) = only {
        roles = roles.filter(role::id.eq(id));
        permits = permits.filter(role_permit::role_id.eq(id));
    }
    let mut actions: HashMap<RoleId, Vec<Action>> = HashMap::new();
    let rows: Vec<Row> = roles.load(db)?;
    for (id, action) in permits.load::<(RoleId, Action)>(db)? {
        actions.entry(id).or_default().push(action);
    }
    Ok(rows
        .into_iter()
        .map(|(id, name, description, admin, mutable, views_children, generation)| {
            let mut own = actions.remove(&id).unwrap_or_default();
            own.sort();
            RoleView { id, name, description, admin, mutable, views_children, generation, actions: own }
        })
        .collect())
}

/// Those with this permit, by name: id, name, whether for administrators.
pub fn with_permit(db: &mut Db, action: Action) -> QueryResult<Vec<(RoleId, String, bool)>> {
    role::table
        .inner_join(role_permit::table)
        .filter(role_permit::action.eq(action))
        .select((role::id, role::name, role::is_admin))
        .order(role::name)
        .load(db)
}

/// Another role has this name, in whatever case.
pub fn name_taken(db: &mut Db, name: &str, but: Option<RoleId>) -> QueryResult<bool> {
    let all: Vec<(RoleId, String)> = role::table.select((role::id, role::name)).load(db)?;
    Ok(all.iter().any(|(id, other)| Some(*id) != but && other.eq_ignore_ascii_case(name)))
}

/// Adds an own role.
pub fn insert(db: &mut Db, id: RoleId, new: &RoleConfig) -> QueryResult<()> {
    diesel::insert_into(role::table)
        .values((
            role::id.eq(id),
            role::name.eq(&new.name),
            role::description.eq(&new.description),
            role::is_admin.eq(new.admin),
            role::views_children.eq(new.views_children.unwrap_or_default()),
            role::mutable.eq(true),
        ))
        .execute(db)?;
    super::ancestors::set(db, id.object(), &[])?;
    set_permits(db, id, &new.actions)
}

/// Changes an own role that is still as it was read; false: somebody else was faster.
pub fn update(db: &mut Db, id: RoleId, new: &RoleConfig, generation: i64) -> QueryResult<bool> {
    let changed = diesel::update(role::table.find(id))
        .filter(role::generation.eq(generation))
        .filter(role::mutable)
        .set((
            role::name.eq(&new.name),
            role::description.eq(&new.description),
            role::views_children.eq(new.views_children.unwrap_or_default()),
            role::generation.eq(generation + 1),
        ))
        .execute(db)?;
    if changed == 1 {
        set_permits(db, id, &new.actions)?;
    }
    Ok(changed == 1)
}

fn set_permits(db: &mut Db, id: RoleId, actions: &[Action]) -> QueryResult<()> {
    diesel::delete(role_permit::table.filter(role_permit::role_id.eq(id))).execute(db)?;
    for action in actions {
        diesel::insert_into(role_permit::table)
            .values((role_permit::role_id.eq(id), role_permit::action.eq(action)))
            .execute(db)?;
    }
    Ok(())
}

/// Removes an own role that nobody holds; false: it is predefined or gone.
pub fn remove(db: &mut Db, id: RoleId) -> QueryResult<bool> {
    diesel::delete(permission::table.filter(permission::object_id.eq(id.object()))).execute(db)?;
    super::ancestors::remove(db, id.object())?;
    Ok(diesel::delete(role::table.find(id)).filter(role::mutable).execute(db)? == 1)
}

/// Makes the predefined roles, or mends them where an older engine had them otherwise.
pub fn predefined(db: &mut Db) -> QueryResult<()> {
    let known: HashMap<RoleId, RoleView> = list(db)?.into_iter().map(|role| (role.id, role)).collect();
    for wanted in PREDEFINED {
        match known.get(&wanted.id) {
            None => make(db, wanted)?,
            Some(have) => {
                let mut actions = wanted.actions();
                actions.sort();
                if have.actions != actions {
                    set_permits(db, wanted.id, &actions)?;
                }
                if (have.admin, have.views_children) != (wanted.admin, wanted.views_children) {
                    diesel::update(role::table.find(wanted.id))
                        .set((role::is_admin.eq(wanted.admin), role::views_children.eq(wanted.views_children)))
                        .execute(db)?;
                }
            }
        }
    }
    Ok(())
}

fn make(db: &mut Db, wanted: &Predefined) -> QueryResult<()> {
    diesel::insert_into(role::table)
        .values((
            role::id.eq(wanted.id),
            role::name.eq(wanted.name),
            role::description.eq(""),
            role::is_admin.eq(wanted.admin),
            role::views_children.eq(wanted.views_children),
            role::mutable.eq(false),
        ))
        .execute(db)?;
    super::ancestors::set(db, wanted.id.object(), &[])?;
    set_permits(db, wanted.id, &wanted.actions())
}

/// As an older engine may have had a predefined role.
#[cfg(test)]
pub fn spoil(db: &mut Db, id: RoleId, config: &RoleConfig) -> QueryResult<()> {
    diesel::update(role::table.find(id)).set(role::is_admin.eq(!config.admin)).execute(db)?;
    set_permits(db, id, &config.actions)
}
