//! Pools.

mod list;

pub use list::{get, list};
