//! A provider's access tokens at the API, in place of a session's secret.

use super::sign_in::{admit, entry, valid};
use crate::auth::session::{self, SessionKind};
use crate::auth::{Actor, AuthError, View, hash};
use crate::db::Db;
use crate::directories::oidc::{Bearer, OidcError, Provider, issuer_of};
use crate::engine::{Engine, EngineError};
use crate::model::clock::Timestamp;
use crate::model::event::{About, EventCode};
use crate::model::ids::UserId;
use crate::model::provider::{OpenIdRefusal, ProviderView};
use crate::store::providers::{self as store, sessions};
use crate::store::{accounts, outsiders, users};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use time::Duration;

/// A token is looked at again after this: one that can be revoked is to be out soon.
const GOOD: Duration = Duration::MINUTE;
/// A refused one is refused unseen for so long.
const BAD: Duration = Duration::seconds(30);
const MOST: usize = 2000;

/// What became of tokens, by their hash.
#[derive(Debug, Default)]
pub(super) struct Remembered(Mutex<HashMap<String, (Verdict, Timestamp)>>);

#[derive(Debug, Clone)]
enum Verdict {
    /// The secret of the session that stands for it.
    Good(String),
    Bad,
}

impl Remembered {
    fn find(&self, hash: &str, now: Timestamp) -> Option<Verdict> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.get(hash).filter(|(_, until)| *until > now).map(|(verdict, _)| verdict.clone())
    }

    fn keep(&self, hash: String, verdict: Verdict, until: Timestamp, now: Timestamp) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= MOST {
            known.retain(|_, (_, until)| *until > now);
        }
        // Full of what others sent: then this one is looked at each time.
        if known.len() < MOST {
            known.insert(hash, (verdict, until));
        }
    }
}

/// Who comes with this token of a provider's?
///
/// # Errors
/// [`AuthError::NotSignedIn`] if it is none that is taken here (the log says why), the provider is away, or the database failed.
pub async fn actor(engine: &Arc<Engine>, token: &str, source_ip: &str, view: View) -> Result<Actor, EngineError> {
    let (now, hash) = (engine.clock.now(), hash::of_secret(token));
    match engine.providers.bearers.find(&hash, now) {
        Some(Verdict::Bad) => return Err(AuthError::NotSignedIn.into()),
        Some(Verdict::Good(secret)) => match session::resolve(&engine.db, now, &secret, view).await {
            // An administrator ended the session: the token must prove itself anew.
            Err(AuthError::NotSignedIn) => {}
            other => return Ok(other?),
        },
        None => {}
    }
    let candidates = candidates(engine, token).await?;
    if candidates.is_empty() {
        return Err(AuthError::NotSignedIn.into());
    }
    let mut away = None;
    let guess = engine.guesses.begin(source_ip, "", now).map_err(|seconds| AuthError::TooMany { seconds })?;
    for provider in candidates {
        let found = match provider.bearer(token, now).await {
            Ok(found) => found,
            Err(why) => {
                tracing::info!(provider = provider.config().view.name, %why, "a token was refused");
                if let OidcError::Trouble(why) = why {
                    away = Some(why);
                }
                continue;
            }
        };
        guess.was_right();
        let good_until = until(&found, now);
        let (actor, secret) = enter(engine, &provider, found, source_ip.to_owned(), view, now).await?;
        engine.providers.bearers.keep(hash, Verdict::Good(secret), good_until, now);
        return Ok(actor);
    }
    // It may be a good one: nobody was there to say.
    if let Some(why) = away {
        guess.was_right();
        return Err(why.into());
    }
    engine.providers.bearers.keep(hash, Verdict::Bad, now + BAD, now);
    Err(AuthError::NotSignedIn.into())
}

/// Not longer than the token itself is good.
fn until(found: &Bearer, now: Timestamp) -> Timestamp {
    let left = Duration::seconds(found.expires.saturating_sub(now.assume_utc().unix_timestamp()));
    now + left.min(GOOD)
}

/// Whose token it may be: a signed one says it, of others each provider that can be asked.
async fn candidates(engine: &Arc<Engine>, token: &str) -> Result<Vec<Provider>, EngineError> {
    let issuer = issuer_of(token);
    let all = engine.db.read(|db| Ok::<_, EngineError>(store::list(db)?)).await?;
    let taken =
        |p: &ProviderView| p.enabled && !p.api_audience.is_empty() && issuer.as_ref().is_none_or(|i| *i == p.issuer);
    all.into_iter().filter(|p| taken(&p.view)).map(|kept| engine.provider(kept)).collect()
}

async fn enter(
    engine: &Arc<Engine>,
    provider: &Provider,
    found: Bearer,
    source_ip: String,
    view: View,
    now: Timestamp,
) -> Result<(Actor, String), EngineError> {
    let (inner, config) = (engine.clone(), provider.config().view.clone());
    engine
        .db
        .write(move |db| {
            let user = person(db, &config, &found, now)?;
            let opened = session::open(db, user, entry(SessionKind::Api, &source_ip, view), now)?;
            sessions::insert(db, opened.id, config.id, "")?;
            let about = About { user: Some((user, opened.actor.name.clone())), ..About::default() };
            inner.tell(db, EventCode::UserLoggedIn, about, "")?;
            Ok((opened.actor, opened.secret))
        })
        .await
}

/// Somebody who is known keeps his name; his groups follow the token where it names any. Who is not must be described by it.
fn person(db: &mut Db, provider: &ProviderView, found: &Bearer, now: Timestamp) -> Result<UserId, EngineError> {
    let known = outsiders::find(db, &provider.name, &found.external_id)?;
    let known = known.map(|id| users::get(db, id)).transpose()?.flatten().filter(|user| user.active);
    let Some(user) = known else {
        let no_name = || OpenIdRefusal::NoName { claim: provider.claims.user_name.clone() };
        return admit(db, &provider.name, found.person.as_ref().ok_or_else(no_name)?, now);
    };
    let account = accounts::find(db, &user.user_name, &user.domain)?.ok_or(diesel::result::Error::NotFound)?;
    valid(db, &account, now)?;
    if let Some(groups) = &found.groups {
        outsiders::set_groups(db, &provider.name, user.id, groups)?;
    }
    Ok(user.id)
}
