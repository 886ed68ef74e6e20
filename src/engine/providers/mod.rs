//! OpenID providers: set up, and signed in through.

pub mod bearer;
pub mod groups;
pub mod sign_in;
pub mod sign_out;

use crate::auth;
use crate::db::Db;
use crate::directories::oidc;
use crate::engine::{Cx, Engine, EngineError};
use crate::model::conflict::Conflict;
use crate::model::event::{About, EventCode};
use crate::model::ids::{ProviderId, SYSTEM};
use crate::model::provider::{Discovery, Draft, NewSecret, OpenIdRefusal, ProviderConfig, ProviderView, Secret};
use crate::model::role::Action;
use crate::model::user::INTERNAL_DOMAIN;
use crate::model::valid::{Invalid, Problem};
use crate::store::providers::{self as store, Kept};
use crate::store::{domains, users};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// The providers that were talked to, with what was learned of them.
#[derive(Debug, Default)]
pub struct Providers {
    known: Mutex<HashMap<ProviderId, oidc::Provider>>,
    bearers: bearer::Remembered,
}

/// A button on the sign-in page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Button {
    pub name: String,
    pub label: String,
}

fn may(cx: &Cx, db: &mut Db) -> Result<(), EngineError> {
    Ok(auth::check(db, &cx.actor, Action::ConfigureEngine, SYSTEM)?)
}

fn purpose(id: ProviderId) -> String {
    format!("provider {id} client secret")
}

fn not_found(id: impl ToString) -> EngineError {
    EngineError::NotFound { kind: "OpenID provider", id: id.to_string() }
}

impl Engine {
    /// The provider, ready to be talked to; what was learned of it stays as long as nobody changes it.
    fn provider(&self, kept: Kept) -> Result<oidc::Provider, EngineError> {
        let mut known = self.providers.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(provider) = known.get(&kept.view.id).filter(|p| p.config().view.generation == kept.view.generation)
        {
            return Ok(provider.clone());
        }
        let id = kept.view.id;
        let provider = oidc::Provider::new(self.config_of(kept)?)?;
        known.insert(id, provider.clone());
        Ok(provider)
    }

    fn config_of(&self, Kept { view, sealed_secret }: Kept) -> Result<ProviderConfig, EngineError> {
        let open = |sealed: &String| self.vault.open(&purpose(view.id), sealed);
        let secret = Some(&sealed_secret).filter(|sealed| !sealed.is_empty()).map(open).transpose();
        let secret = secret.map_err(|e| EngineError::Internal(e.to_string()))?;
        Ok(ProviderConfig { view, client_secret: secret.map(Secret) })
    }
}

/// What the sign-in page offers.
///
/// # Errors
/// The database failed.
pub async fn buttons(engine: &Engine) -> Result<Vec<Button>, EngineError> {
    let all = engine.db.read(|db| Ok::<_, EngineError>(store::list(db)?)).await?;
    let enabled = all.into_iter().filter(|p| p.view.enabled);
    Ok(enabled.map(|p| Button { name: p.view.name, label: p.view.label }).collect())
}

/// All, by name.
///
/// # Errors
/// Refused, or the database failed.
pub async fn list(cx: &Cx) -> Result<Vec<ProviderView>, EngineError> {
    let inner = cx.clone();
    cx.engine
        .db
        .read(move |db| {
            may(&inner, db)?;
            Ok(store::list(db)?.into_iter().map(|p| p.view).collect())
        })
        .await
}

/// One of them.
///
/// # Errors
/// Refused, none such, or the database failed.
pub async fn get(cx: &Cx, id: ProviderId) -> Result<ProviderView, EngineError> {
    let inner = cx.clone();
    cx.engine
        .db
        .read(move |db| {
            may(&inner, db)?;
            Ok(store::get(db, id)?.ok_or_else(|| not_found(id))?.view)
        })
        .await
}

/// Adds one.
///
/// # Errors
/// Refused, wrong fields, a name in use, or the database failed.
pub async fn add(cx: &Cx, draft: Draft) -> Result<ProviderId, EngineError> {
    let inner = cx.clone();
    cx.engine
        .db
        .write(move |db| {
            may(&inner, db)?;
            let id = ProviderId::random();
            let kept = checked(&inner, db, &draft, id, None)?;
            let name = kept.view.name.clone();
            store::insert(db, kept)?;
            inner.tell(db, EventCode::ProviderAdded, About::default(), &name)?;
            Ok(id)
        })
        .await
}

/// Changes one; turned off, the sessions that came from it end.
///
/// # Errors
/// Refused, wrong fields, none such, or the database failed.
pub async fn edit(cx: &Cx, id: ProviderId, draft: Draft) -> Result<(), EngineError> {
    let inner = cx.clone();
    cx.engine
        .db
        .write(move |db| {
            may(&inner, db)?;
            let former = store::get(db, id)?.ok_or_else(|| not_found(id))?;
            let kept = checked(&inner, db, &draft, id, Some(&former))?;
            if !kept.view.enabled {
                store::sessions::end_all(db, id)?;
            }
            let name = kept.view.name.clone();
            store::update(db, kept)?;
            inner.tell(db, EventCode::ProviderEdited, About::default(), &name)
        })
        .await?;
    cx.engine.consoles.recheck(&cx.engine).await
}

/// Removes one with its people: another provider of this name may call somebody else by the same id. Nobody removes himself.
///
/// # Errors
/// Refused, none such, or the database failed.
pub async fn remove(cx: &Cx, id: ProviderId) -> Result<(), EngineError> {
    let inner = cx.clone();
    cx.engine
        .db
        .write(move |db| {
            may(&inner, db)?;
            let kept = store::get(db, id)?.ok_or_else(|| not_found(id))?;
            if users::get(db, inner.actor.user)?.is_some_and(|user| user.domain == kept.view.name) {
                return Err(Conflict::RemoveSelf.into());
            }
            store::remove(db, &kept.view)?;
            inner.tell(db, EventCode::ProviderRemoved, About::default(), &kept.view.name)
        })
        .await?;
    cx.engine.providers.known.lock().unwrap_or_else(PoisonError::into_inner).remove(&id);
    cx.engine.consoles.recheck(&cx.engine).await
}

/// A draft as it is to be kept.
fn checked(cx: &Cx, db: &mut Db, draft: &Draft, id: ProviderId, former: Option<&Kept>) -> Result<Kept, EngineError> {
    let mut view = draft.check(id).map_err(EngineError::Invalid)?;
    // People are found by domain and external id, and only one issuer knows whom it means by that.
    let fixed = |field, differs: fn(&ProviderView) -> &String| {
        let other = former.is_some_and(|former| differs(&former.view) != differs(&view));
        other.then(|| Invalid::new(field, Problem::Fixed))
    };
    let wrong: Vec<Invalid> =
        [fixed("name", |v| &v.name), fixed("issuer", |v| &v.issuer)].into_iter().flatten().collect();
    if !wrong.is_empty() {
        return Err(EngineError::Invalid(wrong));
    }
    if former.is_none() && (view.name == INTERNAL_DOMAIN || domains::is_taken(db, &view.name)?) {
        return Err(Invalid::new("name", Problem::Taken { name: view.name }).into());
    }
    let seal = |secret: &Secret| {
        let sealed = cx.engine.vault.seal(&purpose(id), &secret.0);
        sealed.map_err(|e| EngineError::Internal(e.to_string()))
    };
    let sealed_secret = match &draft.client_secret {
        NewSecret::Kept => former.map(|f| f.sealed_secret.clone()).unwrap_or_default(),
        NewSecret::Set(secret) if !secret.0.is_empty() => seal(secret)?,
        NewSecret::Set(_) | NewSecret::None => String::new(),
    };
    view.has_secret = !sealed_secret.is_empty();
    view.generation = former.map_or(1, |f| f.view.generation + 1);
    Ok(Kept { view, sealed_secret })
}

/// Asks a provider for all that a sign-in needs, without keeping anything.
///
/// # Errors
/// Refused, wrong fields, or what is wrong with the provider.
pub async fn test(cx: &Cx, draft: &Draft) -> Result<Discovery, EngineError> {
    let inner = cx.clone();
    cx.engine.db.read(move |db| may(&inner, db)).await?;
    let view = draft.check(ProviderId::random()).map_err(EngineError::Invalid)?;
    let provider = oidc::Provider::new(ProviderConfig { view, client_secret: None })?;
    Ok(provider.discover(cx.engine.clock.now()).await?)
}

/// The provider of this name, if people may sign in through it.
async fn enabled(engine: &Arc<Engine>, name: &str) -> Result<oidc::Provider, EngineError> {
    let name = name.to_owned();
    let find = move |db: &mut Db| store::by_name(db, &name)?.ok_or_else(|| not_found(name));
    let kept = engine.db.read(find).await?;
    if !kept.view.enabled {
        return Err(not_found(kept.view.name));
    }
    engine.provider(kept)
}

impl From<oidc::OidcError> for EngineError {
    fn from(error: oidc::OidcError) -> Self {
        match error {
            oidc::OidcError::Trouble(why) => Self::Provider(why),
            oidc::OidcError::Refusal(why) => Self::OpenId(why),
        }
    }
}

/// Whether it is nothing worth an event: anybody can make up such an answer.
const fn is_made_up(why: &OpenIdRefusal) -> bool {
    matches!(why, OpenIdRefusal::NotStarted)
}
