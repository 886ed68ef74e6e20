//! Pools.

pub mod bulk;
mod list;
pub mod memory;
pub mod prestart;
pub mod reservations;
pub mod take;
pub mod write;

pub use list::{get, holders, list};
