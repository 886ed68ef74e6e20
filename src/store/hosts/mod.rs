//! Hosts.

pub mod domains;
pub mod enrol;
pub mod fence;
pub mod kdump;
pub mod list;
pub mod rest;
pub mod spm;
pub mod ssh;
pub mod upgrade;
pub mod write;
