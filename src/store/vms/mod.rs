//! Virtual machines.

pub mod get;
pub mod ha;
pub mod insert;
pub mod io_pause;
pub mod launch;
pub mod lease;
pub mod list;
pub mod run;
pub mod search;
pub mod tally;
pub mod write;
