//! Sessions: only hashes of their secrets are kept.

use crate::db::Db;
use crate::db::schema::{session, users};
use crate::model::clock::Timestamp;
use crate::model::ids::{SessionId, UserId};
use crate::model::user::{SessionKind, SessionView, SignInMethod};
use diesel::prelude::*;

/// A session with whose it is.
#[derive(Debug, Clone, Queryable)]
pub struct SessionRow {
    pub id: SessionId,
    pub user: UserId,
    pub user_name: String,
    pub domain: String,
    pub created: Timestamp,
    pub last_active: Timestamp,
}

type Columns = (session::id, session::user_id, users::user_name, users::domain, session::created, session::last_active);
const COLUMNS: Columns =
    (session::id, session::user_id, users::user_name, users::domain, session::created, session::last_active);

/// The session with this secret's hash.
pub fn find(db: &mut Db, secret_hash: &str) -> QueryResult<Option<SessionRow>> {
    session::table
        .inner_join(users::table)
        .filter(session::secret_hash.eq(secret_hash))
        .select(COLUMNS)
        .first(db)
        .optional()
}

/// The session of this id.
pub fn by_id(db: &mut Db, id: SessionId) -> QueryResult<Option<SessionRow>> {
    session::table.inner_join(users::table).filter(session::id.eq(id)).select(COLUMNS).first(db).optional()
}

/// A session to be kept.
#[derive(Debug, Clone, Copy)]
pub struct NewSession<'a> {
    pub id: SessionId,
    pub secret_hash: &'a str,
    pub user: UserId,
    pub kind: SessionKind,
    pub method: SignInMethod,
    pub source_ip: &'a str,
}

/// Opens one.
pub fn insert(db: &mut Db, new: &NewSession<'_>, now: Timestamp) -> QueryResult<()> {
    diesel::insert_into(session::table)
        .values((
            session::id.eq(new.id),
            session::secret_hash.eq(new.secret_hash),
            session::user_id.eq(new.user),
            session::kind.eq(new.kind),
            session::method.eq(new.method),
            session::source_ip.eq(new.source_ip),
            session::created.eq(now),
            session::last_active.eq(now),
        ))
        .execute(db)
        .map(drop)
}

type Listed = (SessionId, (UserId, String, String), SessionKind, SignInMethod, (String, Timestamp, Timestamp));

/// Open sessions, of one user or of all, newest first; which of them have consoles open is not known here.
pub fn list(db: &mut Db, of: Option<UserId>) -> QueryResult<Vec<SessionView>> {
    let columns = (
        session::id,
        (session::user_id, users::user_name, users::domain),
        session::kind,
        session::method,
        (session::source_ip, session::created, session::last_active),
    );
    let all = session::table.inner_join(users::table).select(columns).order(session::created.desc());
    let rows: Vec<Listed> = match of {
        Some(user) => all.filter(session::user_id.eq(user)).load(db)?,
        None => all.load(db)?,
    };
    let view = |(id, (user, user_name, domain), kind, method, (source_ip, created, last_active)): Listed| SessionView {
        id,
        user,
        user_name,
        domain,
        kind,
        method,
        source_ip,
        created,
        last_active,
        consoles: 0,
    };
    Ok(rows.into_iter().map(view).collect())
}

/// Moves its idle time.
pub fn touch(db: &mut Db, id: SessionId, now: Timestamp) -> QueryResult<()> {
    diesel::update(session::table.find(id)).set(session::last_active.eq(now)).execute(db).map(drop)
}

/// Ends it.
pub fn remove(db: &mut Db, id: SessionId) -> QueryResult<()> {
    diesel::delete(session::table.find(id)).execute(db).map(drop)
}

/// Ends all of a user.
pub fn remove_all_of(db: &mut Db, user: UserId) -> QueryResult<()> {
    diesel::delete(session::table.filter(session::user_id.eq(user))).execute(db).map(drop)
}

/// Ends all that were idle since `idle` or opened before `oldest`.
pub fn purge(db: &mut Db, idle: Option<Timestamp>, oldest: Timestamp) -> QueryResult<Vec<SessionId>> {
    let too_old = session::created.lt(oldest);
    let gone: Vec<SessionId> = match idle {
        Some(idle) => session::table.filter(session::last_active.lt(idle).or(too_old)).select(session::id).load(db)?,
        None => session::table.filter(too_old).select(session::id).load(db)?,
    };
    diesel::delete(session::table.filter(session::id.eq_any(&gone))).execute(db)?;
    Ok(gone)
}

/// Which of these are still open.
pub fn alive(db: &mut Db, ids: &[SessionId]) -> QueryResult<Vec<SessionId>> {
    session::table.filter(session::id.eq_any(ids)).select(session::id).load(db)
}
