pub mod cells;
pub mod draw;
pub mod state;

#[cfg(test)]
mod tests;
