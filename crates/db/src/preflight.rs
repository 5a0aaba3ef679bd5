//! What would stop the migrations, found before anything is changed.

use crate::{
    error::Result,
    row::{FromRow, Row},
    session::Session,
};
use std::fmt;

/// One problem, and what fixes it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "what the preflight says of a problem")]
pub struct Problem {
    /// What is wrong.
    pub problem: String,
    /// What to do.
    pub fix: String,
    /// Whether the role lacks a right that another one has.
    pub is_privilege: bool,
    /// Whether objects in schema `refreshtop` may be somebody else's code.
    pub of_trust: bool,
    /// Whether it stops a rollback as well.
    pub in_the_way: bool,
    /// Whether it is about the tables that `platform_metrics` reads.
    pub of_sources: bool,
    /// Whether it is about what has the names of `platform_metrics` and its functions.
    pub of_view: bool,
}

impl FromRow for Problem {
    fn from_row(row: &Row) -> Result<Self> {
        Ok(Self {
            problem: row.try_get("problem")?,
            fix: row.try_get("fix")?,
            is_privilege: row.try_get("is_privilege")?,
            of_trust: row.try_get("of_trust")?,
            in_the_way: row.try_get("in_the_way")?,
            of_sources: row.try_get("of_sources")?,
            of_view: row.try_get("of_view")?,
        })
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.problem, self.fix)
    }
}

/// Finds all problems at once, so that they need not be fixed one run at a time.
pub async fn problems(connection: &mut Session) -> Result<Vec<Problem>> {
    connection.ask(include_str!("migrate/preflight.sql"), &[]).await?.iter().map(Problem::from_row).collect()
}

/// Finds what stops every change of an installation, a rollback too.
pub async fn barriers(connection: &mut Session) -> Result<Vec<Problem>> {
    let found = problems(connection).await?;
    Ok(found.into_iter().filter(|problem| problem.of_trust || problem.in_the_way).collect())
}
