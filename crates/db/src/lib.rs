//! The database world: what is asked of PostgreSQL, and how its answers become values of the model.
//!
//! It knows no screen.

pub mod backoff;
pub mod diagnosis;
pub mod error;
pub mod events;
pub mod fixer;
pub mod jobs;
mod listen;
pub mod log;
pub mod migrate;
pub mod poller;
pub mod preflight;
pub mod read_transaction;
pub mod reader;
pub mod refresher;
pub mod schedule;
pub mod service;
pub mod session;
pub mod session_budget;
pub mod snapshot;
mod suspend;
pub mod trust;
pub mod unmanaged;
mod views;
pub mod waits;
pub mod watcher;
pub mod worker;
