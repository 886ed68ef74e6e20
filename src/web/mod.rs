//! Pages, REST API, consoles: faces of the engine's commands, with no rules of their own.

pub mod admin;
pub mod api;
pub mod assets;
pub mod console;
pub mod console_page;
pub mod csrf;
pub mod directory_words;
pub mod error;
pub mod health;
mod icons;
pub mod join;
pub mod live;
pub mod locale;
mod openid_words;
pub mod password;
mod quota_bars;
pub mod request;
pub mod security;
pub mod server;
pub mod sign_in;
mod told;
pub mod ui;
pub mod user;
mod viewer_file;
pub mod vm_cd;
pub mod vm_pages;
pub mod vm_snapshots;
mod words;

pub use server::{Server, ServerError, serve};
