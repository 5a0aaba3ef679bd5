//! Database access: the queries, and how their results become values of core.
//!
//! It knows no screen.

mod backoff;
pub mod cancellable;
pub mod change_job;
pub mod cleanup;
pub mod contract;
pub mod cron_job;
mod cron_link;
pub mod cron_settings;
pub mod diagnosis;
pub mod error;
pub mod events;
pub mod executions;
pub mod figures;
pub mod fixer;
pub mod job;
mod listen;
pub mod log;
pub mod migrate;
pub mod parameter;
pub mod poller;
pub mod preflight;
mod questions;
mod quote;
pub mod read_transaction;
pub mod reader;
pub mod recent_runs;
pub mod reconnect;
pub mod refresher;
pub mod refusal;
mod row;
pub mod run_detail;
pub mod running;
pub mod schedule;
pub mod server_facts;
pub mod session;
pub mod session_budget;
pub mod snapshot;
pub mod statistics;
mod suspend;
pub mod trigger;
pub mod trust;
mod unmanaged;
pub mod waits;
pub mod watcher;
pub mod worker;
