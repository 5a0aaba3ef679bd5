//! The real terminal: taking it over, giving it back, reading its keys, writing frames to it.
//!
//! It belongs to the screen's world: it knows no database.

pub mod backend;
pub mod colours;
pub mod frame;
pub mod guard;
pub mod input;
pub mod sequences;
