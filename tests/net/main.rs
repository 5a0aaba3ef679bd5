//! The way to the server, and everything that may stand in it: log-ins, TLS, poolers, standbys, faults; and the disposable
//! clusters on which all of that is tried.
#![allow(clippy::expect_used, clippy::unwrap_used, reason = "helpers of tests are tests as well")]

mod cluster;
mod connect;
mod faults;
mod psql;
#[path = "../support/mod.rs"]
mod support;
mod surroundings;
