//! What the agent reports: one broadcast that every event stream reads.

use crate::wire::{DomainReport, HostEvent};
use std::sync::Arc;
use tokio::sync::{Notify, broadcast};

/// The agent's news. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Hub {
    news: broadcast::Sender<HostEvent>,
    newcomer: Arc<Notify>,
}

impl Default for Hub {
    fn default() -> Self {
        Self { news: broadcast::channel(1024).0, newcomer: Arc::default() }
    }
}

impl Hub {
    pub fn tell(&self, event: HostEvent) {
        // No engine listens just now: it gets a snapshot when it does.
        let _ = self.news.send(event);
    }
    pub fn domain(&self, report: DomainReport) {
        self.tell(HostEvent::Domain(report));
    }
    pub fn listen(&self) -> broadcast::Receiver<HostEvent> {
        self.newcomer.notify_one();
        self.news.subscribe()
    }
    /// Somebody listens who has not heard what was told before.
    pub async fn newcomer(&self) {
        self.newcomer.notified().await;
    }
}
