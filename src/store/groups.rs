//! Groups: of users, and of groups.

use crate::db::Db;
use crate::db::dialect::DynamicQuery;
use crate::db::schema::{group_member, permission, user_group, users};
use crate::model::ids::{EVERYONE, GroupId, PrincipalId, UserId};
use crate::model::user::GroupView;
use diesel::prelude::*;

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

#[derive(QueryableByName)]
struct Above {
    #[diesel(sql_type = diesel::sql_types::Text)]
    id: GroupId,
}

/// Everything that `member` is in, through other groups, too; a circle of groups ends where it began.
pub fn of(db: &mut Db, member: PrincipalId) -> QueryResult<Vec<GroupId>> {
    let mut q = DynamicQuery::new("with recursive up (id) as (select group_id from group_member where member_id = ");
    q.bind(member.to_string()).push(
        " union select m.group_id from up join group_member m on m.member_id = up.id) select id from up where id <> ",
    );
    q.bind(EVERYONE.to_string());
    Ok(q.load::<Above>(db)?.into_iter().map(|row| row.id).collect())
}

/// Who is directly in which of these groups, as far as they are among `members`.
pub fn edges(db: &mut Db, members: &[PrincipalId]) -> QueryResult<Vec<(PrincipalId, GroupId)>> {
    group_member::table
        .filter(group_member::member_id.eq_any(members))
        .select((group_member::member_id, group_member::group_id))
        .load(db)
}

/// These groups.
pub fn by_ids(db: &mut Db, ids: &[GroupId]) -> QueryResult<Vec<GroupView>> {
    let columns = (user_group::id, user_group::name, user_group::domain, user_group::description, user_group::active);
    let rows: Vec<(GroupId, String, String, String, bool)> =
        user_group::table.filter(user_group::id.eq_any(ids)).select(columns).load(db)?;
    let view = |(id, name, domain, description, active)| GroupView { id, name, domain, description, active };
    Ok(rows.into_iter().map(view).collect())
}

/// One group.
pub fn get(db: &mut Db, id: GroupId) -> QueryResult<Option<GroupView>> {
    Ok(by_ids(db, &[id])?.pop())
}
