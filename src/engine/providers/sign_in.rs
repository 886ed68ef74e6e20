//! Signing in through a provider: out, and back.

use super::{enabled, is_made_up};
use crate::auth::session::{self, Entry, Opened, SessionKind};
use crate::auth::{AuthError, View, hash};
use crate::db::Db;
use crate::directories::oidc::{Entered, Provider};
use crate::engine::{Engine, EngineError};
use crate::model::clock::Timestamp;
use crate::model::directory::Person;
use crate::model::event::{About, EventCode};
use crate::model::ids::UserId;
use crate::model::provider::{Callback, OpenIdRefusal, Secret};
use crate::model::user::SignInMethod;
use crate::store::accounts::{self, Account};
use crate::store::outsiders;
use crate::store::providers::flows::{self, Flow};
use crate::store::providers::sessions;
use std::sync::Arc;
use time::Duration;

/// So long somebody may take at the provider.
const LIFE: Duration = Duration::minutes(10);
/// So many may be on their way from one address: a school behind one router at nine, but not a flood.
const MOST_FLOWS: i64 = 1000;

/// A browser on its way to the provider.
#[derive(Debug)]
pub struct Leaving {
    pub url: String,
    /// For the cookie that binds the way back to this browser.
    pub browser: String,
}

/// Somebody is in.
pub struct Entering {
    pub opened: Opened,
    /// Where he wanted to go.
    pub then: String,
}

fn purpose(state_hash: &str) -> String {
    format!("openid flow {state_hash}")
}

/// Begins a sign-in through the provider of this name; `browser` is what its cookie holds already.
///
/// # Errors
/// No such provider, it is away, too many are on their way, or the database failed.
pub async fn start(
    engine: &Arc<Engine>,
    name: &str,
    redirect_uri: String,
    then: String,
    browser: Option<String>,
    source_ip: String,
) -> Result<Leaving, EngineError> {
    let provider = enabled(engine, name).await?;
    let now = engine.clock.now();
    let started = provider.start(&redirect_uri, now).await?;
    let browser = browser.filter(|b| b.len() >= 32).unwrap_or_else(hash::fresh_secret);
    let state_hash = hash::of_secret(&started.state.0);
    let sealed = engine.vault.seal(&purpose(&state_hash), &started.verifier.0);
    let flow = Flow {
        browser_hash: hash::of_secret(&browser),
        provider_id: provider.config().view.id,
        nonce: started.nonce.0,
        verifier: sealed.map_err(|e| EngineError::Internal(e.to_string()))?,
        redirect_uri,
        then_path: then,
        source_ip,
        expires: now + LIFE,
        state_hash,
    };
    let kept = engine.db.write(move |db| Ok::<_, EngineError>(flows::insert(db, &flow, MOST_FLOWS, now)?)).await?;
    if !kept {
        return Err(AuthError::TooMany { seconds: LIFE.whole_seconds() }.into());
    }
    Ok(Leaving { url: started.url, browser })
}

/// Ends a sign-in: the person is kept and a session opened. What went wrong is told as an event, whole.
///
/// # Errors
/// The answer is not one to a sign-in of this browser, the provider let nobody in or is away, or the database failed.
pub async fn finish(
    engine: &Arc<Engine>,
    name: &str,
    callback: Callback,
    browser: Option<&str>,
    source_ip: &str,
) -> Result<Entering, EngineError> {
    let now = engine.clock.now();
    let guess = engine.guesses.begin(source_ip, "", now).map_err(|seconds| AuthError::TooMany { seconds })?;
    let result = enter(engine, name, &callback, browser, source_ip, now).await;
    match &result {
        Ok(_) => guess.was_right(),
        Err(EngineError::OpenId(why)) if is_made_up(why) => {}
        Err(why @ (EngineError::OpenId(_) | EngineError::Provider(_))) => failed(engine, name, why).await?,
        Err(_) => {}
    }
    result
}

async fn enter(
    engine: &Arc<Engine>,
    name: &str,
    callback: &Callback,
    browser: Option<&str>,
    source_ip: &str,
    now: Timestamp,
) -> Result<Entering, EngineError> {
    let provider = enabled(engine, name).await?;
    let (state_hash, id) = (hash::of_secret(&callback.state), provider.config().view.id);
    let browser_hash = hash::of_secret(browser.ok_or(OpenIdRefusal::NotStarted)?);
    let take = move |db: &mut Db| Ok::<_, EngineError>(flows::take(db, &state_hash, &browser_hash, id, now)?);
    let flow = engine.db.write(take).await?.ok_or(OpenIdRefusal::NotStarted)?;
    let verifier = engine.vault.open(&purpose(&flow.state_hash), &flow.verifier);
    let verifier = Secret(verifier.map_err(|e| EngineError::Internal(e.to_string()))?);
    let entered = provider.finish(callback, &flow.nonce, verifier, &flow.redirect_uri, now).await?;
    let opened = open(engine, &provider, entered, source_ip.to_owned(), now).await?;
    Ok(Entering { opened, then: flow.then_path })
}

async fn open(
    engine: &Arc<Engine>,
    provider: &Provider,
    entered: Entered,
    source_ip: String,
    now: Timestamp,
) -> Result<Opened, EngineError> {
    let (inner, view) = (engine.clone(), provider.config().view.clone());
    engine
        .db
        .write(move |db| {
            let user = admit(db, &view.name, &entered.person, now)?;
            let opened = session::open(db, user, entry(SessionKind::Portal, &source_ip, View::User), now)?;
            let sealed = inner.vault.seal(&token_purpose(&opened.id), &entered.id_token.0);
            sessions::insert(db, opened.id, view.id, &sealed.map_err(|e| EngineError::Internal(e.to_string()))?)?;
            let about = About { user: Some((user, opened.actor.name.clone())), ..About::default() };
            inner.tell(db, EventCode::UserLoggedIn, about, "")?;
            Ok(opened)
        })
        .await
}

/// How who comes from a provider comes in.
pub(super) const fn entry(kind: SessionKind, source_ip: &str, view: View) -> Entry<'_> {
    Entry { kind, method: SignInMethod::OpenId, source_ip, view }
}

pub(super) fn token_purpose(session: &impl ToString) -> String {
    format!("openid session {}", session.to_string())
}

/// Keeps what the provider says of somebody, and lets him in unless an administrator has set that he may not.
pub(in crate::engine) fn admit(
    db: &mut Db,
    domain: &str,
    person: &Person,
    now: Timestamp,
) -> Result<UserId, EngineError> {
    let user = outsiders::keep(db, domain, person, now)?;
    let account = accounts::find(db, &person.user_name, domain)?;
    let account = account.ok_or(diesel::result::Error::NotFound)?;
    valid(db, &account, now)?;
    accounts::signed_in(db, &account, now)?;
    Ok(user)
}

/// Disabled, not valid at this time, …: as for internal users.
pub(super) fn valid(db: &mut Db, account: &Account, now: Timestamp) -> Result<(), EngineError> {
    let settings = accounts::settings(db)?;
    let not_now = |why| AuthError::NotNow { user: account.id, why };
    Ok(account.validity.at(now, &settings).map_err(not_now)?)
}

async fn failed(engine: &Arc<Engine>, name: &str, why: &EngineError) -> Result<(), EngineError> {
    tracing::warn!(provider = name, %why, "a sign-in through an OpenID provider failed");
    let (inner, detail) = (engine.clone(), format!("{name}: {why}"));
    let tell = move |db: &mut Db| inner.tell(db, EventCode::ProviderSignInFailed, About::default(), &detail);
    engine.db.write(tell).await
}
