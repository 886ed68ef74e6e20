//! The integration tests: one binary, so that only one is linked.

mod architecture;
mod browser;
mod end_to_end;
mod kill;
mod licences;
mod sdk;
mod server;
mod store;
