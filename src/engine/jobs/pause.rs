//! Stops the engine's jobs at a chosen place, so that a test can kill the engine exactly there.
//!
//! `VIREO_TEST_PAUSE=kind:step:before` or `…:after` (for example `start_vm:launch:after`): a job of that kind that comes to that
//! step prints `paused at start_vm:launch:after` on standard error and goes no further. `before` is when the step is marked as
//! started and nothing of it is done; `after` is when all of it is done and nothing of that is kept. Without the variable this
//! does nothing.

use crate::model::job::JobKind;

/// Where jobs stop.
#[derive(Debug, Clone, Default)]
pub(super) struct Pause(Option<String>);

impl Pause {
    pub(super) fn from_environment() -> Self {
        Self(std::env::var("VIREO_TEST_PAUSE").ok().filter(|place| !place.is_empty()))
    }

    /// Never returns if this is the place.
    pub(super) async fn at(&self, kind: JobKind, step: &str, moment: &str) {
        let Some(wanted) = &self.0 else { return };
        let place = format!("{kind}:{step}:{moment}");
        if *wanted == place {
            eprintln!("paused at {place}");
            std::future::pending::<()>().await;
        }
    }
}
