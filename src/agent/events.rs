//! What the agent reports: one broadcast that every event stream reads.

use crate::wire::{DomainReport, HostEvent};
use tokio::sync::broadcast;

/// The agent's news. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Hub(broadcast::Sender<HostEvent>);

impl Default for Hub {
    fn default() -> Self {
        Self(broadcast::channel(1024).0)
    }
}

impl Hub {
    pub fn tell(&self, event: HostEvent) {
        // No engine listens just now: it gets a snapshot when it does.
        let _ = self.0.send(event);
    }
    pub fn domain(&self, report: DomainReport) {
        self.tell(HostEvent::Domain(report));
    }
    pub fn listen(&self) -> broadcast::Receiver<HostEvent> {
        self.0.subscribe()
    }
}
