//! Open sessions: seen and ended, by administrators and by their owners.

use crate::engine::internal::may;
use crate::engine::{Cx, EngineError};
use crate::model::clock;
use crate::model::event::{About, EventCode};
use crate::model::ids::{SessionId, UserId};
use crate::model::page::{ListQuery, Page};
use crate::model::search::{Field, Value, select};
use crate::model::user::SessionView;
use crate::store::sessions as store;
use std::collections::HashMap;

const FIELDS: &[Field<SessionView>] = &[
    Field { name: "user", get: |s| Value::Text(s.principal()) },
    Field { name: "domain", get: |s| Value::Text(s.domain.clone()) },
    Field { name: "address", get: |s| Value::Text(s.source_ip.clone()) },
    Field { name: "kind", get: |s| Value::Text(s.kind.to_string()) },
    Field { name: "method", get: |s| Value::Text(s.method.to_string()) },
    Field { name: "since", get: |s| Value::Text(clock::show(s.created)) },
    Field { name: "active", get: |s| Value::Text(clock::show(s.last_active)) },
    Field { name: "consoles", get: |s| Value::Number(u32::try_from(s.consoles).map_or(f64::MAX, f64::from)) },
];

/// All open sessions.
///
/// # Errors
/// Refused, the search is not understood, or the database failed.
pub async fn list(cx: &Cx, query: &ListQuery) -> Result<Page<SessionView>, EngineError> {
    let inner = cx.clone();
    let read = move |db: &mut crate::db::Db| {
        may(&inner, db)?;
        Ok::<_, EngineError>(store::list(db, None)?)
    };
    let rows = cx.engine.db.read(read).await?;
    Ok(select(with_consoles(cx, rows), "Sessions", FIELDS, query)?)
}

/// One's own.
///
/// # Errors
/// The database failed.
pub async fn own(cx: &Cx) -> Result<Vec<SessionView>, EngineError> {
    let me = cx.actor.user;
    let rows = cx.engine.db.read(move |db| Ok::<_, EngineError>(store::list(db, Some(me))?)).await?;
    Ok(with_consoles(cx, rows))
}

fn with_consoles(cx: &Cx, mut rows: Vec<SessionView>) -> Vec<SessionView> {
    let mut open: HashMap<SessionId, usize> = HashMap::new();
    for session in cx.engine.consoles.sessions() {
        *open.entry(session).or_default() += 1;
    }
    for row in &mut rows {
        row.consoles = open.get(&row.id).copied().unwrap_or_default();
    }
    rows
}

/// Ends sessions, with their consoles: one's own, or whoever's for who manages users. How many there still were.
///
/// # Errors
/// Refused, or the database failed.
pub async fn end(cx: &Cx, sessions: Vec<SessionId>) -> Result<usize, EngineError> {
    let inner = cx.clone();
    let ended = cx
        .engine
        .db
        .write(move |db| {
            let all = store::list(db, None)?;
            let wanted: Vec<SessionView> = all.into_iter().filter(|s| sessions.contains(&s.id)).collect();
            let others = |s: &SessionView| s.user != inner.actor.user;
            // Who may not see others' sessions hears no more than that there is none.
            if sessions.is_empty() || wanted.len() < sessions.len() || wanted.iter().any(others) {
                may(&inner, db)?;
            }
            let mut told: HashMap<UserId, String> = HashMap::new();
            for session in &wanted {
                store::remove(db, session.id)?;
                told.insert(session.user, session.principal());
            }
            for name in told.values() {
                inner.tell(db, EventCode::SessionTerminated, About::default(), name)?;
            }
            Ok::<_, EngineError>(wanted.into_iter().map(|s| s.id).collect::<Vec<_>>())
        })
        .await?;
    for session in &ended {
        cx.engine.consoles.session_ended(*session);
    }
    Ok(ended.len())
}

/// Ends all of one's own but the one that asks.
///
/// # Errors
/// The database failed.
pub async fn end_others(cx: &Cx) -> Result<usize, EngineError> {
    let all = own(cx).await?.into_iter().map(|s| s.id);
    let others: Vec<SessionId> = all.filter(|id| Some(*id) != cx.actor.session).collect();
    if others.is_empty() { Ok(0) } else { end(cx, others).await }
}
