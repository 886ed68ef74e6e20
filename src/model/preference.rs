//! How somebody wants his consoles.

use crate::model::vm::Protocol;

text_enum! {
    /// Where they open.
    ConsoleChoice { Browser = "browser", Viewer = "viewer", }
}

/// One person's choices; who has made none has these.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Preferences {
    pub console: ConsoleChoice,
    /// Of a VM that has both.
    pub protocol: Protocol,
    /// A console fills the screen as soon as it is clicked into.
    pub full_screen: bool,
    /// Who has one desktop only comes to it when he signs in.
    pub auto_connect: bool,
}

impl Default for Preferences {
    fn default() -> Self {
        // Several can look at it, and a teacher, too.
        Self { console: ConsoleChoice::Browser, protocol: Protocol::Vnc, full_screen: false, auto_connect: false }
    }
}
