//! What the whole frame shows, and what it costs.

mod cost;
mod flicker;
pub mod screens;
