//! A native viewer's way to a guest's display: a TLS port on the host, open for one viewer with a one-time password. The engine asks for it
//! on a connection of its own and keeps that open: when it goes, port and viewer go.

use super::WireError;
use serde::{Deserialize, Serialize};

/// The first line the engine says.
#[derive(Clone, Serialize, Deserialize)]
pub struct OpenViewer {
    pub password: String,
    /// How long a viewer may take to come.
    pub seconds: u32,
    pub first_port: u16,
    pub last_port: u16,
}

impl std::fmt::Debug for OpenViewer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "OpenViewer({} s, ports {}-{})", self.seconds, self.first_port, self.last_port)
    }
}

/// What the agent says, a line each.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ViewerNews {
    /// It listens; `subject` is whom its certificate names.
    Listening {
        port: u16,
        subject: String,
    },
    Refused(WireError),
    /// A viewer came in with the password, from there.
    Connected {
        from: String,
    },
}
