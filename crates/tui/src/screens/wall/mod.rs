pub mod draw;
pub mod drift;
pub mod state;
