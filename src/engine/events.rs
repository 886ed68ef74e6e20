//! Events: what people read about what happened.

use crate::auth;
use crate::db::Db;
use crate::engine::changes::Topic;
use crate::engine::{Cx, Engine, EngineError};
use crate::model::event::{About, EventCode, EventView};
use crate::model::ids::{JobId, ObjectId};
use crate::model::page::{ListQuery, Page};
use crate::model::search::{Field, Search, Value, paging, select};
use crate::store::events::read::{self, Wanted};
use crate::store::events::write::{NewEvent, insert};
use crate::store::scope::{self, Scope};
use std::collections::HashMap;
use std::collections::hash_map::Entry;

/// So many of the newest are searched.
const WINDOW: i64 = 2000;

/// What events are searched by.
const FIELDS: &[Field<EventView>] = &[
    Field { name: "id", get: |e| Value::Text(e.id.to_string()) },
    Field { name: "message", get: |e| Value::Text(e.message.clone()) },
    Field { name: "severity", get: |e| Value::Text(e.severity.to_string()) },
    Field { name: "code", get: |e| Value::Text(e.code.to_string()) },
    Field { name: "type", get: |e| Value::Text(e.code.number().to_string()) },
    Field { name: "time", get: |e| Value::Text(e.time.to_string()) },
    Field { name: "user", get: |e| Value::Text(name(&e.about.user).to_owned()) },
    Field { name: "vm", get: |e| Value::Text(name(&e.about.vm).to_owned()) },
    Field { name: "host", get: |e| Value::Text(name(&e.about.host).to_owned()) },
    Field { name: "template", get: |e| Value::Text(name(&e.about.template).to_owned()) },
    Field { name: "pool", get: |e| Value::Text(name(&e.about.pool).to_owned()) },
    Field { name: "storage", get: |e| Value::Text(name(&e.about.storage_domain).to_owned()) },
    Field { name: "cluster", get: |e| Value::Text(name(&e.about.cluster).to_owned()) },
    Field { name: "correlation_id", get: |e| Value::Text(e.correlation_id.clone()) },
];

/// Events, newest first; `after`: only those with a greater id, oldest first. Who does not see everything sees those about what he
/// sees, and his own.
///
/// # Errors
/// Refused, invalid, hidden, or the database failed.
pub async fn list(cx: &Cx, query: &ListQuery, after: Option<i64>) -> Result<Page<EventView>, EngineError> {
    if query.search.is_empty() && query.sort.is_empty() && after.is_none() {
        return newest(cx, query).await;
    }
    let rows = seen(cx, Wanted { after, ..Wanted::default() }, WINDOW).await?;
    Ok(select(rows, "Events", FIELDS, query)?)
}

/// A page of all events: only as many are read as it takes.
async fn newest(cx: &Cx, query: &ListQuery) -> Result<Page<EventView>, EngineError> {
    let (page, per_page) = paging(&Search::default(), query);
    let skip = i64::from(page - 1) * i64::from(per_page);
    let limit = skip.saturating_add(per_page.into());
    let actor = cx.actor.clone();
    let all = cx
        .engine
        .db
        .read(move |db| {
            let everything = auth::visible(db, &actor)? == Scope::All;
            Ok::<_, EngineError>(if everything { Some(read::count(db)?) } else { None })
        })
        .await?;
    let seen = seen(cx, Wanted::default(), if all.is_some() { limit } else { WINDOW }).await?;
    let total = all.map_or(seen.len() as u64, i64::unsigned_abs);
    let skip = usize::try_from(skip).unwrap_or(usize::MAX);
    Ok(Page {
        rows: seen.into_iter().skip(skip).take(per_page as usize).collect(),
        total,
        page,
        per_page,
        fields: FIELDS.iter().map(|f| f.name).collect(),
    })
}

/// The newest events about one object that the actor may see.
///
/// # Errors
/// Hidden, or the database failed.
pub async fn about(cx: &Cx, object: ObjectId, limit: u32) -> Result<Vec<EventView>, EngineError> {
    let actor = cx.actor.clone();
    let wanted = Wanted { about: Some(object), ..Wanted::default() };
    cx.engine
        .db
        .read(move |db| {
            auth::see(db, &actor, object)?;
            Ok(read::list(db, wanted, limit.into())?)
        })
        .await
}

/// What a task has told, oldest first, of what the actor may see.
///
/// # Errors
/// Refused, hidden, or the database failed.
pub async fn of_job(cx: &Cx, job: JobId) -> Result<Vec<EventView>, EngineError> {
    let mut told = seen(cx, Wanted { job: Some(job), ..Wanted::default() }, WINDOW).await?;
    told.reverse();
    Ok(told)
}

/// One event.
///
/// # Errors
/// Refused, invalid, hidden, or the database failed.
pub async fn get(cx: &Cx, id: i64) -> Result<EventView, EngineError> {
    let found = seen(cx, Wanted { id: Some(id), ..Wanted::default() }, 1).await?.pop();
    found.ok_or(EngineError::NotFound { kind: "event", id: id.to_string() })
}

async fn seen(cx: &Cx, wanted: Wanted, limit: i64) -> Result<Vec<EventView>, EngineError> {
    let actor = cx.actor.clone();
    cx.engine
        .db
        .read(move |db| {
            let scope = auth::visible(db, &actor)?;
            let mut events = read::list(db, wanted, limit)?;
            if scope == Scope::All {
                return Ok(events);
            }
            let mut known: HashMap<ObjectId, bool> = HashMap::new();
            for object in events.iter().flat_map(objects) {
                if let Entry::Vacant(unknown) = known.entry(object) {
                    unknown.insert(scope::contains(db, &scope, object)?);
                }
            }
            let own = |event: &EventView| event.about.user.as_ref().is_some_and(|(id, _)| *id == actor.user);
            events.retain(|event| own(event) || objects(event).any(|object| known.get(&object) == Some(&true)));
            Ok(events)
        })
        .await
}

/// What an event is about, by which it is decided who sees it.
fn objects(event: &EventView) -> impl Iterator<Item = ObjectId> {
    let about = &event.about;
    let all = [
        about.vm.as_ref().map(|(id, _)| id.object()),
        about.pool.as_ref().map(|(id, _)| id.object()),
        about.template.as_ref().map(|(id, _)| id.object()),
        about.host.as_ref().map(|(id, _)| id.object()),
        about.storage_domain.as_ref().map(|(id, _)| id.object()),
        about.cluster.as_ref().map(|(id, _)| id.object()),
    ];
    // The first is what it is about, what follows is where it happened: a user who sees the cluster sees not all its VMs.
    all.into_iter().flatten().take(1)
}

fn name<Id>(named: &Option<(Id, String)>) -> &str {
    named.as_ref().map_or("", |(_, name)| name)
}

impl Engine {
    /// Tells an event of the engine's own doing; commands use [`Cx::tell`], jobs
    /// [`JobContext::tell`](crate::engine::jobs::JobContext::tell). Inside a write transaction: pages hear of it when it is kept.
    ///
    /// # Errors
    /// The database failed.
    pub fn tell(&self, db: &mut Db, code: EventCode, about: About, detail: &str) -> Result<(), EngineError> {
        self.record(db, code, about, detail, None, "")
    }

    pub(in crate::engine) fn record(
        &self,
        db: &mut Db,
        code: EventCode,
        about: About,
        detail: &str,
        job: Option<JobId>,
        correlation_id: &str,
    ) -> Result<(), EngineError> {
        let message = sentence(code, &about, detail);
        let time = self.clock.now();
        insert(db, &NewEvent { code, message: &message, detail, time, about: &about, job, correlation_id })?;
        self.changed(Topic::Events, None);
        Ok(())
    }

    /// Tells pages that something changed, once the running write transaction is kept.
    pub fn changed(&self, topic: Topic, id: Option<uuid::Uuid>) {
        let changes = self.changes.clone();
        crate::db::after_commit(move || changes.tell(topic, id));
    }
}

/// The code's English sentence with the names filled in.
fn sentence(code: EventCode, about: &About, detail: &str) -> String {
    let user = match name(&about.user) {
        "" => "the engine",
        user => user,
    };
    let mut text = String::new();
    let mut rest = code.pattern();
    while let Some((before, after)) = rest.split_once('{') {
        text.push_str(before);
        let (word, behind) = after.split_once('}').unwrap_or((after, ""));
        text.push_str(match word {
            "user" => user,
            "vm" => name(&about.vm),
            "host" => name(&about.host),
            "template" => name(&about.template),
            "pool" => name(&about.pool),
            "cluster" => name(&about.cluster),
            "storage_domain" => name(&about.storage_domain),
            _ => detail,
        });
        rest = behind;
    }
    text.push_str(rest);
    text.trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::ids::{UserId, VmId};

    #[test]
    fn a_sentence_has_its_names_and_nothing_in_braces() {
        let about = About {
            user: Some((UserId::random(), "alice@internal".to_owned())),
            vm: Some((VmId::random(), "{detail}".to_owned())),
            ..About::default()
        };
        assert_eq!(
            sentence(EventCode::RunVmFailed, &about, "no host"),
            "Failed to run VM {detail} (user: alice@internal): no host"
        );
        assert_eq!(sentence(EventCode::VmDown, &about, ""), "VM {detail} is down.");
        for code in EventCode::ALL {
            assert!(!sentence(*code, &About::default(), "x").contains(['{', '}']), "{code}");
        }
    }
}
