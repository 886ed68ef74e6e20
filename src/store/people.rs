//! Users and groups as lists show them: searched, sorted and cut out by the database, however many there are.

use super::search::{Fields, TAG, conditions, order};
use super::vms::list::ListError;
use crate::db::Db;
use crate::db::dialect::DynamicQuery;
use crate::db::schema::user_group;
use crate::model::clock::Timestamp;
use crate::model::ids::{EVERYONE, GroupId, PrincipalId, UserId};
use crate::model::page::{ListQuery, Page};
use crate::model::permission::Principal;
use crate::model::search::{Op, Search, paging};
use crate::model::user::{GroupView, UserView};
use diesel::prelude::*;
use diesel::sql_types::{Bool, Text};
use std::collections::HashMap;

const USERS: Fields<'static> = &[
    ("name", "user_name"),
    ("usrname", "user_name"),
    ("principal", "user_name || '@' || domain"),
    ("firstname", "first_name"),
    ("lastname", "last_name"),
    ("email", "email"),
    ("department", "department"),
    ("domain", "domain"),
    ("tag", TAG),
    ("id", "id"),
];
const GROUPS: Fields<'static> =
    &[("name", "name"), ("domain", "domain"), ("description", "description"), ("tag", TAG), ("id", "id")];

#[derive(QueryableByName)]
struct Found {
    #[diesel(sql_type = Text)]
    id: PrincipalId,
}

/// Ids of a page of a table's rows, and how many rows match.
fn found(
    db: &mut Db,
    table: &str,
    list: &str,
    fields: Fields<'_>,
    query: &ListQuery,
) -> Result<Page<PrincipalId>, ListError> {
    let search = Search::parse(&query.search, list)?;
    let mut rows = DynamicQuery::new(&format!("select id from {table}"));
    conditions(&mut rows, &search, fields)?;
    order(&mut rows, &search, query, fields)?;
    let mut all = DynamicQuery::new(&format!("select count(*) as n from {table}"));
    conditions(&mut all, &search, fields)?;
    let (page, per_page) = paging(&search, query);
    Ok(Page {
        rows: rows.load::<Found>(db)?.into_iter().map(|row| row.id).collect(),
        total: u64::try_from(all.count(db)?).unwrap_or_default(),
        page,
        per_page,
        fields: fields.iter().map(|f| f.0).collect(),
    })
}

/// A page of the users that match.
///
/// # Errors
/// The search is not understood, or the database failed.
pub fn users(db: &mut Db, query: &ListQuery, now: Timestamp) -> Result<Page<UserView>, ListError> {
    // Both databases read a timestamp in this form.
    let locked = format!("case when locked_until > '{now}' then 'true' else 'false' end");
    let fields: Vec<_> = USERS.iter().copied().chain([("locked", locked.as_str())]).collect();
    let page = found(db, "users", "Users", &fields, query)?;
    let ids: Vec<UserId> = page.rows.iter().map(|id| UserId(id.0)).collect();
    let mut views: HashMap<UserId, UserView> = super::users::by_ids(db, &ids)?.into_iter().map(|u| (u.id, u)).collect();
    let rows = ids.iter().filter_map(|id| views.remove(id)).collect();
    Ok(Page { rows, total: page.total, page: page.page, per_page: page.per_page, fields: page.fields })
}

/// A page of the groups that match.
///
/// # Errors
/// The search is not understood, or the database failed.
pub fn groups(db: &mut Db, query: &ListQuery) -> Result<Page<GroupView>, ListError> {
    let page = found(db, "user_group", "Groups", GROUPS, query)?;
    let ids: Vec<GroupId> = page.rows.iter().map(|id| GroupId(id.0)).collect();
    let mut views: HashMap<GroupId, GroupView> =
        super::groups::by_ids(db, &ids)?.into_iter().map(|g| (g.id, g)).collect();
    let rows = ids.iter().filter_map(|id| views.remove(id)).collect();
    Ok(Page { rows, total: page.total, page: page.page, per_page: page.per_page, fields: page.fields })
}

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = Text)]
    id: PrincipalId,
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = Text)]
    about: String,
    #[diesel(sql_type = Bool)]
    is_group: bool,
    #[diesel(sql_type = Bool)]
    active: bool,
}

const PRINCIPALS: &str = "select * from (select id, user_name || '@' || domain as name, first_name || ' ' || last_name as about, \
    false as is_group, active from users union all select id, name || '@' || domain as name, description as about, true as is_group, \
    active from user_group) found where ";

/// Users and groups with this in their names, whoever has just this name first; at most `limit`.
pub fn principals(db: &mut Db, text: &str, limit: u32) -> QueryResult<Vec<Principal>> {
    let text = text.trim().to_lowercase();
    let mut q = DynamicQuery::new(PRINCIPALS);
    super::search::compare(&mut q, "name", Op::Is, &format!("*{text}*"));
    q.push(" or ");
    super::search::compare(&mut q, "about", Op::Is, &format!("*{text}*"));
    q.push(" order by case when lower(name) = ")
        .bind(text)
        .push(&format!(" then 0 else 1 end, name, id limit {limit}"));
    Ok(q.load::<Row>(db)?.into_iter().map(principal).collect())
}

/// One of them.
pub fn principal_of(db: &mut Db, id: PrincipalId) -> QueryResult<Option<Principal>> {
    let mut q = DynamicQuery::new(PRINCIPALS);
    q.push("id = ").bind(id.to_string());
    Ok(q.load::<Row>(db)?.pop().map(principal))
}

fn principal(row: Row) -> Principal {
    let everyone = row.id == EVERYONE.into();
    let name = if everyone { "Everyone".to_owned() } else { row.name };
    Principal { id: row.id, name, about: row.about.trim().to_owned(), is_group: row.is_group, active: row.active }
}

/// The names of these groups.
pub fn group_names(db: &mut Db, ids: &[GroupId]) -> QueryResult<HashMap<GroupId, String>> {
    let rows: Vec<(GroupId, String, String)> = user_group::table
        .filter(user_group::id.eq_any(ids))
        .select((user_group::id, user_group::name, user_group::domain))
        .load(db)?;
    let name =
        |id: GroupId, name: String, domain: String| if id == EVERYONE { name } else { format!("{name}@{domain}") };
    Ok(rows.into_iter().map(|(id, n, domain)| (id, name(id, n, domain))).collect())
}
