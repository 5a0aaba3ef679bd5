//! refreshtop keeps a PostgreSQL materialized view fresh and shows its state in the terminal.
//!
//! This package is the program: command line, settings, commands and demo. The crates that it joins know nothing of it.

pub mod argv_mask;
pub mod cli;
pub mod command;
pub mod demo;
pub mod log;
pub mod output;
pub mod panic_report;
pub mod settings;
