//! Stops or fails the engine's jobs at a chosen place, for tests.
//!
//! `VIREO_TEST_PAUSE=kind:step:before` or `…:after` (for example `start_vm:launch:after`): a job of that kind that comes to that
//! step prints `paused at start_vm:launch:after` on standard error and goes no further, so that a test can kill the engine exactly
//! there. `before` is when the step is marked as started and nothing of it is done; `after` is when all of it is done and nothing of
//! that is kept. Without the variable this does nothing.

use crate::engine::EngineError;
use crate::model::job::JobKind;

/// What goes wrong on purpose.
#[derive(Debug, Default)]
pub(super) struct Faults {
    pause: Option<String>,
    #[cfg(test)]
    pub(super) test: std::sync::Mutex<TestFaults>,
}

/// The same for tests in this process, and more.
#[cfg(test)]
#[derive(Debug, Default, Clone)]
pub(super) struct TestFaults {
    pub(super) pause: Option<String>,
    pub(super) paused: bool,
    pub(super) twice: bool,
    /// The step that does all it has to do and fails then.
    pub(super) fail: Option<String>,
}

impl Faults {
    pub(super) fn from_environment() -> Self {
        Self {
            pause: std::env::var("VIREO_TEST_PAUSE").ok().filter(|place| !place.is_empty()),
            #[cfg(test)]
            test: std::sync::Mutex::default(),
        }
    }

    /// Never returns if this is the place; in this process's tests not before they say so.
    pub(super) async fn pause(&self, kind: JobKind, step: &str, moment: &str) {
        let place = format!("{kind}:{step}:{moment}");
        if self.pause.as_ref() == Some(&place) {
            eprintln!("paused at {place}");
            std::future::pending::<()>().await;
        }
        #[cfg(test)]
        while self.test_pauses(&place) {
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
    }

    /// How often a step is run.
    #[cfg(not(test))]
    pub(super) fn runs(&self) -> usize {
        1
    }

    /// Fails if this step is to.
    #[cfg(not(test))]
    pub(super) fn fail(&self, _: JobKind, _: &str) -> Result<(), EngineError> {
        Ok(())
    }
}

#[cfg(test)]
impl Faults {
    fn test_pauses(&self, place: &str) -> bool {
        let mut test = self.test.lock().unwrap();
        test.paused |= test.pause.as_deref() == Some(place);
        test.paused
    }

    pub(super) fn runs(&self) -> usize {
        if self.test.lock().unwrap().twice { 2 } else { 1 }
    }

    pub(super) fn fail(&self, kind: JobKind, step: &str) -> Result<(), EngineError> {
        if self.test.lock().unwrap().fail == Some(format!("{kind}:{step}")) {
            return Err(crate::model::conflict::Conflict::told(format!("{step} fails in this test")).into());
        }
        Ok(())
    }
}
