//! The integration tests: one binary, so that only one is linked.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that cannot go on has failed")]

mod api;
mod architecture;
mod bad_days;
mod bad_input;
mod browser;
mod chromium;
mod consoles;
mod end_to_end;
mod kill;
mod licences;
mod passkeys;
mod portal;
mod routes;
mod sdk;
mod server;
mod sessions;
mod users;
