//! Events: what people read about what happened.

use crate::db::Db;
use crate::engine::changes::Topic;
use crate::engine::{Cx, Engine, EngineError};
use crate::model::event::{About, EventCode, EventView};
use crate::model::ids::JobId;
use crate::model::page::{ListQuery, Page};
use crate::store::events::write::{NewEvent, insert};

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
    fn name<Id>(named: &Option<(Id, String)>) -> &str {
        named.as_ref().map_or("", |(_, name)| name)
    }
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
