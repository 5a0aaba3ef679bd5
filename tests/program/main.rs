//! The program as it is called: commands, signals, hostile texts, the demo, and what the documents say of it.
#![allow(clippy::expect_used, clippy::unwrap_used, reason = "helpers of tests are tests as well")]

mod borders;
mod command;
mod demo;
mod hostile;
mod interrupts;
mod readme;
#[path = "../support/mod.rs"]
mod support;
