//! Virtual machines.

pub(in crate::engine) mod adjust;
#[cfg(test)]
mod adjust_tests;
pub(in crate::engine) mod admit;
pub(in crate::engine) mod cd;
pub mod console;
pub mod copy;
pub(in crate::engine) mod create;
pub(in crate::engine) mod ha;
pub(in crate::engine) mod io_pause;
pub(in crate::engine) mod lease;
mod list;
mod media;
pub mod migrate;
pub(in crate::engine) mod next_run;
mod nics;
pub(in crate::engine) mod plan;
pub(in crate::engine) mod reboot;
pub(in crate::engine) mod remove;
mod rerun;
mod run_once;
mod screens;
pub(in crate::engine) mod settings;
pub(in crate::engine) mod shutdown;
pub(in crate::engine) mod spec;
pub(in crate::engine) mod start;
pub(in crate::engine) mod state;
pub(in crate::engine) mod stop;
pub(in crate::engine) mod suspend;
#[cfg(test)]
mod tests;
pub(in crate::engine) mod update;

pub use cd::change_cd;
pub use create::create;
pub(in crate::engine) use list::complete;
pub use list::{get, list};
pub use nics::{add_nic, change_nic, nic, remove_nic};
pub use reboot::reboot;
pub use remove::remove;
pub use run_once::run_once;
pub(in crate::engine) use screens::picture_of;
pub use screens::{Screen, Screens, Size, screenshot};
pub use shutdown::shutdown;
pub use start::start;
pub use stop::stop;
pub use suspend::suspend;
pub use update::{add_display, remove_display, update};

use crate::engine::changes::Topic;
use crate::model::permission::ObjectKind;

fn topic() -> Topic {
    Topic::Object(ObjectKind::Vm)
}
