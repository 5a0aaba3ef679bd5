//! One file for each command of the program.

pub mod demo;
pub mod migrate;
pub mod monitor;
