//! Where it is kept: queries, one file per noun.

pub mod events;
pub mod hosts;
pub mod jobs;
pub mod vms;
