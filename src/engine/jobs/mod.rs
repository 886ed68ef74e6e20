//! Jobs: work that outlasts a request, in steps that can be repeated and undone.

use crate::engine::{Cx, EngineError};
use crate::model::ids::JobId;
use crate::model::job::JobView;

/// Running jobs and those that ended lately, newest first.
///
/// # Errors
/// Refused, invalid, hidden, or the database failed.
pub async fn list(_cx: &Cx) -> Result<Vec<JobView>, EngineError> {
    Err(EngineError::Internal(String::new()))
}

/// One job with its steps.
///
/// # Errors
/// Refused, invalid, hidden, or the database failed.
pub async fn get(_cx: &Cx, _id: JobId) -> Result<JobView, EngineError> {
    Err(EngineError::Internal(String::new()))
}

/// Tries a stuck job again.
///
/// # Errors
/// Refused, invalid, hidden, or the database failed.
pub async fn retry(_cx: &Cx, _id: JobId) -> Result<(), EngineError> {
    Err(EngineError::Internal(String::new()))
}
