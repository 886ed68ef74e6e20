//! Consoles: what they show, and how somebody comes to one that is open already.

use crate::model::clock::Timestamp;
use crate::model::ids::UserId;
use crate::model::vm::{Display, Protocol, VmAction};

text_enum! {
    /// What a console speaks.
    ConsoleKind { Vnc = "vnc", Spice = "spice", Serial = "serial", }
}
text_enum! {
    /// What somebody wants to see of a VM.
    ConsoleOf { Screen = "screen", Serial = "serial", }
}
text_enum! {
    /// What becomes of those who have the console open.
    Manner { Ask = "ask", Together = "together", TakeOver = "take_over", }
}

impl From<Protocol> for ConsoleKind {
    fn from(protocol: Protocol) -> Self {
        match protocol {
            Protocol::Vnc => Self::Vnc,
            Protocol::Spice => Self::Spice,
        }
    }
}

impl ConsoleOf {
    /// Whose permit it needs.
    pub const fn action(self) -> VmAction {
        match self {
            Self::Screen => VmAction::Console,
            Self::Serial => VmAction::SerialConsole,
        }
    }

    /// What it speaks, with the display the VM has: as it is wanted, where there is a choice.
    pub fn kind(self, display: Display, wanted: Protocol) -> ConsoleKind {
        match self {
            Self::Screen if display.has(wanted) => wanted.into(),
            Self::Screen => display.main().into(),
            Self::Serial => ConsoleKind::Serial,
        }
    }
}

impl ConsoleKind {
    pub const fn of(self) -> ConsoleOf {
        match self {
            Self::Vnc | Self::Spice => ConsoleOf::Screen,
            Self::Serial => ConsoleOf::Serial,
        }
    }

    /// Several can look on at once. QEMU's SPICE server serves one client, and two on a serial line would share its letters out.
    pub const fn is_shared(self) -> bool {
        matches!(self, Self::Vnc)
    }

    /// Connections beside the first that a browser may need: SPICE has one for each of display, keys, pointer, sound, ….
    pub const fn channels(self) -> usize {
        match self {
            Self::Spice => 7,
            Self::Vnc | Self::Serial => 0,
        }
    }
}

text_enum! {
    /// By what right somebody opens a console.
    Entry {
        /// A permission on the VM.
        Own = "own",
        /// As a teacher: what he types is dropped.
        Watch = "watch",
        /// As a teacher, with keys and pointer, beside the student.
        Help = "help",
    }
}

/// Somebody who has a console of a VM open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Watcher {
    pub user: UserId,
    /// `name@domain`
    pub name: String,
    pub kind: ConsoleKind,
    pub entry: Entry,
    pub since: Timestamp,
}
