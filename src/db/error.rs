//! What went wrong with the database, in one sentence, and what to do about it.

use crate::model::reading::Unavailable;

/// SQLSTATE classes that the program tells apart. See PostgreSQL's appendix "Error Codes".
pub mod sqlstate {
    /// Not permitted.
    pub const INSUFFICIENT_PRIVILEGE: &str = "42501";
    /// No such table or view.
    pub const UNDEFINED_TABLE: &str = "42P01";
    /// No such column.
    pub const UNDEFINED_COLUMN: &str = "42703";
    /// No such function.
    pub const UNDEFINED_FUNCTION: &str = "42883";
    /// No such schema.
    pub const INVALID_SCHEMA_NAME: &str = "3F000";
    /// Writing on a standby, or in a read-only transaction.
    pub const READ_ONLY: &str = "25006";
    /// Cancelled by a user or by a timeout.
    pub const QUERY_CANCELED: &str = "57014";
    /// The view was never populated.
    pub const NOT_POPULATED: &str = "55000";
}

/// The server's own error inside `error`, where the server answered at all.
#[must_use]
pub fn server_error(error: &sqlx::Error) -> Option<&sqlx::postgres::PgDatabaseError> {
    error.as_database_error()?.try_downcast_ref()
}

/// SQLSTATE of the server's error inside `error`.
#[must_use]
pub fn code(error: &sqlx::Error) -> Option<&str> {
    server_error(error).map(sqlx::postgres::PgDatabaseError::code)
}

/// Whether the connection itself failed, so that asking something else is pointless.
#[must_use]
pub fn is_connection_failure(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(_)
        | sqlx::Error::Tls(_)
        | sqlx::Error::Protocol(_)
        | sqlx::Error::PoolTimedOut
        | sqlx::Error::PoolClosed
        | sqlx::Error::WorkerCrashed => true,
        // Class 08: connection exception; 57P01 to 57P05: shutdown, crash, starting up.
        other => code(other).is_some_and(|code| code.starts_with("08") || code.starts_with("57P")),
    }
}

/// One sentence for `error`: the server's message with its detail, or the driver's words.
#[must_use]
pub fn sentence(error: &sqlx::Error) -> String {
    if let Some(server) = server_error(error) {
        let mut text = server.message().to_owned();
        if let Some(detail) = server.detail() {
            text.push_str(": ");
            text.push_str(detail);
        }
        return text;
    }
    match error {
        sqlx::Error::PoolTimedOut => "the database did not answer in time".into(),
        sqlx::Error::Io(io) => format!("connection lost: {io}"),
        other => other.to_string(),
    }
}

/// Why `what` can't be shown to `role`, and what would mend it.
#[must_use]
pub fn unavailable(what: &str, error: &sqlx::Error, role: &str) -> Unavailable {
    let mend = match code(error) {
        Some(sqlstate::INSUFFICIENT_PRIVILEGE) => server_error(error)
            .and_then(|server| server.hint())
            .map_or_else(|| format!("GRANT refreshtop_admin TO {role}"), str::to_owned),
        Some(
            sqlstate::UNDEFINED_TABLE
            | sqlstate::UNDEFINED_FUNCTION
            | sqlstate::UNDEFINED_COLUMN
            | sqlstate::INVALID_SCHEMA_NAME,
        ) => "run: refreshtop migrate".into(),
        Some(sqlstate::NOT_POPULATED) => "press r to refresh it".into(),
        _ => String::new(),
    };
    Unavailable::new(format!("{what}: {}", sentence(error)), mend)
}

/// One sentence for an error of the long-lived driver in the middle of a session.
#[must_use]
pub fn driver_sentence(failure: &tokio_postgres::Error) -> String {
    use std::error::Error as _;
    if let Some(server) = failure.as_db_error() {
        return server.message().to_owned();
    }
    if failure.is_closed() {
        return "the server closed the connection".into();
    }
    match failure.source() {
        Some(cause) => format!("connection lost: {cause}"),
        None => format!("connection lost: {failure}"),
    }
}
