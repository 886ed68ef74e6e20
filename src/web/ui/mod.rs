//! What pages are made of: maud components, each a function of plain values.

pub mod form;
pub mod layout;
pub mod list;
pub mod parts;
pub mod search_box;

pub use layout::{Frame, Portal};
