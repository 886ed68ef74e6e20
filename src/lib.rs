//! Vireo: a virtualization manager for KVM hosts in one binary.
//!
//! The floors, top to bottom; arrows point down only (`tests/it/architecture.rs` checks it):
//! `cli, web → engine → auth, hosts, directories → store → db → model` (`directories` names `model` only); `hosts → wire`; `agent → wire → model`.
//!
//! * `agent` knows nothing of the engine's floors: it obeys verbs and reports.
//! * `web` reaches the store only through `engine` and `auth`.
//! * SQL stands in `store` and `db` only, HTML in `templates/` and `web` only, libvirt in `agent` only.

pub mod agent;
pub mod auth;
pub mod cli;
pub mod db;
pub mod directories;
pub mod engine;
pub mod hosts;
pub mod model;
pub mod store;
pub mod web;
pub mod wire;
