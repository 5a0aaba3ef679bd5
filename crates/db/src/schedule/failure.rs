//! Why the jobs could not be put in place, or taken away.

use crate::error::{self, Error};

/// Why the jobs could not be put in place, or taken away.
#[derive(Debug, thiserror::Error)]
pub enum ScheduleError {
    /// `pg_cron` is loaded but its extension is not created, and this role may not.
    #[error(
        "pg_cron is loaded, but its extension is missing in database {database}: {reason}; \
         a superuser can run there: CREATE EXTENSION pg_cron"
    )]
    NoExtension {
        /// Database in which it belongs.
        database: String,
        /// The server's words.
        reason: String,
    },
    /// There is a schema `cron` that is not `pg_cron`'s.
    #[error("schema cron in database {0} is not that of pg_cron: nothing was read or called there")]
    NotOwn(String),
    /// A setting of the database makes sessions act as a role that has lesser rights than the one that logged in.
    #[error(
        "database {database} makes role {login} act as role {role}, which is no superuser; \
         its setting is taken off by: ALTER DATABASE {database} RESET role"
    )]
    ActsAs {
        /// The database of `pg_cron`, as written in a statement.
        database: String,
        /// Who logged in.
        login: String,
        /// Whom the session acts as.
        role: String,
    },
    /// This role may not use `pg_cron`.
    #[error(
        "{reason} in database {database}; a superuser can run there: GRANT USAGE ON SCHEMA cron TO {role}; \
         GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA cron TO {role}"
    )]
    NotPermitted {
        /// The database of `pg_cron`.
        database: String,
        /// The role that was refused, as written in a statement.
        role: String,
        /// The server's words.
        reason: String,
    },
    /// The jobs would run as a role with more rights than the roles that can change what the jobs call.
    #[error(
        "the jobs would run as role {role}, and schema public belongs to {owner}, who could make them run anything; let a \
         superuser migrate, who makes a role for them, or schedule public.refresh_platform_metrics_with_logging() as \
         {owner}"
    )]
    NotSafe {
        /// Who migrates.
        role: String,
        /// Who owns schema `public`.
        owner: String,
    },
    /// Anything else.
    #[error("{}", error::sentence(.0))]
    Database(#[from] Error),
}

impl ScheduleError {
    /// Whether the session itself is of no more use, or was cancelled.
    pub fn ends_all(&self) -> bool {
        match self {
            Self::Database(failure) => ends_all(failure),
            _ => false,
        }
    }
}

/// Whether a failure is not that of one part: the session is lost, or somebody cancelled.
pub(super) fn ends_all(failure: &Error) -> bool {
    error::fails_all(failure) || error::code(failure) == Some(error::sqlstate::QUERY_CANCELED)
}
