//! The screens: a folder for each, with its state (`state`, or [`windowed`]) and its drawing (`draw`).

pub mod columns;
pub mod context;
pub mod diagnose;
pub mod effect;
pub mod history;
pub mod incidents;
pub mod loadable;
pub mod overview;
pub mod registry;
pub mod runs;
pub mod screen;
pub mod scroll;
pub mod state;
pub mod states;
pub mod wall;
pub mod windowed;
