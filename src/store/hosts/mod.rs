//! Hosts.

pub mod domains;
pub mod enrol;
pub mod fence;
pub mod list;
pub mod spm;
pub mod ssh;
pub mod write;
