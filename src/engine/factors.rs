//! Second factors of users of the internal domain: set up and removed by their owner, reset by an administrator.

use crate::auth::factor::{self, SetUp};
use crate::auth::waiting;
use crate::auth::{AuthError, sign_in};
use crate::engine::internal::may;
use crate::engine::{Cx, Engine, EngineError};
use crate::model::event::{About, EventCode};
use crate::model::factor::{FactorTrouble, Factors};
use crate::model::ids::UserId;
use crate::model::user::INTERNAL_DOMAIN;
use crate::model::valid::{Invalid, Problem};
use crate::store::{factors as store, sessions, users};
use std::sync::Arc;

fn trouble(why: FactorTrouble) -> EngineError {
    AuthError::Factor(why).into()
}

/// One's own. None: they are another domain's business.
///
/// # Errors
/// The database failed.
pub async fn own(cx: &Cx) -> Result<Option<Factors>, EngineError> {
    let me = cx.actor.user;
    cx.engine
        .db
        .read(move |db| {
            let internal = users::get(db, me)?.is_some_and(|user| user.domain == INTERNAL_DOMAIN);
            Ok(if internal { Some(store::of(db, me)?) } else { None })
        })
        .await
}

/// Another's.
///
/// # Errors
/// Refused, or the database failed.
pub async fn of(cx: &Cx, user: UserId) -> Result<Factors, EngineError> {
    let inner = cx.clone();
    cx.engine
        .db
        .read(move |db| {
            may(&inner, db)?;
            Ok(store::of(db, user)?)
        })
        .await
}

/// Whoever changes his factors shows again that he knows his password: an open session alone is not enough.
///
/// # Errors
/// The password is wrong, the account is locked, or the database failed.
pub(in crate::engine) async fn prove(cx: &Cx, password: &str, source_ip: &str) -> Result<(), EngineError> {
    let (engine, now) = (&cx.engine, cx.engine.clock.now());
    if own(cx).await?.is_none() {
        return Err(trouble(FactorTrouble::NotInternal));
    }
    // A field left empty is no guess.
    if password.is_empty() {
        return Err(Invalid::new("password", Problem::Missing).into());
    }
    let guess =
        engine.guesses.begin(source_ip, &cx.actor.name, now).map_err(|seconds| AuthError::TooMany { seconds })?;
    sign_in::prove(&engine.db, now, cx.actor.user, password, source_ip).await?;
    guess.was_right();
    Ok(())
}

/// Begins to set codes up.
///
/// # Errors
/// The password is wrong, codes are set up already, or the database failed.
pub async fn begin_codes(cx: &Cx, password: &str, source_ip: &str) -> Result<SetUp, EngineError> {
    prove(cx, password, source_ip).await?;
    let inner = cx.clone();
    cx.engine
        .db
        .write(move |db| {
            let (engine, actor) = (&inner.engine, &inner.actor);
            let begun = factor::begin(db, &engine.vault, actor.user, &actor.name, engine.clock.now())?;
            begun.ok_or_else(|| trouble(FactorTrouble::SetUpAlready))
        })
        .await
}

/// What was begun, once more.
///
/// # Errors
/// Nothing was begun, or the database failed.
pub async fn begun_codes(cx: &Cx) -> Result<SetUp, EngineError> {
    let inner = cx.clone();
    cx.engine
        .db
        .read(move |db| {
            let begun = factor::begun(db, &inner.engine.vault, inner.actor.user, &inner.actor.name)?;
            begun.ok_or_else(|| trouble(FactorTrouble::TooLate))
        })
        .await
}

/// Confirms what was begun by a first code; the recovery codes.
///
/// # Errors
/// The code is wrong, or the database failed.
pub async fn confirm_codes(cx: &Cx, code: &str) -> Result<Vec<String>, EngineError> {
    let (inner, code) = (cx.clone(), code.to_owned());
    cx.engine
        .db
        .write(move |db| {
            let (engine, user) = (&inner.engine, inner.actor.user);
            let confirmed = factor::confirm(db, &engine.vault, user, &code, engine.clock.now())?;
            let codes = confirmed.ok_or_else(|| trouble(FactorTrouble::WrongCode))?;
            inner.tell(db, EventCode::CodesSetUp, About::default(), "")?;
            Ok(codes)
        })
        .await
}

/// New recovery codes instead of those of before.
///
/// # Errors
/// The password is wrong, no codes are set up, or the database failed.
pub async fn renew_recovery(cx: &Cx, password: &str, source_ip: &str) -> Result<Vec<String>, EngineError> {
    prove(cx, password, source_ip).await?;
    let inner = cx.clone();
    cx.engine
        .db
        .write(move |db| {
            if store::of(db, inner.actor.user)?.codes.is_none() {
                return Err(trouble(FactorTrouble::NotSetUp));
            }
            let codes = factor::fresh_recovery(db, inner.actor.user)?;
            inner.tell(db, EventCode::RecoveryRenewed, About::default(), "")?;
            Ok(codes)
        })
        .await
}

/// Removes one's codes.
///
/// # Errors
/// The password is wrong, or the database failed.
pub async fn remove_codes(cx: &Cx, password: &str, source_ip: &str) -> Result<(), EngineError> {
    prove(cx, password, source_ip).await?;
    let inner = cx.clone();
    cx.engine
        .db
        .write(move |db| {
            if store::remove_totp(db, inner.actor.user)? {
                inner.tell(db, EventCode::CodesRemoved, About::default(), "")?;
            }
            Ok(())
        })
        .await
}

/// Takes all second factors from somebody who lost them; his sessions end.
///
/// # Errors
/// Refused, no such user, or the database failed.
pub async fn reset(cx: &Cx, user: UserId) -> Result<(), EngineError> {
    let inner = cx.clone();
    cx.engine
        .db
        .write(move |db| {
            may(&inner, db)?;
            let none = || EngineError::NotFound { kind: "user", id: user.to_string() };
            let found = users::get(db, user)?.ok_or_else(none)?;
            store::remove_all(db, user)?;
            // His own session an administrator keeps.
            for session in sessions::list(db, Some(user))?.iter().filter(|s| Some(s.id) != inner.actor.session) {
                sessions::remove(db, session.id)?;
            }
            inner.tell(db, EventCode::FactorsReset, About::default(), &found.principal())
        })
        .await?;
    cx.engine.consoles.recheck(&cx.engine).await
}

/// Who waits with a right password, by name, and what he has: for the page that asks for the second factor.
///
/// # Errors
/// It took too long, or the database failed.
pub async fn waiting(engine: &Arc<Engine>, secret: &str) -> Result<(String, Factors), EngineError> {
    let (secret, now) = (secret.to_owned(), engine.clock.now());
    let (account, factors) = engine.db.read(move |db| waiting::look(db, &secret, now)).await?;
    Ok((format!("{}@{}", account.user_name, account.domain), factors))
}

/// The set-up of codes by somebody who waits because they are demanded and he has none.
///
/// # Errors
/// It took too long, he has a second factor, or the database failed.
pub async fn set_up_waiting(engine: &Arc<Engine>, secret: &str) -> Result<SetUp, EngineError> {
    let (inner, secret, now) = (engine.clone(), secret.to_owned(), engine.clock.now());
    engine
        .db
        .write(move |db| {
            let (account, factors) = waiting::look(db, &secret, now)?;
            if factors.any() {
                return Err(trouble(FactorTrouble::SetUpAlready));
            }
            let name = format!("{}@{}", account.user_name, account.domain);
            if let Some(begun) = factor::begun(db, &inner.vault, account.id, &name)? {
                return Ok(begun);
            }
            let begun = factor::begin(db, &inner.vault, account.id, &name, now)?;
            begun.ok_or_else(|| trouble(FactorTrouble::SetUpAlready))
        })
        .await
}
