//! Signing in and out, with the events that tell of it.

use crate::auth::session::{Opened, SessionKind};
use crate::auth::sign_in::Try;
use crate::auth::waiting::{Completed, Shown};
use crate::auth::{self, AuthError, View};
use crate::db::Db;
use crate::engine::{Cx, Engine, EngineError};
use crate::model::event::{About, EventCode};
use crate::model::factor::FactorTrouble;
use crate::model::ids::UserId;
use crate::model::user::SignInMethod;
use std::sync::Arc;

/// Checks the password and opens a session; see [`auth::sign_in::sign_in`].
///
/// # Errors
/// The password is wrong, the account is locked, or the database failed.
pub async fn sign_in(
    engine: &Arc<Engine>,
    name: &str,
    password: &str,
    source_ip: &str,
    kind: SessionKind,
    view: View,
) -> Result<Opened, EngineError> {
    let now = engine.clock.now();
    let guess = engine.guesses.begin(source_ip, name, now).map_err(|seconds| AuthError::TooMany { seconds })?;
    let tried = Try { name, password, source_ip, kind, view };
    let result = auth::sign_in::sign_in(&engine.db, &engine.vault, now, tried).await;
    if matches!(result, Ok(_) | Err(AuthError::NotNow { .. } | AuthError::SecondFactor(_) | AuthError::Factor(_))) {
        guess.was_right();
    }
    told(engine, name, result).await
}

/// Signs in who waited for his second factor.
///
/// # Errors
/// It is wrong, the account is locked meanwhile, it took too long, or the database failed.
pub async fn complete(
    engine: &Arc<Engine>,
    waiting: &str,
    shown: Shown,
    source_ip: &str,
) -> Result<Completed, EngineError> {
    let now = engine.clock.now();
    let secret = waiting.to_owned();
    let (account, _) = engine.db.read(move |db| auth::waiting::look(db, &secret, now)).await?;
    let name = format!("{}@{}", account.user_name, account.domain);
    let guess = engine.guesses.begin(source_ip, &name, now).map_err(|seconds| AuthError::TooMany { seconds })?;
    let result = auth::waiting::complete(&engine.db, &engine.vault, now, waiting, shown, source_ip).await;
    if result.is_ok() {
        guess.was_right();
    }
    let (opened, recovery) = match result {
        Ok((opened, recovery)) => (Ok(opened), recovery),
        Err(error) => (Err(error), Vec::new()),
    };
    Ok((told(engine, &name, opened).await?, recovery))
}

/// Tells what became of a try.
pub(in crate::engine) async fn told(
    engine: &Arc<Engine>,
    name: &str,
    result: Result<Opened, AuthError>,
) -> Result<Opened, EngineError> {
    let (code, user, shown, detail) = match &result {
        Ok(opened) => (EventCode::UserLoggedIn, opened.actor.user, opened.actor.name.clone(), String::new()),
        Err(error @ (AuthError::WrongPassword | AuthError::Factor(FactorTrouble::WrongCode))) => {
            // Nobody signed in, so there is no id; what was typed may be a password, so it is not told whole.
            (EventCode::UserLoginFailed, UserId::fixed(0), typed(name), error.to_string())
        }
        // Told once, not at every further try.
        Err(AuthError::Locked { user, just_now: true }) => {
            (EventCode::UserLocked, UserId::fixed(0), user.clone(), String::new())
        }
        Err(_) => return Ok(result?),
    };
    let recovered = matches!(&result, Ok(opened) if opened.method == SignInMethod::PasswordRecovery);
    let about = About { user: Some((user, shown)), ..About::default() };
    let inner = engine.clone();
    let tell = move |db: &mut Db| {
        if recovered {
            inner.tell(db, EventCode::RecoveryCodeUsed, about.clone(), "")?;
        }
        inner.tell(db, code, about, &detail)
    };
    engine.db.write(tell).await?;
    Ok(result?)
}

/// The name as far as it can be shown in a list that others read.
fn typed(name: &str) -> String {
    name.chars().filter(|c| !c.is_control()).take(40).collect()
}

/// Ends the actor's session and its consoles.
///
/// # Errors
/// The database failed.
pub async fn sign_out(cx: &Cx) -> Result<(), EngineError> {
    let Some(session) = cx.actor.session else { return Ok(()) };
    auth::session::end(&cx.engine.db, session).await?;
    cx.engine.consoles.session_ended(session);
    let inner = cx.clone();
    cx.engine.db.write(move |db| inner.tell(db, EventCode::UserLoggedOut, About::default(), "")).await
}

/// The session that a browser had when it signed in anew ends with its consoles: a sign-in never goes on under an old secret.
///
/// # Errors
/// The database failed.
pub async fn replaced(engine: &Arc<Engine>, former: &str) -> Result<(), EngineError> {
    if let Some(session) = auth::session::end_former(&engine.db, former).await? {
        engine.consoles.session_ended(session);
    }
    Ok(())
}
