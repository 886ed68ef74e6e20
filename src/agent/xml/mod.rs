//! libvirt's XML: what Vireo writes ([`build`]) and what it reads ([`parse`]).

pub mod build;
pub mod parse;
pub mod snapshot;

#[cfg(test)]
mod build_tests;
