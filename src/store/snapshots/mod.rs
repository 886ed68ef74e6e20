//! Snapshots of VMs.

mod read;
mod write;

pub use read::{Snapshot, get, keeps, of_vm, restored_memory, views};
pub use write::{NewRow, forget_disk, insert, keep, remove, set_broken, set_previewed, set_restore_memory, take_over};
