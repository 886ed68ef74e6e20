//! Virtual machines.

pub mod launch;
pub mod run;
