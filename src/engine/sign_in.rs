//! Signing in and out, with the events that tell of it.

use crate::auth::session::{Opened, SessionKind};
use crate::auth::{self, AuthError, View};
use crate::engine::{Cx, Engine, EngineError, directories};
use crate::model::event::{About, EventCode};
use crate::model::ids::UserId;
use std::sync::Arc;

/// Checks the password and opens a session; see [`auth::sign_in::sign_in`]. Who names a directory's domain is sent there.
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
    let guess = engine.guesses.begin(source_ip, now).map_err(|seconds| AuthError::TooMany { seconds })?;
    if let Some(claim) = directories::sign_in::claim(engine, name) {
        let result = directories::sign_in::sign_in(engine, &claim, password, source_ip, kind, view).await;
        if result.as_ref().err().is_none_or(directories::sign_in::is_no_guess) {
            guess.was_right();
        }
        return result;
    }
    let result = auth::sign_in::sign_in(&engine.db, now, name, password, source_ip, kind, view).await;
    if matches!(result, Ok(_) | Err(AuthError::NotNow { .. })) {
        guess.was_right();
    }
    let (code, user, shown, detail) = match &result {
        Ok(opened) => (EventCode::UserLoggedIn, opened.actor.user, opened.actor.name.clone(), String::new()),
        Err(error @ AuthError::WrongPassword) => {
            // Nobody signed in, so there is no id; what was typed may be a password, so it is not told whole.
            (EventCode::UserLoginFailed, UserId::fixed(0), typed(name), error.to_string())
        }
        // Told once, not at every further try.
        Err(AuthError::Locked { user, just_now: true }) => {
            (EventCode::UserLocked, UserId::fixed(0), user.clone(), String::new())
        }
        Err(_) => return Ok(result?),
    };
    let about = About { user: Some((user, shown)), ..About::default() };
    let inner = engine.clone();
    engine.db.write(move |db| inner.tell(db, code, about, &detail)).await?;
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
