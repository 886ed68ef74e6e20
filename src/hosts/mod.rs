//! The engine's client to the agents, and the certificates both sides trust.

pub mod client;
pub mod pki;

pub use client::{ConsoleStream, HostClient, HostError, Viewer};
pub use pki::{Pki, PkiError};
