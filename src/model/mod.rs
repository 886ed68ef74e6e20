//! What things are and what is legal: types, ids, state tables, validation. No I/O.

#[macro_use]
mod text;

pub mod class;
pub mod clock;
pub mod cluster;
pub mod conflict;
pub mod console;
pub mod data_center;
pub mod directory;
pub mod disk;
pub mod domain;
pub mod domain_draft;
pub mod event;
pub mod factor;
pub mod host;
pub mod ids;
pub mod instance_type;
pub mod internal;
pub mod job;
pub mod kerberos;
pub mod mac_pool;
pub mod network;
pub mod page;
pub mod permission;
pub mod permit_tree;
pub mod pool;
mod predefined_permits;
pub mod predefined_roles;
pub mod preference;
pub mod provider;
pub mod role;
pub mod search;
pub mod setting;
pub mod snapshot;
pub mod storage_domain;
pub mod template;
pub mod user;
pub mod valid;
pub mod vm;
pub mod vm_rules;
pub mod vm_state;
