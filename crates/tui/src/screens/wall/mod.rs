pub mod draw;
pub mod drift;
mod many;
pub mod state;
