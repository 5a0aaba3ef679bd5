//! refreshtop keeps a PostgreSQL materialized view fresh and shows in the terminal how that goes.
//!
//! Three worlds never import each other: [`db`] knows no screen, [`model`] knows neither, [`screen`] knows no
//! database. [`runtime`] joins them.

pub mod argv_mask;
pub mod cli;
pub mod cluster;
pub mod command;
pub mod connect;
pub mod crash;
pub mod db;
pub mod demo;
pub mod environment;
pub mod exit;
pub mod log;
pub mod model;
pub mod output;
pub mod runtime;
pub mod sanitize;
pub mod screen;
pub mod secret;
pub mod settings;
pub mod terminal;
