mod behind;
pub mod draw;
pub mod state;
