//! Pages, REST API, consoles: faces of the engine's commands, with no rules of their own.

pub mod api;
pub mod console;
pub mod health;
pub mod request;
pub mod server;

pub use server::{Server, ServerError, serve};
