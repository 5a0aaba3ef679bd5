//! What the database does, asked in SQL and through the library: migrations, rights, refreshes, statistics, jobs.
//!
//! The modules share a cluster, with a database for each test; those that restart a server, or want roles or a
//! `pg_cron` of their own, start one.
#![allow(clippy::expect_used, clippy::unwrap_used, reason = "helpers of tests are tests as well")]

mod access;
mod adopt;
mod board;
mod diagnosis;
mod history;
mod incidents;
mod jobs;
mod limits;
mod log_pages;
mod lost_attempt;
mod manage;
mod migrate;
mod reader;
mod refresh;
mod schedule;
mod stats;
mod sums;
#[path = "../support/mod.rs"]
mod support;
mod views;
mod without;
