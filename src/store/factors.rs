//! Second factors: codes by time, recovery codes, passkeys; and sign-ins that wait for one.

use crate::db::Db;
use crate::db::schema::{passkey, pending_sign_in, recovery_code, totp};
use crate::model::clock::Timestamp;
use crate::model::factor::{Factors, PasskeyView};
use crate::model::ids::{PasskeyId, UserId};
use diesel::prelude::*;

/// What makes codes, as it is kept.
#[derive(Debug, Clone, Queryable)]
pub struct TotpRow {
    pub sealed_secret: String,
    pub confirmed: bool,
    pub last_step: i64,
    pub created: Timestamp,
}

/// A user's codes, set up or being set up.
pub fn totp(db: &mut Db, user: UserId) -> QueryResult<Option<TotpRow>> {
    let columns = (totp::sealed_secret, totp::confirmed, totp::last_step, totp::created);
    totp::table.find(user).select(columns).first(db).optional()
}

/// Begins to set codes up; a former beginning is forgotten, a confirmed one stays. False: it is confirmed already.
pub fn begin_totp(db: &mut Db, user: UserId, sealed_secret: &str, now: Timestamp) -> QueryResult<bool> {
    diesel::delete(totp::table.find(user).filter(totp::confirmed.eq(false))).execute(db)?;
    if totp::table.find(user).select(totp::confirmed).first::<bool>(db).optional()?.is_some() {
        return Ok(false);
    }
    diesel::insert_into(totp::table)
        .values((
            totp::user_id.eq(user),
            totp::sealed_secret.eq(sealed_secret),
            totp::confirmed.eq(false),
            totp::last_step.eq(0),
            totp::created.eq(now),
        ))
        .execute(db)?;
    Ok(true)
}

/// Takes the code of a step, and confirms. False: that one or a later one was taken before.
pub fn take_step(db: &mut Db, user: UserId, step: i64) -> QueryResult<bool> {
    let taken = diesel::update(totp::table.find(user).filter(totp::last_step.lt(step)))
        .set((totp::last_step.eq(step), totp::confirmed.eq(true)))
        .execute(db)?;
    Ok(taken == 1)
}

/// No codes any more.
pub fn remove_totp(db: &mut Db, user: UserId) -> QueryResult<bool> {
    diesel::delete(recovery_code::table.filter(recovery_code::user_id.eq(user))).execute(db)?;
    Ok(diesel::delete(totp::table.find(user)).execute(db)? == 1)
}

/// These recovery codes, and none of before.
pub fn set_recovery(db: &mut Db, user: UserId, hashes: &[String]) -> QueryResult<()> {
    diesel::delete(recovery_code::table.filter(recovery_code::user_id.eq(user))).execute(db)?;
    for hash in hashes {
        diesel::insert_into(recovery_code::table)
            .values((recovery_code::user_id.eq(user), recovery_code::code_hash.eq(hash)))
            .execute(db)?;
    }
    Ok(())
}

/// Uses a recovery code up. False: there is none like it.
pub fn take_recovery(db: &mut Db, user: UserId, hash: &str) -> QueryResult<bool> {
    Ok(diesel::delete(recovery_code::table.find((user, hash))).execute(db)? == 1)
}

/// What a user has.
pub fn of(db: &mut Db, user: UserId) -> QueryResult<Factors> {
    let recovery: i64 = recovery_code::table.filter(recovery_code::user_id.eq(user)).count().get_result(db)?;
    let passkeys = passkey::table
        .filter(passkey::user_id.eq(user))
        .select((passkey::id, passkey::name, passkey::created, passkey::last_used))
        .order(passkey::created)
        .load::<(PasskeyId, String, Timestamp, Option<Timestamp>)>(db)?;
    Ok(Factors {
        codes: totp(db, user)?.filter(|row| row.confirmed).map(|row| row.created),
        recovery: usize::try_from(recovery).unwrap_or_default(),
        passkeys: passkeys
            .into_iter()
            .map(|(id, name, created, last_used)| PasskeyView { id, name, created, last_used })
            .collect(),
    })
}

/// None of them any more; sign-ins that wait for one end, too.
pub fn remove_all(db: &mut Db, user: UserId) -> QueryResult<()> {
    remove_totp(db, user)?;
    diesel::delete(passkey::table.filter(passkey::user_id.eq(user))).execute(db)?;
    diesel::delete(pending_sign_in::table.filter(pending_sign_in::user_id.eq(user))).execute(db).map(drop)
}

/// A passkey, as it is kept.
#[derive(Debug, Clone, Queryable)]
pub struct PasskeyRow {
    pub id: PasskeyId,
    pub user: UserId,
    pub name: String,
    pub credential_id: String,
    pub static_state: String,
    pub dynamic_state: String,
}

type PasskeyColumns = (
    passkey::id,
    passkey::user_id,
    passkey::name,
    passkey::credential_id,
    passkey::static_state,
    passkey::dynamic_state,
);
const PASSKEY: PasskeyColumns = (
    passkey::id,
    passkey::user_id,
    passkey::name,
    passkey::credential_id,
    passkey::static_state,
    passkey::dynamic_state,
);

/// The passkey of this credential.
pub fn passkey(db: &mut Db, credential_id: &str) -> QueryResult<Option<PasskeyRow>> {
    passkey::table.filter(passkey::credential_id.eq(credential_id)).select(PASSKEY).first(db).optional()
}

/// A user's passkeys.
pub fn passkeys(db: &mut Db, user: UserId) -> QueryResult<Vec<PasskeyRow>> {
    passkey::table.filter(passkey::user_id.eq(user)).select(PASSKEY).order(passkey::created).load(db)
}

/// Keeps a passkey; the credential must be new (unique violation).
pub fn insert_passkey(db: &mut Db, row: &PasskeyRow, now: Timestamp) -> QueryResult<()> {
    diesel::insert_into(passkey::table)
        .values((
            passkey::id.eq(row.id),
            passkey::user_id.eq(row.user),
            passkey::name.eq(&row.name),
            passkey::credential_id.eq(&row.credential_id),
            passkey::static_state.eq(&row.static_state),
            passkey::dynamic_state.eq(&row.dynamic_state),
            passkey::created.eq(now),
        ))
        .execute(db)
        .map(drop)
}

/// A passkey was used: its counter moved on from `before`. False: another use was faster.
pub fn passkey_used(db: &mut Db, row: &PasskeyRow, before: &str, now: Timestamp) -> QueryResult<bool> {
    let moved = diesel::update(passkey::table.find(row.id).filter(passkey::dynamic_state.eq(before)))
        .set((passkey::dynamic_state.eq(&row.dynamic_state), passkey::last_used.eq(Some(now))))
        .execute(db)?;
    Ok(moved == 1)
}

/// Removes a user's passkey; its name.
pub fn remove_passkey(db: &mut Db, user: UserId, id: PasskeyId) -> QueryResult<Option<String>> {
    let mine = passkey::table.find(id).filter(passkey::user_id.eq(user));
    let name: Option<String> = mine.select(passkey::name).first(db).optional()?;
    diesel::delete(passkey::table.find(id).filter(passkey::user_id.eq(user))).execute(db)?;
    Ok(name)
}

/// Keeps a sign-in that waits for its second factor.
pub fn insert_pending(db: &mut Db, secret_hash: &str, user: UserId, expires: Timestamp) -> QueryResult<()> {
    diesel::insert_into(pending_sign_in::table)
        .values((
            pending_sign_in::secret_hash.eq(secret_hash),
            pending_sign_in::user_id.eq(user),
            pending_sign_in::expires.eq(expires),
        ))
        .execute(db)
        .map(drop)
}

/// Whose sign-in waits.
pub fn pending(db: &mut Db, secret_hash: &str, now: Timestamp) -> QueryResult<Option<UserId>> {
    let row = pending_sign_in::table.find(secret_hash).filter(pending_sign_in::expires.gt(now));
    row.select(pending_sign_in::user_id).first(db).optional()
}

/// A sign-in has all it waited for. False: it is gone.
pub fn remove_pending(db: &mut Db, secret_hash: &str) -> QueryResult<bool> {
    Ok(diesel::delete(pending_sign_in::table.find(secret_hash)).execute(db)? == 1)
}

/// Forgets those that waited too long.
pub fn purge_pending(db: &mut Db, now: Timestamp) -> QueryResult<()> {
    diesel::delete(pending_sign_in::table.filter(pending_sign_in::expires.le(now))).execute(db).map(drop)
}
