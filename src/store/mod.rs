//! Where it is kept: queries, one file per noun.

pub mod ancestors;
pub mod events;
pub mod hosts;
pub mod jobs;
pub mod permissions;
pub mod scope;
pub mod seed;
pub mod sessions;
pub mod settings;
pub mod users;
pub mod vms;
