//! Pools: VMs that users take and give back.

mod create;
mod give_back;
mod list;
mod prestart;
mod remove;
mod take;

pub(in crate::engine) use create::AddPool;
pub use create::create;
pub(in crate::engine) use give_back::{ReturnToPool, permission_gone, vm_stopped};
pub use list::{get, list, vms};
pub(in crate::engine) use prestart::prestart;
pub(in crate::engine) use remove::RemovePool;
pub use remove::remove;
pub(in crate::engine) use take::TakeFromPool;
pub use take::take;

use crate::engine::changes::Topic;
use crate::model::permission::ObjectKind;

fn topic() -> Topic {
    Topic::Object(ObjectKind::Pool)
}
