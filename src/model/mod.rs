//! The model: what is known about the refreshes, what it means, and how it changes.
//!
//! Nothing here reads a clock, talks to a database or draws. Times come in as values: server times as
//! [`chrono::DateTime<Utc>`], local moments as [`std::time::Instant`].

mod act;
pub mod action;
pub mod address;
pub mod age;
pub mod clock;
mod copied;
pub mod database;
pub mod databases;
pub mod diagnosis;
pub mod effect;
pub mod event;
pub mod figures;
#[doc(hidden)]
pub mod fixtures;
pub mod health;
pub mod history;
pub mod incident;
pub mod job;
pub mod link;
pub mod message;
pub mod movement;
pub mod notification;
pub mod prompt;
pub mod question;
pub mod range;
pub mod reading;
pub mod refresh;
pub mod request;
pub mod run;
pub mod schedule;
pub mod slices;
pub mod snapshot;
pub mod state;
pub mod statement;
pub mod stats;
pub mod update;
pub mod views;
pub mod wake;
