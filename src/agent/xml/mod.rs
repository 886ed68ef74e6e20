//! libvirt's XML: what Vireo writes ([`build`]) and what it reads ([`parse`]).

pub mod build;
pub mod live;
pub mod parse;
pub mod snapshot;
pub(super) mod tuning;

#[cfg(test)]
mod build_tests;
