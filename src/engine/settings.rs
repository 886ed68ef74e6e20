//! The engine's settings (what engine-config changed). They hold at once, for open sessions, too.

use crate::auth;
use crate::engine::{Cx, EngineError};
use crate::model::event::{About, EventCode};
use crate::model::ids::SYSTEM;
use crate::model::role::Action;
use crate::model::setting::{Setting, Settings};
use crate::model::valid::{Invalid, Problem};
use crate::store::settings as store;

/// All of them.
///
/// # Errors
/// Refused, or the database failed.
pub async fn get(cx: &Cx) -> Result<Settings, EngineError> {
    let inner = cx.clone();
    cx.engine
        .db
        .read(move |db| {
            auth::check(db, &inner.actor, Action::ConfigureEngine, SYSTEM)?;
            Ok(store::engine(db)?)
        })
        .await
}

/// The custom properties that VMs may have, with their patterns: for everybody who makes VMs.
///
/// # Errors
/// The database failed.
pub async fn vm_properties(cx: &Cx) -> Result<Vec<(String, String)>, EngineError> {
    let read = |db: &mut crate::db::Db| Ok::<_, EngineError>(store::engine(db)?);
    let permitted = cx.engine.db.read(read).await?.vm_properties;
    Ok(permitted.names().map(|(name, pattern)| (name.to_owned(), pattern.to_owned())).collect())
}

/// The setting of that name.
///
/// # Errors
/// There is none; the error says which there are.
pub fn known(name: &str) -> Result<Setting, EngineError> {
    let allowed = || Setting::ALL.iter().map(|s| s.as_str()).collect::<Vec<_>>().join(", ");
    let problem = |_| Problem::NotOneOf { value: name.chars().take(64).collect(), allowed: allowed() };
    Ok(name.parse().map_err(problem).map_err(|p| Invalid::new("key", p))?)
}

/// Changes some; all or none.
///
/// # Errors
/// Refused, out of range, or the database failed.
pub async fn set(cx: &Cx, changes: Vec<(Setting, String)>) -> Result<Settings, EngineError> {
    let inner = cx.clone();
    let settings = cx
        .engine
        .db
        .write(move |db| {
            auth::check(db, &inner.actor, Action::ConfigureEngine, SYSTEM)?;
            let before = store::engine(db)?;
            let mut settings = before.clone();
            let wrong: Vec<_> = changes.iter().filter_map(|(key, value)| settings.set(*key, value).err()).collect();
            if !wrong.is_empty() {
                return Err(EngineError::Invalid(wrong));
            }
            store::set_engine(db, &settings)?;
            let other = |key: &&Setting| before.get(**key) != settings.get(**key);
            let told: Vec<String> =
                Setting::ALL.iter().filter(other).map(|key| format!("{key}={}", settings.get(*key))).collect();
            if !told.is_empty() {
                inner.tell(db, EventCode::EngineConfigured, About::default(), &told.join(" "))?;
            }
            Ok(settings)
        })
        .await?;
    // Sessions that are over by the new settings take their consoles with them.
    cx.engine.reconcilers.wake("sessions");
    Ok(settings)
}
