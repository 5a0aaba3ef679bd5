//! The monitor: one loop that owns one state, and screens that are drawn from it.
//!
//! Messages go in, the state changes, effects come out. Nothing here knows how a database is asked.

pub mod app;
#[cfg(test)]
mod cost;
pub mod event_loop;
#[cfg(test)]
mod flicker;
pub mod monitor;
pub mod screen;
mod signals;
pub mod terminal;
