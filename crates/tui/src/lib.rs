//! The monitor: one loop that owns one state, and screens that are drawn from it.
//!
//! Messages go in, the state changes, effects come out. Nothing here knows how a database is queried.

pub mod app;
pub mod event_loop;
pub mod frame;
pub mod glyphs;
pub mod keys;
pub mod layout;
pub mod monitor;
pub mod pointer;
pub mod scene;
pub mod screens;
mod signals;
pub mod terminal;
pub mod text;
pub mod theme;
mod widgets;

#[cfg(test)]
mod tests;
