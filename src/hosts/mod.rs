//! The engine's client to the agents, and the certificates both sides trust.

pub mod client;
pub mod kdump;
pub mod pki;
pub mod ssh;

pub use client::{ConsoleStream, HostClient, HostError, Viewer};
pub use pki::{Pki, PkiError};
