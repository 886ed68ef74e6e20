//! Disks.

pub mod layers;
mod list;
pub mod tree;
pub mod write;

pub use list::{by_ids, list};
