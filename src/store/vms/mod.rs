//! Virtual machines.

pub mod get;
pub mod ha;
pub mod insert;
pub mod launch;
pub mod list;
pub mod run;
pub mod search;
pub mod tally;
pub mod write;
