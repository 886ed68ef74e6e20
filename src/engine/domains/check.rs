//! Whether a domain's directory can be used: asked by people, and again and again by the engine itself.

use super::change::{kept, renamed};
use super::may;
use crate::directories::ldap::Directory;
use crate::engine::{Cx, Engine, EngineError};
use crate::model::domain::{DirectoryConfig, Step, StepReport};
use crate::model::domain_draft::{Draft, LastCheck, failed};
use crate::model::event::{About, EventCode};
use crate::model::ids::DomainId;
use crate::model::valid::Invalid;
use std::sync::Arc;

/// Whom to try with; nobody: anybody is looked for, and nobody is signed in.
#[derive(Clone, Default)]
pub struct Trial {
    pub user_name: Option<String>,
    /// None: he is only looked for.
    pub password: Option<String>,
}

impl Trial {
    /// What was typed; empty: nothing.
    pub fn typed(user_name: &str, password: &str) -> Self {
        let some = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
        Self { user_name: some(user_name.trim()), password: some(password) }
    }
}

/// Every step of reaching a directory that is described here, up to the first that fails; `id`: the domain that is to be changed.
///
/// # Errors
/// Refused, invalid, no such domain, or the database failed. A step that fails is no error.
pub async fn test(cx: &Cx, id: Option<DomainId>, draft: &Draft, trial: &Trial) -> Result<Vec<StepReport>, EngineError> {
    let config = checked(cx, id, draft).await?.map_err(EngineError::Invalid)?;
    Ok(steps(&config, trial).await)
}

/// What is wrong with a description, while somebody is still at it.
///
/// # Errors
/// Refused, no such domain, or the database failed.
pub async fn wrong(cx: &Cx, id: Option<DomainId>, draft: &Draft) -> Result<Vec<Invalid>, EngineError> {
    Ok(checked(cx, id, draft).await?.err().unwrap_or_default())
}

async fn checked(
    cx: &Cx,
    id: Option<DomainId>,
    draft: &Draft,
) -> Result<Result<DirectoryConfig, Vec<Invalid>>, EngineError> {
    match id {
        Some(id) => {
            let kept = kept(cx, id).await?;
            Ok(renamed(draft, &kept).config(Some(&kept)))
        }
        None => {
            let inner = cx.clone();
            cx.engine.db.read(move |db| may(&inner, db)).await?;
            Ok(draft.config(None))
        }
    }
}

/// Every step of reaching a domain's directory as it is kept, up to the first that fails.
///
/// # Errors
/// Refused, no such domain, or the database failed. A step that fails is no error.
pub async fn validate(cx: &Cx, id: DomainId, trial: &Trial) -> Result<Vec<StepReport>, EngineError> {
    let config = kept(cx, id).await?;
    let steps = steps(&config, trial).await;
    // Whether somebody's password is right says nothing of the directory.
    if trial.user_name.is_none() {
        found(&cx.engine, id, &config.name, steps.clone()).await?;
    }
    Ok(steps)
}

pub(super) async fn steps(config: &DirectoryConfig, trial: &Trial) -> Vec<StepReport> {
    match Directory::new(config.clone()) {
        Ok(directory) => directory.check(trial.user_name.as_deref(), trial.password.as_deref()).await,
        Err(trouble) => vec![StepReport { step: Step::Connect, outcome: Err(trouble) }],
    }
}

/// Even by force nothing is kept that cannot be read.
pub(super) fn readable(config: &DirectoryConfig) -> Result<(), EngineError> {
    match Directory::new(config.clone()) {
        Ok(_) => Ok(()),
        Err(trouble) => Err(EngineError::Steps(vec![StepReport { step: Step::Connect, outcome: Err(trouble) }])),
    }
}

/// Looks at all directories; tells when one cannot be used any more, and when it can again.
///
/// # Errors
/// The database failed.
pub(in crate::engine) async fn watch(engine: &Arc<Engine>) -> Result<(), EngineError> {
    let all: Vec<(String, DomainId)> =
        engine.domains.loaded.lock().await.iter().map(|(name, (id, _))| (name.clone(), *id)).collect();
    let looks = all.into_iter().map(|(name, id)| async move {
        let Some(directory) = engine.directories.get(&name) else { return Ok(()) };
        found(engine, id, &name, directory.check(None, None).await).await
    });
    futures_util::future::join_all(looks).await.into_iter().collect()
}

async fn found(engine: &Arc<Engine>, id: DomainId, name: &str, steps: Vec<StepReport>) -> Result<(), EngineError> {
    let trouble = failed(&steps).and_then(|step| step.outcome.clone().err());
    let before = engine.domains.note(id, LastCheck { at: engine.clock.now(), steps });
    let was_good = before.as_ref().is_none_or(|last| last.failed().is_none());
    let (code, detail) = match trouble {
        Some(trouble) if was_good => (EventCode::DomainUnusable, format!("{name}: {trouble}")),
        None if !was_good => (EventCode::DomainUsable, name.to_owned()),
        _ => return Ok(()),
    };
    let inner = engine.clone();
    engine.db.write(move |db| inner.tell(db, code, About::default(), &detail)).await
}
