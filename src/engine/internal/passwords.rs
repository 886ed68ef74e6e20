//! Passwords of the internal domain: reset by an administrator, changed by their owner.

use super::may;
use crate::auth::{AuthError, password, sign_in};
use crate::db::Db;
use crate::engine::{Cx, Engine, EngineError};
use crate::model::clock::Timestamp;
use crate::model::event::{About, EventCode};
use crate::model::ids::UserId;
use crate::model::internal::{NotNow, Settings};
use crate::model::valid::{Invalid, Problem};
use crate::store::accounts::{self as store, NewPassword};
use crate::store::{sessions, users};
use std::sync::Arc;

/// A password to be given by an administrator.
#[derive(Clone, Default)]
pub struct Reset {
    pub password: String,
    /// Until when it is good; None: as the settings say.
    pub valid_to: Option<Timestamp>,
    /// The user must change it when he signs in.
    pub must_change: bool,
    /// The rules for passwords are not asked.
    pub force: bool,
}

/// Sets another's password and ends his sessions; a locked account is unlocked.
///
/// # Errors
/// Refused, no such user, against the rules (unless forced), or the database failed.
pub async fn reset(cx: &Cx, id: UserId, new: Reset) -> Result<(), EngineError> {
    let (inner, now) = (cx.clone(), cx.engine.clock.now());
    let (name, settings, former) = cx
        .engine
        .db
        .write(move |db| {
            may(&inner, db)?;
            let none = || EngineError::NotFound { kind: "user", id: id.to_string() };
            let user = users::get(db, id)?.ok_or_else(none)?;
            let settings = store::settings(db)?;
            let former = store::former_passwords(db, id, settings.history)?;
            Ok::<_, EngineError>((user.principal(), settings, former))
        })
        .await?;
    if !new.force {
        fits(&settings, &new.password, former).await?;
    } else if new.password.is_empty() {
        return Err(Invalid::new("password", Problem::Missing).into());
    }
    let valid_to = new.valid_to.or_else(|| settings.password_ends(now));
    let kept = NewPassword { hash: hash(&new.password).await?, valid_to, must_change: new.must_change };
    let inner = cx.clone();
    let code = EventCode::PasswordReset;
    cx.engine
        .db
        .write(move |db| {
            replace(db, id, &kept, now)?;
            inner.tell(db, code, About::default(), &name)
        })
        .await?;
    cx.engine.consoles.recheck(&cx.engine).await
}

/// The owner's change, signed in or (where his password has expired or must be changed) not: the present password shows who he is.
/// Ends his sessions.
///
/// # Errors
/// The present password is wrong, the account may not sign in, the new one is against the rules, or the database failed.
pub async fn change(
    engine: &Arc<Engine>,
    name: &str,
    present: &str,
    new: &str,
    source_ip: &str,
) -> Result<(), EngineError> {
    let now = engine.clock.now();
    let guess = engine.guesses.begin(source_ip, name, now).map_err(|seconds| AuthError::TooMany { seconds })?;
    let id = match sign_in::verify(&engine.db, now, name, present, source_ip).await {
        Ok(account) => account.id,
        Err(AuthError::NotNow { user, why: NotNow::MustChange }) => user,
        Err(error) => return Err(error.into()),
    };
    guess.was_right();
    let (settings, former) = engine
        .db
        .write(move |db| {
            let settings = store::settings(db)?;
            let former = store::former_passwords(db, id, settings.history)?;
            Ok::<_, EngineError>((settings, former))
        })
        .await?;
    fits(&settings, new, former).await?;
    let kept = NewPassword { hash: hash(new).await?, valid_to: settings.password_ends(now), must_change: false };
    let inner = engine.clone();
    engine
        .db
        .write(move |db| {
            replace(db, id, &kept, now)?;
            let user = users::get(db, id)?.map(|u| (id, u.principal()));
            inner.tell(db, EventCode::PasswordChanged, About { user, ..About::default() }, "")
        })
        .await?;
    engine.consoles.recheck(engine).await
}

fn replace(db: &mut Db, id: UserId, new: &NewPassword, now: Timestamp) -> Result<(), EngineError> {
    store::set_password(db, id, new, now)?;
    // Whoever knew the former password is out.
    Ok(sessions::remove_all_of(db, id)?)
}

async fn hash(new: &str) -> Result<String, EngineError> {
    password::hash(new).await.map_err(EngineError::Internal)
}

/// Long and varied enough, and none that he had.
pub(super) async fn fits(settings: &Settings, new: &str, former: Vec<String>) -> Result<(), EngineError> {
    settings.fits("password", new).map_err(EngineError::Invalid)?;
    for phc in former {
        if password::matches(new, Some(phc)).await {
            return Err(Invalid::new("password", Problem::UsedBefore).into());
        }
    }
    Ok(())
}
