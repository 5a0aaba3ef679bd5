//! What is known about refreshes, and what it means.
//!
//! Nothing here reads a clock, talks to a database or draws. Times come in as values: server times as
//! [`chrono::DateTime<Utc>`], local moments as [`std::time::Instant`].

pub mod address;
pub mod age;
pub mod clock;
pub mod database;
pub mod databases;
pub mod diagnosis;
pub mod event;
pub mod exit;
pub mod figures;
#[cfg(any(test, feature = "fixtures"))]
#[expect(clippy::expect_used, clippy::missing_panics_doc, reason = "values for tests")]
pub mod fixtures;
pub mod health;
pub mod history;
pub mod incident;
pub mod job;
pub mod limits;
pub mod link;
pub mod manage;
pub mod markdown;
pub mod moment;
pub mod movement;
pub mod notification;
pub mod numbers;
pub mod question;
pub mod range;
pub mod reading;
pub mod refresh;
pub mod request;
pub mod run;
pub mod sanitize;
pub mod schedule;
pub mod slices;
pub mod snapshot;
pub mod statement;
pub mod stats;
pub mod views;
