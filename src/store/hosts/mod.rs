//! Hosts.

pub mod domains;
pub mod enrol;
pub mod list;
pub mod write;
