//! The state of the monitor, and how it changes.

mod act;
pub mod action;
mod copied;
pub mod effect;
#[cfg(any(test, feature = "fixtures"))]
pub mod fixtures;
pub mod message;
pub mod prompt;
pub mod state;
pub mod update;
pub mod views;
pub mod wake;
