//! The state of the monitor, and how it changes.

pub mod action;
mod clipboard;
pub mod effect;
#[cfg(any(test, feature = "fixtures"))]
pub mod fixtures;
pub mod message;
pub mod next_redraw;
pub mod overlay;
pub mod prompt;
pub mod shown_for;
pub mod state;
pub mod update;
