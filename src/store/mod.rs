//! Where it is kept: queries, one file per noun.

pub mod accounts;
pub mod ancestors;
pub mod catalog;
pub mod disks;
pub mod domains;
pub mod events;
pub mod factors;
pub mod groups;
pub mod hosts;
pub mod jobs;
pub mod kerberos;
pub mod nics;
pub mod outsiders;
pub mod people;
pub mod permissions;
pub mod pools;
pub mod providers;
pub mod roles;
pub mod scope;
mod search;
pub mod seed;
pub mod sessions;
pub mod settings;
pub mod storage_domains;
pub mod templates;
pub mod users;
pub mod vms;
