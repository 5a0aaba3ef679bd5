//! `pg_cron` and its jobs.

mod facts;
#[cfg(test)]
mod fixtures;
mod job;
mod others;
mod runs;
mod server;
mod times;

pub(crate) use facts::{Cron, Function, Settings, Wanted};
pub(crate) use job::job;
pub(crate) use others::{how, others, refreshers};
pub(crate) use runs::runs;
pub(crate) use server::{extension, launcher, loaded};
