//! Disks.

mod list;

pub use list::{by_ids, list};
