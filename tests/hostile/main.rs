//! Hostile texts, floods and curious neighbours: the real program in a real terminal on a real server.

#![allow(clippy::expect_used, clippy::unwrap_used, reason = "helpers of tests are tests as well")]

#[path = "../support/mod.rs"]
mod support;

mod bytes;
mod commands;
mod floods;
mod names;
mod rows;
mod secrets;
mod trust;
