//! Hosts.

pub mod list;
pub mod write;
