//! Pools.

mod list;
pub mod write;

pub use list::{get, list};
