//! People and groups that a directory or an OpenID provider keeps, as far as this engine knows them.

use crate::db::Db;
use crate::db::schema::{group_member, session, user_group, users};
use crate::model::clock::Timestamp;
use crate::model::directory::{DirectoryGroup, Person};
use crate::model::ids::{GroupId, PrincipalId, UserId};
use diesel::prelude::*;
use std::collections::HashSet;

/// Keeps what the directory says of somebody: he is found by his external id, whatever he is called now, and is in just those groups of his
/// domain that the engine knows and that he names. Somebody else who had the name has lost it: permissions go by person, not by name.
pub fn keep(db: &mut Db, domain: &str, person: &Person, now: Timestamp) -> QueryResult<UserId> {
    let name = person.user_name.to_lowercase();
    let known = find(db, domain, &person.external_id)?;
    lose_name(db, domain, &name, known)?;
    let id = match known {
        Some(id) => id,
        None => {
            let id = UserId::random();
            let new = super::users::NewUserRow { user_name: &name, domain, ..Default::default() };
            super::users::insert(db, id, &new, now)?;
            id
        }
    };
    diesel::update(users::table.find(id))
        .set((
            users::user_name.eq(&name),
            users::external_id.eq(Some(&person.external_id)),
            users::active.eq(true),
            users::first_name.eq(&person.first_name),
            users::last_name.eq(&person.last_name),
            users::email.eq(&person.email),
            users::department.eq(&person.department),
            users::title.eq(&person.title),
        ))
        .execute(db)?;
    set_groups(db, domain, id, &person.groups)?;
    Ok(id)
}

/// The user with this external id.
pub fn find(db: &mut Db, domain: &str, external_id: &str) -> QueryResult<Option<UserId>> {
    users::table
        .filter(users::domain.eq(domain))
        .filter(users::external_id.eq(external_id))
        .select(users::id)
        .first(db)
        .optional()
}

/// Whoever else has this name keeps his row (events name it) under a name that nobody signs in with, and is out.
fn lose_name(db: &mut Db, domain: &str, name: &str, but: Option<UserId>) -> QueryResult<()> {
    let holder: Option<UserId> = users::table
        .filter(users::domain.eq(domain))
        .filter(users::user_name.eq(name))
        .select(users::id)
        .first(db)
        .optional()?;
    let Some(other) = holder.filter(|id| Some(*id) != but) else { return Ok(()) };
    diesel::update(users::table.find(other))
        .set((users::user_name.eq(format!("{name} (former {other})")), users::active.eq(false)))
        .execute(db)?;
    super::sessions::remove_all_of(db, other)
}

/// The directory has him no more: he is out at once, and shown as such.
pub fn vanished(db: &mut Db, id: UserId) -> QueryResult<()> {
    diesel::update(users::table.find(id)).set(users::active.eq(false)).execute(db)?;
    super::sessions::remove_all_of(db, id)
}

/// Keeps a group that is to have permissions; known already: its name and description are brought up to date.
pub fn keep_group(db: &mut Db, domain: &str, group: &DirectoryGroup) -> QueryResult<GroupId> {
    let known: Option<GroupId> = user_group::table
        .filter(user_group::domain.eq(domain))
        .filter(user_group::external_id.eq(&group.external_id))
        .select(user_group::id)
        .first(db)
        .optional()?;
    let id = known.unwrap_or_else(GroupId::random);
    let name = free_name(db, domain, group, id)?;
    if known.is_none() {
        let view = crate::model::user::GroupView {
            id,
            name: name.clone(),
            domain: domain.to_owned(),
            description: group.description.clone(),
            active: true,
        };
        super::groups::insert(db, &view)?;
    }
    diesel::update(user_group::table.find(id))
        .set((
            user_group::name.eq(name),
            user_group::description.eq(&group.description),
            user_group::external_id.eq(Some(&group.external_id)),
            user_group::active.eq(true),
        ))
        .execute(db)?;
    Ok(id)
}

/// Two groups of a directory may have one name; then the second shows its external id, too.
fn free_name(db: &mut Db, domain: &str, group: &DirectoryGroup, id: GroupId) -> QueryResult<String> {
    let taken: i64 = user_group::table
        .filter(user_group::domain.eq(domain))
        .filter(user_group::name.eq(&group.name))
        .filter(user_group::id.ne(id))
        .count()
        .get_result(db)?;
    Ok(if taken == 0 { group.name.clone() } else { format!("{} ({})", group.name, group.external_id) })
}

/// He is in these groups of the domain, and in no other of it, as far as the engine knows them.
pub fn set_groups(db: &mut Db, domain: &str, user: UserId, groups: &[DirectoryGroup]) -> QueryResult<()> {
    for (group, is_in) in group_changes(db, domain, user, groups)? {
        if is_in {
            super::groups::add_member(db, group, user.into())?;
        } else {
            super::groups::remove_member(db, group, user.into())?;
        }
    }
    Ok(())
}

/// The known groups of the domain that he comes into (true) and leaves.
fn group_changes(
    db: &mut Db,
    domain: &str,
    user: UserId,
    groups: &[DirectoryGroup],
) -> QueryResult<Vec<(GroupId, bool)>> {
    let member = PrincipalId::from(user);
    let held: Vec<GroupId> =
        group_member::table.filter(group_member::member_id.eq(member)).select(group_member::group_id).load(db)?;
    let named: HashSet<&str> = groups.iter().map(|group| group.external_id.as_str()).collect();
    let of_domain = known_groups(db, domain)?.into_iter();
    let changes = of_domain.map(|(group, id)| (group, named.contains(id.as_str()), held.contains(&group)));
    Ok(changes.filter(|(_, is_in, was_in)| is_in != was_in).map(|(group, is_in, _)| (group, is_in)).collect())
}

/// Somebody of a directory who has been here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Known {
    pub id: UserId,
    pub external_id: String,
    pub user_name: String,
    pub active: bool,
}

impl Known {
    /// As events name him.
    pub fn full_name(&self, domain: &str) -> String {
        format!("{}@{domain}", self.user_name)
    }
}

/// Which of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Which {
    SignedIn,
    All,
}

/// People of the domain, by what the directory calls them for ever.
pub fn known(db: &mut Db, domain: &str, which: Which) -> QueryResult<Vec<Known>> {
    let rows: Vec<(UserId, Option<String>, String, bool)> = users::table
        .filter(users::domain.eq(domain))
        .filter(users::external_id.is_not_null())
        .select((users::id, users::external_id, users::user_name, users::active))
        .order(users::user_name)
        .load(db)?;
    let signed_in: HashSet<UserId> = match which {
        Which::All => HashSet::new(),
        Which::SignedIn => session::table.select(session::user_id).distinct().load(db)?.into_iter().collect(),
    };
    let known = rows.into_iter().filter(|row| which == Which::All || signed_in.contains(&row.0));
    Ok(known
        .filter_map(|(id, external_id, user_name, active)| {
            Some(Known { id, external_id: external_id?, user_name, active })
        })
        .collect())
}

/// Whether all is kept as the directory says it now.
pub fn is_current(db: &mut Db, domain: &str, id: UserId, person: &Person) -> QueryResult<bool> {
    type Row = (String, bool, String, String, String, String, String);
    let row: Option<Row> = users::table
        .find(id)
        .select((
            users::user_name,
            users::active,
            users::first_name,
            users::last_name,
            users::email,
            users::department,
            users::title,
        ))
        .first(db)
        .optional()?;
    let Some((user_name, active, first, last, email, department, title)) = row else { return Ok(true) };
    let same = user_name == person.user_name.to_lowercase()
        && active
        && (&first, &last, &email) == (&person.first_name, &person.last_name, &person.email)
        && (&department, &title) == (&person.department, &person.title);
    Ok(same && group_changes(db, domain, id, &person.groups)?.is_empty())
}

/// The domain's groups that have something, by what the directory calls them for ever.
pub fn known_groups(db: &mut Db, domain: &str) -> QueryResult<Vec<(GroupId, String)>> {
    let rows: Vec<(GroupId, Option<String>)> = user_group::table
        .filter(user_group::domain.eq(domain))
        .filter(user_group::external_id.is_not_null())
        .select((user_group::id, user_group::external_id))
        .load(db)?;
    Ok(rows.into_iter().filter_map(|(id, external_id)| Some((id, external_id?))).collect())
}

/// The directory has this group no more: it is shown as such, and nobody is in it.
pub fn group_vanished(db: &mut Db, id: GroupId) -> QueryResult<()> {
    diesel::update(user_group::table.find(id)).set(user_group::active.eq(false)).execute(db)?;
    diesel::delete(group_member::table.filter(group_member::group_id.eq(id))).execute(db).map(drop)
}
