//! refreshtop keeps a PostgreSQL materialized view fresh and shows in the terminal how that goes.
//!
//! Three worlds never import each other: [`db`] knows no screen, [`model`] knows neither, [`screen`] knows no
//! database. [`runtime`] joins them.

pub mod argv_mask;
pub mod cli;
pub mod command;
pub mod crash;
pub mod demo;
pub mod log;
pub mod output;
pub mod settings;
