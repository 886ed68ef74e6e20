//! Passkeys of users of the internal domain: added, removed, signed in with.

use crate::auth::passkey::{Answer, Site};
use crate::auth::session::{self, Entry, Opened, SessionKind, SignInMethod};
use crate::auth::waiting::Shown;
use crate::auth::{AuthError, View};
use crate::engine::{Cx, Engine, EngineError, factors, sign_in};
use crate::model::event::{About, EventCode};
use crate::model::factor::FactorTrouble;
use crate::model::ids::{PasskeyId, UserId};
use crate::model::internal::NotNow;
use crate::model::setting::SecondFactorRule;
use crate::model::valid::{self, Invalid, Problem};
use crate::store::factors as store;
use crate::store::{accounts, settings, users};
use diesel::result::{DatabaseErrorKind, Error as QueryError};
use std::net::IpAddr;
use std::sync::Arc;

/// More than this nobody has.
const MOST: usize = 20;

fn trouble(why: FactorTrouble) -> EngineError {
    AuthError::Factor(why).into()
}

/// The site that a browser is at by its own words, if passkeys can be bound to it: a name that the engine's certificate or the setting
/// EngineFqdn has; never an address.
///
/// # Errors
/// [`FactorTrouble::NoName`], or the database failed.
pub async fn site(engine: &Arc<Engine>, host: &str, names: &[String]) -> Result<Site, EngineError> {
    let host = host.to_ascii_lowercase();
    let name = host.split(':').next().unwrap_or_default().to_owned();
    let set = engine.db.read(|db| Ok::<_, EngineError>(settings::engine(db)?.engine_name)).await?;
    let known = names.iter().any(|known| known.eq_ignore_ascii_case(&name)) || (!set.is_empty() && set == name);
    // The certificate has addresses, too.
    if !known || name.parse::<IpAddr>().is_ok() {
        return Err(trouble(FactorTrouble::NoName));
    }
    Ok(Site { name, origin: format!("https://{host}") })
}

/// What the browser is asked, to make a passkey.
///
/// # Errors
/// The password is wrong, there are enough of them, or the database failed.
pub async fn begin(cx: &Cx, site: &Site, password: &str, source_ip: &str) -> Result<String, EngineError> {
    factors::prove(cx, password, source_ip).await?;
    let me = cx.actor.user;
    let held = cx.engine.db.read(move |db| Ok::<_, EngineError>(store::passkeys(db, me)?)).await?;
    if held.len() >= MOST {
        return Err(Invalid::new("name", Problem::Range { min: 0, max: MOST as u64 }).into());
    }
    Ok(cx.engine.passkeys.ask_to_add(site, me, &cx.actor.name, &held, source_ip)?)
}

/// Keeps the passkey that the browser made.
///
/// # Errors
/// It is not good, its name is not, or the database failed.
pub async fn add(cx: &Cx, site: &Site, name: &str, answer: &[u8]) -> Result<(), EngineError> {
    let name = valid::text("name", name.trim(), 64)?;
    if name.is_empty() {
        return Err(Invalid::new("name", Problem::Missing).into());
    }
    let row = cx.engine.passkeys.added(site, cx.actor.user, &name, answer)?;
    let (inner, now) = (cx.clone(), cx.engine.clock.now());
    cx.engine
        .db
        .write(move |db| {
            match store::insert_passkey(db, &row, now) {
                Err(QueryError::DatabaseError(DatabaseErrorKind::UniqueViolation, _)) => {
                    return Err(trouble(FactorTrouble::WrongPasskey));
                }
                other => other?,
            }
            inner.tell(db, EventCode::PasskeyAdded, About::default(), &row.name)
        })
        .await
}

/// Removes one's passkey.
///
/// # Errors
/// The password is wrong, there is no such passkey, or the database failed.
pub async fn remove(cx: &Cx, id: PasskeyId, password: &str, source_ip: &str) -> Result<(), EngineError> {
    factors::prove(cx, password, source_ip).await?;
    let inner = cx.clone();
    cx.engine
        .db
        .write(move |db| {
            let none = || EngineError::NotFound { kind: "passkey", id: id.to_string() };
            let name = store::remove_passkey(db, inner.actor.user, id)?.ok_or_else(none)?;
            inner.tell(db, EventCode::PasskeyRemoved, About::default(), &name)
        })
        .await
}

/// Signs in with the passkey that the browser showed: alone, or for the password that waits for it.
///
/// # Errors
/// It is not good, the account may not sign in, or the database failed.
pub async fn sign_in(
    engine: &Arc<Engine>,
    site: &Site,
    answer: &[u8],
    waiting: Option<String>,
    source_ip: &str,
) -> Result<Opened, EngineError> {
    let now = engine.clock.now();
    let guess = engine.guesses.begin(source_ip, "", now).map_err(|seconds| AuthError::TooMany { seconds })?;
    let user = checked(engine, site, answer).await?;
    guess.was_right();
    if let Some(secret) = waiting {
        let shown = Shown::Passkey(user);
        return Ok(sign_in::complete(engine, &secret, shown, source_ip).await?.0);
    }
    let ip = source_ip.to_owned();
    let opened = engine
        .db
        .write(move |db| {
            if settings::engine(db)?.second_factor == SecondFactorRule::Off {
                return Err(AuthError::Factor(FactorTrouble::WrongPasskey));
            }
            let account = accounts::by_id(db, user)?.ok_or(AuthError::Factor(FactorTrouble::WrongPasskey))?;
            match account.validity.at(now, &accounts::settings(db)?) {
                // The password is not what lets him in.
                Ok(()) | Err(NotNow::MustChange | NotNow::PasswordExpired) => {}
                Err(NotNow::Locked) => return Err(AuthError::Factor(FactorTrouble::WrongPasskey)),
                Err(why) => return Err(AuthError::NotNow { user, why }),
            }
            if !accounts::signed_in(db, &account, now)? {
                return Err(AuthError::Factor(FactorTrouble::WrongPasskey));
            }
            let entry =
                Entry { kind: SessionKind::Portal, method: SignInMethod::Passkey, source_ip: &ip, view: View::User };
            Ok(session::open(db, user, entry, now)?)
        })
        .await;
    sign_in::told(engine, "", opened).await
}

/// Whose passkey was shown; its counter is moved on.
async fn checked(engine: &Arc<Engine>, site: &Site, answer: &[u8]) -> Result<UserId, EngineError> {
    let (answer, now) = (Answer::read(answer)?, engine.clock.now());
    let credential = answer.credential_id();
    let row = engine.db.read(move |db| Ok::<_, EngineError>(store::passkey(db, &credential)?)).await?;
    let row = row.ok_or_else(|| trouble(FactorTrouble::WrongPasskey))?;
    let (before, user, name) = (row.dynamic_state.clone(), row.user, row.name.clone());
    let used = match engine.passkeys.shown(site, &answer, row) {
        Err(copied @ AuthError::Factor(FactorTrouble::Copied)) => {
            tell_copied(engine, user, name).await?;
            return Err(copied.into());
        }
        other => other?,
    };
    let moved = engine.db.write(move |db| Ok::<_, EngineError>(store::passkey_used(db, &used, &before, now)?)).await?;
    if moved { Ok(user) } else { Err(trouble(FactorTrouble::WrongPasskey)) }
}

async fn tell_copied(engine: &Arc<Engine>, user: UserId, passkey: String) -> Result<(), EngineError> {
    let inner = engine.clone();
    engine
        .db
        .write(move |db| {
            let user = users::get(db, user)?.map(|found| (user, found.principal()));
            inner.tell(db, EventCode::PasskeyCopied, About { user, ..About::default() }, &passkey)
        })
        .await
}
