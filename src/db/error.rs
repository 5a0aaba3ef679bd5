//! What went wrong with the database, in one sentence, and what to do about it.

use crate::db::trust::{Refusal, refusal};
use crate::model::reading::Unavailable;
use sqlx::postgres::{PgDatabaseError, PgSeverity};

/// SQLSTATE classes that the program tells apart. See PostgreSQL's appendix "Error Codes".
pub mod sqlstate {
    /// Not permitted.
    pub const INSUFFICIENT_PRIVILEGE: &str = "42501";
    /// No such table or view.
    pub const UNDEFINED_TABLE: &str = "42P01";
    /// No such column.
    pub const UNDEFINED_COLUMN: &str = "42703";
    /// There is a prepared statement of that name already.
    pub const ALREADY_PREPARED: &str = "42P05";
    /// Values of types that don't go together.
    pub const DATATYPE_MISMATCH: &str = "42804";
    /// No such function.
    pub const UNDEFINED_FUNCTION: &str = "42883";
    /// No such schema.
    pub const INVALID_SCHEMA_NAME: &str = "3F000";
    /// Writing on a standby, or in a read-only transaction.
    pub const READ_ONLY: &str = "25006";
    /// Cancelled by a user or by a timeout.
    pub const QUERY_CANCELED: &str = "57014";
    /// A standby gave up a statement that kept it from replaying.
    pub const RECOVERY_CONFLICT: &str = "40001";
    /// The view was never populated.
    pub const NOT_POPULATED: &str = "55000";
}

/// The server's own error inside `error`, where the server answered at all.
#[must_use]
pub fn server_error(error: &sqlx::Error) -> Option<&PgDatabaseError> {
    error.as_database_error()?.try_downcast_ref()
}

/// SQLSTATE of the server's error inside `error`.
#[must_use]
pub fn code(error: &sqlx::Error) -> Option<&str> {
    server_error(error).map(PgDatabaseError::code)
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

/// Whether all of a poll fails with `failure`: the connection is lost, the server ends the session with these words, or
/// a standby gave the whole look up.
#[must_use]
pub fn fails_all(failure: &sqlx::Error) -> bool {
    let fatal = |server: &PgDatabaseError| matches!(server.severity(), PgSeverity::Fatal | PgSeverity::Panic);
    is_connection_failure(failure)
        || server_error(failure).is_some_and(fatal)
        || code(failure) == Some(sqlstate::RECOVERY_CONFLICT)
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
        if is_restricted(error) {
            text.push_str(" by the setting restrict_nonsystem_relation_kind");
        }
        return text;
    }
    if let Some(refusal) = refusal(error) {
        return refusal.to_string();
    }
    match error {
        sqlx::Error::PoolTimedOut => "the database did not answer in time".into(),
        sqlx::Error::Io(io) => format!("connection lost: {io}"),
        other => other.to_string(),
    }
}

/// What mends [`is_restricted`].
pub const LIFT_RESTRICTION: &str = "take the setting away from this role, or from the database: \
    ALTER DATABASE … RESET restrict_nonsystem_relation_kind";

/// Whether a setting of the session forbids views, of which refreshtop's functions use one. Its code has many meanings,
/// so the words decide; a server that speaks another language than English is not understood.
#[must_use]
pub fn is_restricted(failure: &sqlx::Error) -> bool {
    server_error(failure).is_some_and(|server| server.message().starts_with("access to non-system"))
}

/// Whether `failure` says that what is asked does not exist here: no migrations, or fewer than this version knows.
#[must_use]
pub fn is_missing(failure: &sqlx::Error) -> bool {
    if let Some(refusal) = refusal(failure) {
        return matches!(refusal, Refusal::Missing(_));
    }
    matches!(
        code(failure),
        Some(
            sqlstate::UNDEFINED_TABLE
                | sqlstate::UNDEFINED_FUNCTION
                | sqlstate::UNDEFINED_COLUMN
                | sqlstate::INVALID_SCHEMA_NAME
        )
    )
}

/// Why `what` can't be shown to `role`, and what would mend it.
#[must_use]
pub fn unavailable(what: &str, error: &sqlx::Error, role: &str) -> Unavailable {
    unavailable_but_for(what, error, &grant(role))
}

/// What makes a super administrator of a role.
#[must_use]
pub fn grant(role: &str) -> String {
    format!("GRANT refreshtop_admin TO {}", identifier(role))
}

/// Why `what` can't be shown, where `grant` would mend missing rights.
#[must_use]
pub fn unavailable_but_for(what: &str, error: &sqlx::Error, grant: &str) -> Unavailable {
    if let Some(Refusal::Stranger(why)) = refusal(error) {
        return Unavailable::new(format!("{what}: {}", why.reason), &*why.mend);
    }
    let mend = match code(error) {
        // Not the caller was refused there, but the installation, as after pg_cron was made again.
        Some(sqlstate::INSUFFICIENT_PRIVILEGE)
            if server_error(error)
                .and_then(|server| server.r#where())
                .is_some_and(|place| place.contains("refreshtop_definers.")) =>
        {
            "run: refreshtop migrate".into()
        }
        Some(sqlstate::INSUFFICIENT_PRIVILEGE) => {
            server_error(error).and_then(|server| server.hint()).unwrap_or(grant).to_owned()
        }
        Some(sqlstate::NOT_POPULATED) if is_restricted(error) => LIFT_RESTRICTION.into(),
        Some(sqlstate::NOT_POPULATED) => "press r to refresh it".into(),
        _ if is_missing(error) => "run: refreshtop migrate".into(),
        _ => String::new(),
    };
    Unavailable::new(format!("{what}: {}", sentence(error)), mend)
}

/// `name` as it stands in a statement: in quotes unless it is a plain word.
#[must_use]
pub fn identifier(name: &str) -> String {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    let word = name.starts_with(|c: char| c.is_ascii_lowercase() || c == '_') && name.chars().all(plain);
    if word { name.to_owned() } else { format!("\"{}\"", name.replace('"', "\"\"")) }
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
