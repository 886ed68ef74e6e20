//! Classes: what teachers gave, whose screens are locked, who asks for help.

pub mod gifts;
pub mod seats;
