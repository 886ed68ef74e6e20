//! Live updates: what changed, told to every open page.

use crate::model::permission::ObjectKind;
use tokio::sync::broadcast;

/// One thing changed. Carries no content: whoever may see it asks again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Change {
    pub topic: Topic,
    /// None: the list as such.
    pub id: Option<uuid::Uuid>,
}

/// What pages subscribe to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Topic {
    Object(ObjectKind),
    Jobs,
    Events,
    /// Something in a class: what was told or given, a lock, a hand, who looks on.
    Class,
    /// New statistics arrived (every few seconds).
    Stats,
}

/// The sender's side. Slow pages lose old changes and are told to refresh all.
#[derive(Debug, Clone)]
pub struct Changes(broadcast::Sender<Change>);

impl Default for Changes {
    fn default() -> Self {
        Self(broadcast::channel(1024).0)
    }
}

impl Changes {
    pub fn tell(&self, topic: Topic, id: Option<uuid::Uuid>) {
        // Nobody listening is fine.
        let _ = self.0.send(Change { topic, id });
    }
    pub fn listen(&self) -> broadcast::Receiver<Change> {
        self.0.subscribe()
    }
}
