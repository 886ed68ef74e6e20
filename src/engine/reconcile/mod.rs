//! Reconcilers: what is kept true for ever. No input, idempotent, woken by time and by signal, no retry of their own.

mod all;

use crate::engine::{Engine, EngineError};
use crate::model::clock::Timestamp;
use futures_util::future::BoxFuture;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::task::AbortHandle;

/// One thing that is kept true.
#[derive(Clone, Copy)]
struct Reconciler {
    name: &'static str,
    period: Duration,
    run: for<'a> fn(&'a Arc<Engine>) -> BoxFuture<'a, Result<(), EngineError>>,
}

/// How a reconciler's last round went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LastRound {
    pub name: &'static str,
    pub at: Timestamp,
    /// Empty: well.
    pub error: String,
}

/// The running reconcilers.
#[derive(Debug, Default)]
pub struct Reconcilers {
    signals: Mutex<BTreeMap<&'static str, Arc<Notify>>>,
    last: Mutex<BTreeMap<&'static str, LastRound>>,
    tasks: Mutex<Vec<AbortHandle>>,
}

impl Reconcilers {
    /// Has a reconciler run now, and not only when its time has come.
    pub fn wake(&self, name: &str) {
        if let Some(signal) = self.signals.lock().unwrap_or_else(PoisonError::into_inner).get(name) {
            signal.notify_one();
        }
    }

    /// How each went last.
    pub fn last_rounds(&self) -> Vec<LastRound> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner).values().cloned().collect()
    }

    fn note(&self, name: &'static str, at: Timestamp, result: Result<(), EngineError>) {
        let error = result.err().map(|e| e.to_string()).unwrap_or_default();
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let before = last.insert(name, LastRound { name, at, error: error.clone() });
        // A lasting trouble is logged once, not every few seconds.
        if !error.is_empty() && before.is_none_or(|b| b.error != error) {
            tracing::warn!(reconciler = name, error, "a round failed");
        }
    }

    /// Ends all of them.
    pub(in crate::engine) fn stop(&self) {
        self.tasks.lock().unwrap_or_else(PoisonError::into_inner).drain(..).for_each(|task| task.abort());
    }
}

/// Starts all of them.
pub(in crate::engine) fn start(engine: &Arc<Engine>) {
    for reconciler in all::ALL {
        let signal = Arc::new(Notify::new());
        let all = &engine.reconcilers;
        all.signals.lock().unwrap_or_else(PoisonError::into_inner).insert(reconciler.name, signal.clone());
        let task = tokio::spawn(keep(engine.clone(), *reconciler, signal)).abort_handle();
        all.tasks.lock().unwrap_or_else(PoisonError::into_inner).push(task);
    }
}

async fn keep(engine: Arc<Engine>, reconciler: Reconciler, signal: Arc<Notify>) {
    loop {
        let result = (reconciler.run)(&engine).await;
        engine.reconcilers.note(reconciler.name, engine.clock.now(), result);
        // Whichever comes first: time or signal.
        let _ = tokio::time::timeout(reconciler.period, signal.notified()).await;
    }
}
