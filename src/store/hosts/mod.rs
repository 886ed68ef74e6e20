//! Hosts.

pub mod write;
