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
    /// Whether what stands in schema `refreshtop` may be somebody else's code.
    pub of_trust: bool,
    /// Whether it stops a rollback as well.
    pub in_the_way: bool,
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
    service::ask(connection, include_str!("migrate/preflight.sql")).await?.iter().map(Problem::from_row).collect()
}

/// Looks whether what stands in schema `refreshtop` may be read and run by this session: whoever owns it, or can become
/// its owner, could have put code of his own there.
///
/// # Errors
/// Only the connection's.
pub async fn trust(connection: &mut PgConnection) -> sqlx::Result<Vec<Problem>> {
    let found = problems(connection).await?;
    Ok(found.into_iter().filter(|problem| problem.of_trust).collect())
}

/// Looks for what stops whatever changes an installation, a rollback too.
///
/// # Errors
/// Only the connection's.
pub async fn barriers(connection: &mut PgConnection) -> sqlx::Result<Vec<Problem>> {
    let found = problems(connection).await?;
    Ok(found.into_iter().filter(|problem| problem.of_trust || problem.in_the_way).collect())
}
