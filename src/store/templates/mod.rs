//! Templates.

mod list;
pub mod seal;
pub mod versions;
pub mod write;

pub use list::{boot_devices, disks_of, get, list};
