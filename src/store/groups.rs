//! Groups: of users, and of groups.

use crate::db::Db;
use crate::db::schema::{group_member, permission, user_group, users};
use crate::model::ids::{EVERYONE, GroupId, PrincipalId, UserId};
use crate::model::user::GroupView;
use diesel::prelude::*;
use std::collections::HashSet;

/// All groups by name.
pub fn list(db: &mut Db) -> QueryResult<Vec<GroupView>> {
    let columns = (user_group::id, user_group::name, user_group::domain, user_group::description, user_group::active);
    let rows: Vec<(GroupId, String, String, String, bool)> =
        user_group::table.select(columns).order(user_group::name).load(db)?;
    let view = |(id, name, domain, description, active)| GroupView { id, name, domain, description, active };
    Ok(rows.into_iter().map(view).collect())
}

/// Adds a group; the name must be free (unique violation).
pub fn insert(db: &mut Db, group: &GroupView) -> QueryResult<()> {
    diesel::insert_into(user_group::table)
        .values((
            user_group::id.eq(group.id),
            user_group::name.eq(&group.name),
            user_group::domain.eq(&group.domain),
            user_group::description.eq(&group.description),
        ))
        .execute(db)?;
    super::ancestors::set(db, group.id.object(), &[])
}

/// Changes name and description.
pub fn update(db: &mut Db, id: GroupId, name: &str, description: &str) -> QueryResult<()> {
    diesel::update(user_group::table.find(id))
        .set((user_group::name.eq(name), user_group::description.eq(description)))
        .execute(db)
        .map(drop)
}

/// Removes a group with its permissions.
pub fn remove(db: &mut Db, id: GroupId) -> QueryResult<()> {
    diesel::delete(permission::table.filter(permission::principal_id.eq(PrincipalId::from(id)))).execute(db)?;
    forget(db, id.into())?;
    super::ancestors::remove(db, id.object())?;
    diesel::delete(user_group::table.find(id)).execute(db).map(drop)
}

/// Takes a user or group out of all groups.
pub fn forget(db: &mut Db, member: PrincipalId) -> QueryResult<()> {
    diesel::delete(group_member::table.filter(group_member::member_id.eq(member))).execute(db).map(drop)
}

/// Puts a user or group into a group. False: it is in there.
pub fn add_member(db: &mut Db, group: GroupId, member: PrincipalId) -> QueryResult<bool> {
    let found: i64 = group_member::table.find((group, member)).count().get_result(db)?;
    if found > 0 {
        return Ok(false);
    }
    diesel::insert_into(group_member::table)
        .values((group_member::group_id.eq(group), group_member::member_id.eq(member)))
        .execute(db)?;
    Ok(true)
}

/// Takes a user or group out of a group. False: it was not in there.
pub fn remove_member(db: &mut Db, group: GroupId, member: PrincipalId) -> QueryResult<bool> {
    Ok(diesel::delete(group_member::table.find((group, member))).execute(db)? == 1)
}

/// The users and the groups directly in a group, by name.
pub fn members(db: &mut Db, group: GroupId) -> QueryResult<(Vec<String>, Vec<String>)> {
    let inside: Vec<PrincipalId> =
        group_member::table.filter(group_member::group_id.eq(group)).select(group_member::member_id).load(db)?;
    let people: Vec<UserId> = inside.iter().map(|p| UserId(p.0)).collect();
    let groups: Vec<GroupId> = inside.iter().map(|p| GroupId(p.0)).collect();
    let people = users::table.filter(users::id.eq_any(people)).select(users::user_name).order(users::user_name);
    let groups =
        user_group::table.filter(user_group::id.eq_any(groups)).select(user_group::name).order(user_group::name);
    Ok((people.load(db)?, groups.load(db)?))
}

/// Everything that `member` is in, through other groups, too; a circle of groups ends where it began.
pub fn of(db: &mut Db, member: PrincipalId) -> QueryResult<Vec<GroupId>> {
    let (mut found, mut fresh) = (HashSet::new(), vec![member]);
    while !fresh.is_empty() {
        let above: Vec<GroupId> = group_member::table
            .filter(group_member::member_id.eq_any(&fresh))
            .select(group_member::group_id)
            .distinct()
            .load(db)?;
        fresh = above.into_iter().filter(|g| *g != EVERYONE && found.insert(*g)).map(PrincipalId::from).collect();
    }
    Ok(found.into_iter().collect())
}
