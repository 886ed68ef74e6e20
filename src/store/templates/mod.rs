//! Templates.

mod list;

pub use list::{boot_devices, disks_of, get, list};
