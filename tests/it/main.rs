//! The integration tests: one binary, so that only one is linked.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that cannot go on has failed")]

mod api;
mod architecture;
mod bad_days;
mod bad_input;
mod browser;
mod buttons;
mod chromium;
mod class;
mod class_browser;
mod console_browser;
mod consoles;
mod directories;
mod domains;
mod end_to_end;
mod instant;
mod kerberos;
mod kill;
mod licences;
mod oidc;
mod passkeys;
mod permissions;
mod pools;
mod portal;
mod routes;
mod sdk;
mod server;
mod sessions;
mod snapshots;
mod sysprep;
mod templates;
mod user_portal_browser;
mod users;
mod viewers;
mod vm_settings;
mod vm_settings_browser;
