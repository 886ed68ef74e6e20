//! Events: what people read about what happened.

use crate::engine::{Cx, EngineError};
use crate::model::event::EventView;
use crate::model::page::{ListQuery, Page};

/// Events, newest first; `after`: only those with a greater id, oldest first.
///
/// # Errors
/// Refused, invalid, hidden, or the database failed.
pub async fn list(_cx: &Cx, _query: &ListQuery, _after: Option<i64>) -> Result<Page<EventView>, EngineError> {
    Err(EngineError::Internal(String::new()))
}

/// One event.
///
/// # Errors
/// Refused, invalid, hidden, or the database failed.
pub async fn get(_cx: &Cx, _id: i64) -> Result<EventView, EngineError> {
    Err(EngineError::Internal(String::new()))
}
