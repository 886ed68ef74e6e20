//! Clocks that differ: with tickets and codes that hold for minutes, a directory whose clock is another's soon lets nobody in.

use crate::engine::{Engine, EngineError};
use crate::model::event::{About, EventCode};
use std::sync::Arc;
use time::Duration;

/// Two clocks may differ by so much. (Kerberos allows five minutes.)
pub const ALLOWED: Duration = Duration::minutes(2);

/// Asks every directory for its time.
///
/// # Errors
/// A directory did not answer, or the database failed.
pub(in crate::engine) async fn watch(engine: &Arc<Engine>) -> Result<(), EngineError> {
    let looks = engine.directories.names().into_iter().map(|domain| async move { look(engine, domain).await });
    futures_util::future::join_all(looks).await.into_iter().collect()
}

async fn look(engine: &Arc<Engine>, domain: String) -> Result<(), EngineError> {
    let Some(directory) = engine.directories.get(&domain) else { return Ok(()) };
    let Some(there) = directory.clock().await? else { return Ok(()) };
    let ahead = there - engine.clock.now().assume_utc();
    let before = engine.directories.note_skew(&domain, ahead);
    let (was, is) = (before.is_some_and(too_much), too_much(ahead));
    let (code, detail) = match (was, is) {
        (false, true) => (EventCode::ClockSkew, sentence(&domain, ahead)),
        (true, false) => (EventCode::ClockAgrees, domain),
        _ => return Ok(()),
    };
    tracing::warn!(detail, "clocks");
    let inner = engine.clone();
    engine.db.write(move |db| inner.tell(db, code, About::default(), &detail)).await
}

pub(super) fn too_much(ahead: Duration) -> bool {
    ahead.abs() > ALLOWED
}

fn sentence(domain: &str, ahead: Duration) -> String {
    let seconds = ahead.abs().whole_seconds();
    let (before, behind) =
        if ahead.is_positive() { ("the directory", "this machine") } else { ("this machine", "the directory") };
    format!("{domain}: {before} is {seconds} seconds ahead of {behind}")
}
