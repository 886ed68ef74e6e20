//! The internal domain's settings.

use super::may;
use crate::engine::{Cx, EngineError};
use crate::model::event::{About, EventCode};
use crate::model::internal::Settings;
use crate::store::accounts as store;

/// All of them.
///
/// # Errors
/// Refused, or the database failed.
pub async fn get(cx: &Cx) -> Result<Settings, EngineError> {
    let inner = cx.clone();
    cx.engine
        .db
        .read(move |db| {
            may(&inner, db)?;
            Ok(store::settings(db)?)
        })
        .await
}

/// Changes some; all or none.
///
/// # Errors
/// Refused, no such setting, out of its limits, or the database failed.
pub async fn set(cx: &Cx, changes: Vec<(String, String)>) -> Result<Settings, EngineError> {
    let inner = cx.clone();
    cx.engine
        .db
        .write(move |db| {
            may(&inner, db)?;
            let mut settings = store::settings(db)?;
            let wrong: Vec<_> = changes.iter().filter_map(|(name, value)| settings.set(name, value).err()).collect();
            if !wrong.is_empty() {
                return Err(EngineError::Invalid(wrong));
            }
            store::set_settings(db, &settings)?;
            let told = changes.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(" ");
            inner.tell(db, EventCode::InternalSettings, About::default(), &told)?;
            Ok(settings)
        })
        .await
}
