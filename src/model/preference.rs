//! How somebody wants his consoles.

text_enum! {
    /// Where they open.
    ConsoleChoice { Browser = "browser", Viewer = "viewer", }
}

/// One person's choices; who has made none has these.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Preferences {
    pub console: ConsoleChoice,
    /// A console fills the screen as soon as it is clicked into.
    pub full_screen: bool,
    /// Who has one desktop only comes to it when he signs in.
    pub auto_connect: bool,
}

impl Default for Preferences {
    fn default() -> Self {
        Self { console: ConsoleChoice::Browser, full_screen: false, auto_connect: false }
    }
}
