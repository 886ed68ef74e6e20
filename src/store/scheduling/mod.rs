//! What scheduling reads and keeps: hosts as places with the guests that are there, policies, affinity.

pub mod affinity;
pub mod places;
pub mod policies;
