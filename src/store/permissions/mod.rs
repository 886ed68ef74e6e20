//! Permissions: who may what, who holds which role where, and giving and taking roles.

mod check;
mod read;
mod write;

pub use check::{actions_on, admin_kinds, allows, is_admin, somewhere};
pub use read::{Wanted, by_name, count, find, get, object_name, of, on, places};
pub use write::{grant, revoke};
