//! A pool as a class: its teacher sees the screens of all who have one of its VMs, tells and gives them things, helps.

use crate::model::clock::Timestamp;
use crate::model::console::Watcher;
use crate::model::ids::{GiftId, PoolId, UserId, VmId};
use crate::model::pool::{PoolHolder, PoolView};
use crate::model::valid::{Invalid, Problem, text};
use crate::model::vm::VmRow;
use time::Duration;

/// A lock that nobody takes away ends by itself.
pub const LOCK: Duration = Duration::hours(4);
/// What is told is shown so long at most.
pub const TOLD: Duration = Duration::hours(2);
/// What is given can be had so long.
pub const GIVEN: Duration = Duration::hours(12);
/// Bytes of a file that is given.
pub const MAX_FILE: u64 = 50 << 20;
/// Things that a class can have at a time; more would fill the engine's disk.
pub const MAX_GIFTS: usize = 50;
const MAX_MESSAGE: usize = 2000;
const MAX_LINK: usize = 2000;
const MAX_FILE_NAME: usize = 120;

text_enum! {
    GiftKind { Message = "message", Link = "link", File = "file", }
}

/// What a teacher told or gave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gift {
    pub id: GiftId,
    pub pool: PoolId,
    /// None: everybody who has one of the pool's VMs.
    pub to: Option<UserId>,
    pub kind: GiftKind,
    /// The text, the address, or the file's name.
    pub content: String,
    /// Of a file.
    pub bytes: u64,
    /// The teacher's full name.
    pub sender: String,
    pub created: Timestamp,
    pub expires: Timestamp,
}

/// What became of a file in a guest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    pub gift: GiftId,
    pub vm: VmId,
    pub done: bool,
    /// Where it lies, or why it is not there.
    pub detail: String,
    pub tries: u32,
}

/// A gift with what became of it, as its teacher sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GiftView {
    pub gift: Gift,
    /// Empty: everybody.
    pub to_name: String,
    /// The student's name and VM with what became of the file there; none: not tried yet.
    pub deliveries: Vec<(String, String, Option<Delivery>)>,
}

/// Somebody who has a VM of the class.
#[derive(Debug, Clone, PartialEq)]
pub struct Student {
    pub vm: VmRow,
    pub holder: PoolHolder,
    /// Falls back to the user's name.
    pub full_name: String,
    /// Asks for help since then.
    pub hand: Option<Timestamp>,
    /// Locked alone.
    pub locked_until: Option<Timestamp>,
    pub watchers: Vec<Watcher>,
}

/// A class on one page.
#[derive(Debug, Clone, PartialEq)]
pub struct ClassView {
    pub pool: PoolView,
    pub students: Vec<Student>,
    /// VMs that come up just now.
    pub starting: u32,
    /// All of them.
    pub locked_until: Option<Timestamp>,
    /// What its teacher may do.
    pub may: ClassMay,
}

/// What somebody may do in a class.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ClassMay {
    pub help: bool,
    pub message: bool,
    pub give: bool,
    pub lock: bool,
    pub reset: bool,
}

/// What somebody who has VMs of classes is shown of them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Notices {
    pub gifts: Vec<(Gift, Option<Delivery>)>,
    pub desks: Vec<Desk>,
}

/// A VM of a class, as the one who has it sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Desk {
    pub vm: VmId,
    pub name: String,
    pub pool: PoolId,
    pub pool_name: String,
    pub hand: bool,
    pub locked: bool,
    /// Teachers who look on.
    pub teachers: Vec<Watcher>,
    /// It is shut down then, with the lesson it was taken for.
    pub ends: Option<Timestamp>,
}

/// A message.
///
/// # Errors
/// It is empty, too long, or has control characters.
pub fn message(said: &str) -> Result<String, Invalid> {
    let said = text("message", said, MAX_MESSAGE)?;
    if said.is_empty() { Err(Invalid::new("message", Problem::Missing)) } else { Ok(said) }
}

/// An address to open. It leads to a web page, and to the machine that it seems to lead to.
///
/// # Errors
/// It is none.
pub fn link(said: &str) -> Result<String, Invalid> {
    let said = said.trim();
    if said.is_empty() {
        return Err(Invalid::new("link", Problem::Missing));
    }
    if said.chars().count() > MAX_LINK {
        return Err(Invalid::new("link", Problem::TooLong { max: MAX_LINK }));
    }
    let (scheme, rest) = said.split_once("://").unwrap_or_default();
    let web = ["http", "https"].iter().any(|s| scheme.eq_ignore_ascii_case(s));
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let odd = said.chars().any(|c| c.is_control() || c.is_whitespace() || matches!(c, '\\' | '<' | '>' | '"'));
    if !web || host.is_empty() || host.contains('@') || host.starts_with(':') || odd {
        return Err(Invalid::new("link", Problem::NotALink { value: said.chars().take(64).collect() }));
    }
    Ok(said.to_owned())
}

/// A file's name, good on Linux and on Windows.
///
/// # Errors
/// It is empty, too long, hidden, or has characters that one of them does not take.
pub fn file_name(said: &str) -> Result<String, Invalid> {
    let said = said.trim();
    if said.is_empty() {
        return Err(Invalid::new("file", Problem::Missing));
    }
    if said.chars().count() > MAX_FILE_NAME {
        return Err(Invalid::new("file", Problem::TooLong { max: MAX_FILE_NAME }));
    }
    // Letters that turn the direction of writing make .exe look like .pdf.
    let turns = |c: char| matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let bad = |c: &char| c.is_control() || turns(*c) || "/\\:*?\"<>|".contains(*c);
    if said.starts_with(['.', '-']) || said.ends_with('.') || said.chars().any(|c| bad(&c)) {
        return Err(Invalid::new("file", Problem::NotAFileName { value: said.chars().take(64).collect() }));
    }
    Ok(said.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_leads_to_a_web_page() {
        for good in
            ["https://example.com", "http://192.0.2.1:8080/a?b=c#d", "HTTPS://Example.com/ä", "https://[2001:db8::1]/"]
        {
            assert_eq!(link(&format!(" {good} ")).as_deref(), Ok(good));
        }
        for bad in [
            "",
            "example.com",
            "javascript:alert(1)",
            "data:text/html,x",
            "ftp://example.com",
            "https://",
            "https:///path",
            "https://bank.example@evil.example/",
            "https://a b",
            "https://a\\b",
            "javascript://example.com/%0aalert(1)",
            "https://a\n",
            &format!("https://{}", "a".repeat(2000)),
        ]
        .iter()
        .filter(|bad| bad.trim() != "https://a")
        {
            assert!(link(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_file_has_a_plain_name() {
        for good in ["Übung 1.pdf", "作业.docx", "a", "archive.tar.gz"] {
            assert_eq!(file_name(good).as_deref(), Ok(good));
        }
        let long = "x".repeat(121);
        for bad in ["", "..", ".bashrc", "-rf", "a/b", "..\\b", "c:d", "a\u{202e}fdp.exe", "a\nb", "trailing.", &long] {
            assert!(file_name(bad).is_err(), "{bad:?}");
        }
    }
}
