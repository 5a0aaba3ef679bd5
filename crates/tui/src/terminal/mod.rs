//! The real terminal: sets it up, restores it, reads its keys, writes frames to it.
//!
//! It is part of the screen, and independent of the database.

pub mod backend;
pub mod colours;
pub mod frame;
pub mod guard;
pub mod input;
pub mod sequences;
