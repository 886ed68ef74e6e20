//! Accounts of the internal domain: what signing in needs, passwords and their history.

use crate::db::Db;
use crate::db::schema::{password_history, users};
use crate::model::clock::Timestamp;
use crate::model::ids::UserId;
use crate::model::internal::{LoginHours, Settings, Validity};
use crate::model::user::AccountView;
use diesel::prelude::*;

/// What signing in needs of a user.
#[derive(Debug, Clone)]
pub struct Account {
    pub id: UserId,
    pub user_name: String,
    pub domain: String,
    pub password_hash: Option<String>,
    pub validity: Validity,
}

type Row = (
    (UserId, String, String, Option<String>),
    (bool, Option<Timestamp>, Option<Timestamp>, String),
    (Option<Timestamp>, bool, Option<Timestamp>),
);

/// The account of that name; names are kept in lower case.
pub fn find(db: &mut Db, user_name: &str, domain: &str) -> QueryResult<Option<Account>> {
    let row: Option<Row> = users::table
        .filter(users::user_name.eq(user_name.to_lowercase()))
        .filter(users::domain.eq(domain))
        .select((
            (users::id, users::user_name, users::domain, users::password_hash),
            (users::disabled, users::valid_from, users::valid_to, users::login_hours),
            (users::password_valid_to, users::must_change_password, users::locked_until),
        ))
        .first(db)
        .optional()?;
    Ok(row.map(account))
}

fn account(((id, user_name, domain, password_hash), when, password): Row) -> Account {
    let (disabled, valid_from, valid_to, hours) = when;
    let (password_valid_to, must_change_password, locked_until) = password;
    // What is kept was checked when it came in; hours that cannot be read let nobody in.
    let login_hours = hours.parse().unwrap_or_else(|_| LoginHours::never());
    let validity =
        Validity { disabled, valid_from, valid_to, login_hours, password_valid_to, must_change_password, locked_until };
    Account { id, user_name, domain, password_hash, validity }
}

/// The account of this id.
pub fn by_id(db: &mut Db, id: UserId) -> QueryResult<Option<Account>> {
    let Some(user) = super::users::get(db, id)? else { return Ok(None) };
    find(db, &user.user_name, &user.domain)
}

/// Everything that is known of a user of the internal domain.
pub fn view(db: &mut Db, id: UserId) -> QueryResult<Option<AccountView>> {
    let Some(user) = super::users::get(db, id)? else { return Ok(None) };
    let Some(account) = find(db, &user.user_name, &user.domain)? else { return Ok(None) };
    let (department, title, description): (String, String, String) =
        users::table.find(id).select((users::department, users::title, users::description)).first(db)?;
    let last_failure = users::table.find(id).select(users::last_failure).first(db)?;
    let within = super::groups::of(db, id.into())?;
    let all = super::groups::list(db)?;
    let groups = all.into_iter().filter(|g| within.contains(&g.id)).map(|g| g.name).collect();
    let has_password = account.password_hash.is_some();
    let validity = account.validity;
    Ok(Some(AccountView { user, department, title, description, validity, has_password, last_failure, groups }))
}

/// Keeps an account's names, texts and validity; the name must be free (unique violation).
pub fn update(db: &mut Db, account: &AccountView) -> QueryResult<()> {
    let (user, validity) = (&account.user, &account.validity);
    diesel::update(users::table.find(user.id))
        .set((
            users::user_name.eq(&user.user_name),
            users::first_name.eq(&user.first_name),
            users::last_name.eq(&user.last_name),
            users::email.eq(&user.email),
            users::department.eq(&account.department),
            users::title.eq(&account.title),
            users::description.eq(&account.description),
            users::disabled.eq(validity.disabled),
            users::valid_from.eq(validity.valid_from),
            users::valid_to.eq(validity.valid_to),
            users::login_hours.eq(validity.login_hours.as_str()),
            users::password_valid_to.eq(validity.password_valid_to),
        ))
        .execute(db)
        .map(drop)
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
    source_ip: &str,
) -> QueryResult<AfterFailure> {
    let open = users::locked_until.is_null().or(users::locked_until.le(now).assume_not_null());
    let counted = diesel::update(users::table.find(id).filter(open))
        .set((
            users::failures.eq(users::failures + 1),
            users::last_failure.eq(Some(now)),
            users::last_failure_ip.eq(source_ip),
        ))
        .execute(db)?;
    if counted == 0 {
        return Ok(AfterFailure::LockedBefore);
    }
    let locked = diesel::update(users::table.find(id).filter(users::failures.ge(limit)))
        .set((users::locked_until.eq(Some(until)), users::locked_at.eq(Some(now)), users::failures.eq(0)))
        .execute(db)?;
    Ok(if locked == 1 { AfterFailure::LockedNow } else { AfterFailure::Open })
}

/// A good password: failures are forgotten. False: since it was looked at, others' guesses locked the account or it has another one.
pub fn signed_in(db: &mut Db, account: &Account, now: Timestamp) -> QueryResult<bool> {
    let open = users::locked_until.is_null().or(users::locked_until.le(now).assume_not_null());
    let same = users::password_hash.eq(account.password_hash.clone());
    let signed_in = diesel::update(users::table.find(account.id).filter(open).filter(same))
        .set(users::last_sign_in.eq(Some(now)))
        .execute(db)?;
    if signed_in == 1 {
        unlock(db, account.id)?;
    }
    Ok(signed_in == 1)
}

/// Lets a locked account sign in again. False: it was not locked.
pub fn unlock(db: &mut Db, id: UserId) -> QueryResult<bool> {
    let was_locked: Option<Timestamp> = users::table.find(id).select(users::locked_until).first(db)?;
    let none = None::<Timestamp>;
    diesel::update(users::table.find(id))
        .set((users::failures.eq(0), users::locked_until.eq(none), users::locked_at.eq(none)))
        .execute(db)?;
    Ok(was_locked.is_some())
}

/// A password to be kept.
#[derive(Debug, Clone)]
pub struct NewPassword {
    pub hash: String,
    /// Until when it is good; None: for ever.
    pub valid_to: Option<Timestamp>,
    pub must_change: bool,
}

/// Sets the password; the former one goes to the history. Locks and failures of the former are forgotten.
pub fn set_password(db: &mut Db, id: UserId, new: &NewPassword, now: Timestamp) -> QueryResult<()> {
    let former: Option<String> = users::table.find(id).select(users::password_hash).first(db)?;
    if let Some(former) = former {
        let row = (password_history::user_id.eq(id), password_history::replaced.eq(now));
        diesel::delete(password_history::table.find((id, now))).execute(db)?;
        diesel::insert_into(password_history::table)
            .values((row.0, row.1, password_history::password_hash.eq(former)))
            .execute(db)?;
    }
    diesel::update(users::table.find(id))
        .set((
            users::password_hash.eq(Some(&new.hash)),
            users::password_valid_to.eq(new.valid_to),
            users::must_change_password.eq(new.must_change),
        ))
        .execute(db)?;
    unlock(db, id).map(drop)
}

/// The present password and the last `limit` before it; older ones are forgotten for good.
pub fn former_passwords(db: &mut Db, id: UserId, limit: u32) -> QueryResult<Vec<String>> {
    let mut all: Vec<(Timestamp, String)> = password_history::table
        .filter(password_history::user_id.eq(id))
        .select((password_history::replaced, password_history::password_hash))
        .order(password_history::replaced.desc())
        .load(db)?;
    let older = all.split_off(all.len().min(limit as usize));
    for (replaced, _) in older {
        diesel::delete(password_history::table.find((id, replaced))).execute(db)?;
    }
    let present: Option<String> = users::table.find(id).select(users::password_hash).first(db)?;
    Ok(present.into_iter().chain(all.into_iter().map(|(_, hash)| hash)).collect())
}

/// The internal domain's settings: what was never set has its default.
pub fn settings(db: &mut Db) -> QueryResult<Settings> {
    let mut settings = Settings::default();
    for (name, _) in Settings::default().all() {
        if let Some(value) = super::settings::get(db, &key(name))?
            && settings.set(name, &value).is_err()
        {
            tracing::warn!(name, value, "a setting of the internal domain cannot be read; its default holds");
        }
    }
    Ok(settings)
}

/// Keeps the internal domain's settings.
pub fn set_settings(db: &mut Db, settings: &Settings) -> QueryResult<()> {
    settings.all().into_iter().try_for_each(|(name, value)| super::settings::set(db, &key(name), &value))
}

fn key(name: &str) -> String {
    format!("internal.{name}")
}
