//! Users and groups.

use crate::db::Db;
use crate::db::schema::{permission, user_group, users};
use crate::model::clock::Timestamp;
use crate::model::ids::{GroupId, PrincipalId, UserId};
use crate::model::user::{GroupView, UserView};
use diesel::prelude::*;

type Row = (UserId, String, String, String, String, String, Option<Timestamp>, Option<Timestamp>);
type Columns = (
    users::id,
    users::user_name,
    users::domain,
    users::first_name,
    users::last_name,
    users::email,
    users::locked_until,
    users::last_sign_in,
);
const COLUMNS: Columns = (
    users::id,
    users::user_name,
    users::domain,
    users::first_name,
    users::last_name,
    users::email,
    users::locked_until,
    users::last_sign_in,
);

fn view(row: Row) -> UserView {
    let (id, user_name, domain, first_name, last_name, email, locked_until, last_sign_in) = row;
    UserView { id, user_name, domain, first_name, last_name, email, locked_until, last_sign_in }
}

/// All users by name.
pub fn list(db: &mut Db) -> QueryResult<Vec<UserView>> {
    let rows: Vec<Row> = users::table.select(COLUMNS).order(users::user_name).load(db)?;
    Ok(rows.into_iter().map(view).collect())
}

/// One user.
pub fn get(db: &mut Db, id: UserId) -> QueryResult<Option<UserView>> {
    let row: Option<Row> = users::table.find(id).select(COLUMNS).first(db).optional()?;
    Ok(row.map(view))
}

/// What signing in needs of a user.
#[derive(Debug, Clone, Queryable)]
pub struct Credentials {
    pub id: UserId,
    pub user_name: String,
    pub domain: String,
    pub password_hash: Option<String>,
    pub failures: i32,
    pub locked_until: Option<Timestamp>,
}

/// The user of that name; names are kept in lower case.
pub fn credentials(db: &mut Db, user_name: &str, domain: &str) -> QueryResult<Option<Credentials>> {
    users::table
        .filter(users::user_name.eq(user_name.to_lowercase()))
        .filter(users::domain.eq(domain))
        .select((
            users::id,
            users::user_name,
            users::domain,
            users::password_hash,
            users::failures,
            users::locked_until,
        ))
        .first(db)
        .optional()
}

/// What a wrong password did to an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AfterFailure {
    Open,
    LockedNow,
    /// Other guesses, under way at the same time, had locked it.
    LockedBefore,
}

/// Counts a wrong password; the `limit`th in a row locks until `until`.
pub fn count_failure(
    db: &mut Db,
    id: UserId,
    limit: i32,
    now: Timestamp,
    until: Timestamp,
) -> QueryResult<AfterFailure> {
    let open = users::locked_until.is_null().or(users::locked_until.le(now).assume_not_null());
    let counted =
        diesel::update(users::table.find(id).filter(open)).set(users::failures.eq(users::failures + 1)).execute(db)?;
    if counted == 0 {
        return Ok(AfterFailure::LockedBefore);
    }
    let locked = diesel::update(users::table.find(id).filter(users::failures.ge(limit)))
        .set((users::locked_until.eq(Some(until)), users::failures.eq(0)))
        .execute(db)?;
    Ok(if locked == 1 { AfterFailure::LockedNow } else { AfterFailure::Open })
}

/// A good password: failures are forgotten.
pub fn signed_in(db: &mut Db, id: UserId, now: Timestamp) -> QueryResult<()> {
    diesel::update(users::table.find(id))
        .set((users::failures.eq(0), users::locked_until.eq(None::<Timestamp>), users::last_sign_in.eq(Some(now))))
        .execute(db)
        .map(drop)
}

/// A user to be kept.
#[derive(Debug, Clone, Default)]
pub struct NewUserRow<'a> {
    pub user_name: &'a str,
    pub domain: &'a str,
    pub first_name: &'a str,
    pub last_name: &'a str,
    pub email: &'a str,
    pub password_hash: &'a str,
}

/// Adds a user; the name must be free (unique violation).
pub fn insert(db: &mut Db, id: UserId, new: &NewUserRow<'_>, now: Timestamp) -> QueryResult<()> {
    diesel::insert_into(users::table)
        .values((
            users::id.eq(id),
            users::user_name.eq(new.user_name.to_lowercase()),
            users::domain.eq(new.domain),
            users::first_name.eq(new.first_name),
            users::last_name.eq(new.last_name),
            users::email.eq(new.email),
            users::password_hash.eq(Some(new.password_hash)),
            users::failures.eq(0),
            users::created.eq(now),
        ))
        .execute(db)?;
    super::ancestors::set(db, id.object(), &[])
}

/// Removes a user with his permissions and sessions.
pub fn remove(db: &mut Db, id: UserId) -> QueryResult<bool> {
    diesel::delete(permission::table.filter(permission::principal_id.eq(PrincipalId::from(id)))).execute(db)?;
    super::ancestors::remove(db, id.object())?;
    Ok(diesel::delete(users::table.find(id)).execute(db)? == 1)
}

/// All groups by name.
pub fn groups(db: &mut Db) -> QueryResult<Vec<GroupView>> {
    let rows: Vec<(GroupId, String, String)> = user_group::table.order(user_group::name).load(db)?;
    Ok(rows.into_iter().map(|(id, name, domain)| GroupView { id, name, domain }).collect())
}
