//! What state a VM is in: computed from what the engine intends and what the host reports.

use crate::model::vm::VmStatus;

text_enum! {
    /// What the engine wants of a VM.
    Intent {
        Off = "off",
        /// A job makes, copies or removes its images.
        Images = "images",
        Run = "run",
        /// Run, from the saved state.
        Restore = "restore",
        /// The guest was asked to shut down.
        Shutdown = "shutdown",
        /// The guest was asked to reboot.
        Reboot = "reboot",
        /// Its memory is being saved.
        Suspend = "suspend",
        /// On its way to another host.
        Migrate = "migrate",
        /// Saved, and to stay so.
        Suspended = "suspended",
    }
}
text_enum! {
    /// What its host said last.
    Observed {
        /// Not running, or not known there.
        Off = "off", Running = "running", Paused = "paused",
        /// Paused, because a read or write failed.
        PausedIo = "paused_io",
        /// On its way down.
        Stopping = "stopping",
        /// Off, with a saved state.
        Saved = "saved", Crashed = "crashed",
    }
}

impl Observed {
    /// A QEMU process belongs to it.
    pub const fn is_living(self) -> bool {
        matches!(self, Self::Running | Self::Paused | Self::PausedIo | Self::Stopping)
    }
}

/// All a VM's state depends on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Facts {
    pub intent: Intent,
    pub observed: Observed,
    /// The guest agent answers.
    pub agent: bool,
    /// The host it runs on answers.
    pub host_responds: bool,
    /// It runs for so long that a guest without agent counts as up.
    pub settled: bool,
}

/// The state people see.
pub const fn status(facts: Facts) -> VmStatus {
    use VmStatus as S;
    if facts.observed.is_living() && !facts.host_responds {
        return S::Unknown;
    }
    match (facts.intent, facts.observed) {
        (Intent::Images, _) => S::ImageLocked,
        (Intent::Off, Observed::Off | Observed::Saved | Observed::Crashed) => S::Down,
        (Intent::Off, _) => S::PoweringDown,
        (Intent::Shutdown, Observed::Off | Observed::Saved | Observed::Crashed) => S::Down,
        (Intent::Shutdown, Observed::Paused | Observed::PausedIo) => S::Paused,
        (Intent::Shutdown, _) => S::PoweringDown,
        (Intent::Migrate, _) => S::Migrating,
        (Intent::Suspend, _) => S::SavingState,
        (Intent::Suspended, _) => S::Suspended,
        (Intent::Restore, Observed::Running) => running(facts),
        (Intent::Restore, _) => S::RestoringState,
        (_, Observed::Off | Observed::Saved | Observed::Crashed) => S::WaitForLaunch,
        (_, Observed::Paused | Observed::PausedIo) => S::Paused,
        (_, Observed::Stopping) => S::PoweringDown,
        (Intent::Reboot, Observed::Running) => S::RebootInProgress,
        (Intent::Run, Observed::Running) => running(facts),
    }
}

const fn running(facts: Facts) -> VmStatus {
    if facts.agent || facts.settled { VmStatus::Up } else { VmStatus::PoweringUp }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CALM: Facts =
        Facts { intent: Intent::Off, observed: Observed::Off, agent: false, host_responds: true, settled: false };

    #[test]
    fn the_way_up_and_down() {
        let steps = [
            (CALM, VmStatus::Down),
            (Facts { intent: Intent::Images, ..CALM }, VmStatus::ImageLocked),
            (Facts { intent: Intent::Run, ..CALM }, VmStatus::WaitForLaunch),
            (Facts { intent: Intent::Run, observed: Observed::Running, ..CALM }, VmStatus::PoweringUp),
            (Facts { intent: Intent::Run, observed: Observed::Running, agent: true, ..CALM }, VmStatus::Up),
            (Facts { intent: Intent::Run, observed: Observed::Running, settled: true, ..CALM }, VmStatus::Up),
            (
                Facts { intent: Intent::Reboot, observed: Observed::Running, agent: true, ..CALM },
                VmStatus::RebootInProgress,
            ),
            (
                Facts { intent: Intent::Shutdown, observed: Observed::Running, settled: true, ..CALM },
                VmStatus::PoweringDown,
            ),
            (Facts { intent: Intent::Shutdown, observed: Observed::Stopping, ..CALM }, VmStatus::PoweringDown),
            (Facts { intent: Intent::Run, observed: Observed::Stopping, agent: true, ..CALM }, VmStatus::PoweringDown),
            (Facts { intent: Intent::Off, observed: Observed::Running, agent: true, ..CALM }, VmStatus::PoweringDown),
            (Facts { intent: Intent::Off, observed: Observed::Crashed, ..CALM }, VmStatus::Down),
        ];
        for (facts, expected) in steps {
            assert_eq!(status(facts), expected, "{facts:?}");
        }
    }

    #[test]
    fn saved_and_restored() {
        let steps = [
            (Intent::Suspend, Observed::Running, VmStatus::SavingState),
            (Intent::Suspend, Observed::Paused, VmStatus::SavingState),
            (Intent::Suspend, Observed::Saved, VmStatus::SavingState),
            (Intent::Suspended, Observed::Saved, VmStatus::Suspended),
            (Intent::Restore, Observed::Saved, VmStatus::RestoringState),
            (Intent::Restore, Observed::Paused, VmStatus::RestoringState),
            (Intent::Restore, Observed::Running, VmStatus::Up),
            (Intent::Run, Observed::PausedIo, VmStatus::Paused),
        ];
        for (intent, observed, expected) in steps {
            assert_eq!(status(Facts { intent, observed, settled: true, ..CALM }), expected, "{intent} {observed}");
        }
    }

    #[test]
    fn nothing_is_known_of_what_ran_on_a_silent_host() {
        for &intent in Intent::ALL {
            for &observed in Observed::ALL {
                let status = status(Facts { intent, observed, host_responds: false, ..CALM });
                assert_eq!(status == VmStatus::Unknown, observed.is_living(), "{intent} {observed}");
            }
        }
    }
}
