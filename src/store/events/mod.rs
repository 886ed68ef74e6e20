//! Events.

pub mod write;
