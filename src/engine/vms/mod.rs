//! Virtual machines.

pub(in crate::engine) mod admit;
pub(in crate::engine) mod cd;
pub mod console;
#[cfg(test)]
mod console_tests;
mod list;
mod place;
pub(in crate::engine) mod reboot;
pub(in crate::engine) mod shutdown;
mod spec;
pub(in crate::engine) mod start;
pub(in crate::engine) mod state;
pub(in crate::engine) mod stop;
pub(in crate::engine) mod suspend;
#[cfg(test)]
mod tests;
pub(in crate::engine) mod update;

pub use cd::change_cd;
pub use list::{get, list, screenshot};
pub use reboot::reboot;
pub use shutdown::shutdown;
pub use start::start;
pub use stop::stop;
pub use suspend::suspend;
pub use update::update;

use crate::engine::changes::Topic;
use crate::engine::{Created, Cx, EngineError};
use crate::model::ids::{JobId, VmId};
use crate::model::permission::ObjectKind;
use crate::model::vm::NewVm;

fn topic() -> Topic {
    Topic::Object(ObjectKind::Vm)
}

/// Makes a VM from a template (or Blank).
///
/// # Errors
/// Refused, invalid, hidden, or the database failed.
pub async fn create(_cx: &Cx, _new: NewVm) -> Result<Created<VmId>, EngineError> {
    Err(EngineError::Internal(String::new()))
}

/// Removes a VM with its disks; `keep_disks` leaves them unattached.
///
/// # Errors
/// Refused, invalid, hidden, or the database failed.
pub async fn remove(_cx: &Cx, _id: VmId, _keep_disks: bool) -> Result<JobId, EngineError> {
    Err(EngineError::Internal(String::new()))
}
