//! What the screens read beside the snapshot of every poll, a file for each.

pub mod history;
pub mod incidents;
mod measured;
pub mod movement;
pub mod runs;
