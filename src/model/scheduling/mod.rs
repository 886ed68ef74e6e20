//! Where VMs may run and where they run best: oVirt's scheduling policies, affinity groups and labels.

mod affinity;
mod policy;
mod units;

pub use affinity::*;
pub use policy::*;
pub use units::*;
