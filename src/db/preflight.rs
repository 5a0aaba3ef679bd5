//! What would stop the migrations, found before anything is changed.

use crate::db::service;
use sqlx::{FromRow, PgConnection};
use std::fmt;

/// One problem, and what mends it.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct Problem {
    /// What is wrong.
    pub problem: String,
    /// What to do.
    pub mend: String,
    /// Whether the role lacks a right that another one has.
    pub of_rights: bool,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.problem, self.mend)
    }
}

/// Looks for every problem at once, so that nobody has to mend them one run at a time.
///
/// # Errors
/// Only the connection's.
pub async fn problems(connection: &mut PgConnection) -> sqlx::Result<Vec<Problem>> {
    service::ask(connection, include_str!("preflight.sql")).await?.iter().map(Problem::from_row).collect()
}
