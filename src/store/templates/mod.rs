//! Templates.

mod list;
pub mod write;

pub use list::{boot_devices, disks_of, get, list};
