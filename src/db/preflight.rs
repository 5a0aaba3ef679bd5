//! What would stop the migrations, found before anything is changed.

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
    sqlx::query_as(include_str!("preflight.sql")).fetch_all(connection).await
}
