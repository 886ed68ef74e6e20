//! Pools.

pub mod bulk;
mod list;
pub mod prestart;
pub mod take;
pub mod write;

pub use list::{get, holders, list};
