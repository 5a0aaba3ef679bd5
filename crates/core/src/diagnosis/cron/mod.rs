//! `pg_cron` and its jobs.

mod facts;
#[cfg(test)]
mod fixtures;
mod job;
mod others;
mod runs;
mod server;
mod times;

pub use facts::{Cron, ExpectedJob, Function, Settings, Work};
pub use job::job;
pub use others::{how, others, refreshers};
pub use runs::runs;
pub use server::{extension, launcher, loaded};
