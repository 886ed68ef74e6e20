//! libvirt's XML: what Vireo writes ([`build`]) and what it reads ([`parse`]).

pub mod build;
pub mod parse;

#[cfg(test)]
mod build_tests;
