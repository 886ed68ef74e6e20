//! Virtual machines.

pub mod run;
