//! The database world: what is asked of PostgreSQL, and how its answers become values of the model.
//!
//! It knows no screen.

pub mod error;
pub mod feed;
pub mod jobs;
pub mod log;
pub mod migrate;
pub mod preflight;
pub mod reader;
pub mod refresher;
pub mod schedule;
pub mod service;
