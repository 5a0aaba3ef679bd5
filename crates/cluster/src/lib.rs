//! A PostgreSQL cluster that exists for one run only: for the demo and for the tests.
//!
//! Nothing is left behind, however the program ends. Three lines of defence, each for what the one before can't
//! do:
//!
//! 1. [`DisposableCluster::stop`] and `Drop` stop the server and remove the folder;
//! 2. a watching `sh` holds the other end of a pipe and does the same when this process is gone, killed or not
//!    (`watcher`);
//! 3. the next run cleans up what both could not, say after the whole machine's processes were killed
//!    ([`leftovers`]).

#![warn(missing_docs, clippy::missing_errors_doc)]

mod account;
mod disposable;
mod error;
mod folder;
mod initdb;
pub mod leftovers;
pub mod pg_cron;
pub mod programs;
mod server;
mod watcher;

pub use disposable::{ClusterOptions, Cron, DisposableCluster};
pub use error::ClusterError;
pub use programs::Programs;

/// Called with what is being done, in one short phrase per step.
pub type Progress<'a> = &'a mut (dyn FnMut(&str) + Send);
