//! The program in a real terminal: the monitor, and the demo around it.
#![allow(clippy::expect_used, clippy::unwrap_used, reason = "helpers of tests are tests as well")]

mod demo_pty;
mod monitor;
#[path = "../support/mod.rs"]
mod support;
