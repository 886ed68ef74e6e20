//! Pools: VMs that users take and give back.

mod create;
mod detach;
mod fill;
mod give_back;
mod going;
mod grow;
#[cfg(test)]
mod lesson_tests;
mod list;
pub mod memory;
mod prestart;
mod reclaim;
mod remove;
pub mod reservations;
mod shrink;
mod take;
#[cfg(test)]
mod tests;
mod update;

pub(in crate::engine) use create::AddPool;
pub use create::create;
pub(in crate::engine) use detach::DetachFromPool;
pub use detach::detach;
pub(in crate::engine) use give_back::{ReturnToPool, permission_gone, vm_stopped};
pub(in crate::engine) use grow::GrowPool;
pub use list::{get, list, members, vms};
pub(in crate::engine) use memory::SaveMemory;
pub use prestart::Refill;
pub(in crate::engine) use prestart::{keep_full, started_ahead, touch};
pub use reclaim::reclaim;
pub(in crate::engine) use reclaim::reclaim_for;
pub(in crate::engine) use remove::RemovePool;
pub use remove::remove;
pub(in crate::engine) use shrink::ShrinkPool;
pub(in crate::engine) use take::TakeFromPool;
pub use take::{take, take_or_go_on};
pub use update::update;

use crate::engine::EngineError;
use crate::engine::changes::Topic;
use crate::model::ids::PoolId;
use crate::model::permission::ObjectKind;

fn topic() -> Topic {
    Topic::Object(ObjectKind::Pool)
}

fn missing(id: PoolId) -> EngineError {
    EngineError::NotFound { kind: "pool", id: id.to_string() }
}
