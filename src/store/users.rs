//! Users and groups.

use crate::db::Db;
use crate::db::schema::{permission, users};
use crate::model::clock::Timestamp;
use crate::model::ids::{PrincipalId, UserId};
use crate::model::user::UserView;
use diesel::prelude::*;

type Row = (
    (UserId, String, String, String, String, String),
    (bool, bool, Option<Timestamp>, Option<Timestamp>, String, Option<Timestamp>),
);
type Columns = (
    (users::id, users::user_name, users::domain, users::first_name, users::last_name, users::email),
    (
        users::disabled,
        users::active,
        users::locked_until,
        users::locked_at,
        users::last_failure_ip,
        users::last_sign_in,
    ),
);
const COLUMNS: Columns = (
    (users::id, users::user_name, users::domain, users::first_name, users::last_name, users::email),
    (
        users::disabled,
        users::active,
        users::locked_until,
        users::locked_at,
        users::last_failure_ip,
        users::last_sign_in,
    ),
);

fn view((who, state): Row) -> UserView {
    let (id, user_name, domain, first_name, last_name, email) = who;
    let (disabled, active, locked_until, locked_at, last_failure_ip, last_sign_in) = state;
    UserView {
        id,
        user_name,
        domain,
        first_name,
        last_name,
        email,
        disabled,
        active,
        locked_until,
        locked_at,
        last_failure_ip,
        last_sign_in,
    }
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

/// These users.
pub fn by_ids(db: &mut Db, ids: &[UserId]) -> QueryResult<Vec<UserView>> {
    let rows: Vec<Row> = users::table.filter(users::id.eq_any(ids)).select(COLUMNS).load(db)?;
    Ok(rows.into_iter().map(view).collect())
}

/// A user to be kept.
#[derive(Debug, Clone, Default)]
pub struct NewUserRow<'a> {
    pub user_name: &'a str,
    pub domain: &'a str,
    pub first_name: &'a str,
    pub last_name: &'a str,
    pub email: &'a str,
    /// None: he cannot sign in before he gets one.
    pub password_hash: Option<&'a str>,
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
            users::password_hash.eq(new.password_hash),
            users::failures.eq(0),
            users::created.eq(now),
        ))
        .execute(db)?;
    super::ancestors::set(db, id.object(), &[])
}

/// Removes a user with his permissions and sessions.
pub fn remove(db: &mut Db, id: UserId) -> QueryResult<bool> {
    diesel::delete(permission::table.filter(permission::principal_id.eq(PrincipalId::from(id)))).execute(db)?;
    super::groups::forget(db, id.into())?;
    super::ancestors::remove(db, id.object())?;
    Ok(diesel::delete(users::table.find(id)).execute(db)? == 1)
}
