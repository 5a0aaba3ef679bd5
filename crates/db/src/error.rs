//! Why a statement failed, in one sentence, and what to do about it.

use crate::{quote::identifier, refusal::Refusal};
use refreshtop_core::reading::Unavailable;
use std::error::Error as _;
use tokio_postgres::error::{DbError, Severity};

/// Why a statement failed.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Error {
    /// The server refused it.
    #[error("{}", server_sentence(.0))]
    Server(Box<DbError>),
    /// The connection is lost; a sentence.
    #[error("{0}")]
    Lost(String),
    /// There is no row, and there should be one.
    #[error("the server's answer has no row")]
    NoRow,
    /// The answer has another form than expected; a sentence.
    #[error("the server's answer can't be read: {0}")]
    Decode(String),
    /// Something is not read or called.
    #[error(transparent)]
    Refused(#[from] Refusal),
}

/// What a statement gives.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// The server's message with its detail.
fn server_sentence(failure: &DbError) -> String {
    match failure.detail() {
        Some(detail) => format!("{}: {detail}", failure.message()),
        None => failure.message().to_owned(),
    }
}

impl Error {
    /// What an error of the driver means.
    pub fn from_driver(failure: &tokio_postgres::Error) -> Self {
        if let Some(server) = failure.as_db_error() {
            return Self::Server(Box::new(server.clone()));
        }
        if failure.is_closed() {
            return Self::Lost("the server closed the connection".into());
        }
        match failure.source() {
            Some(cause) => Self::Lost(format!("connection lost: {cause}")),
            None => Self::Lost(format!("connection lost: {failure}")),
        }
    }
}

/// SQLSTATE classes that the program distinguishes. See PostgreSQL's appendix "Error Codes".
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
    /// A value that a function does not take, such as the name of a view that is not registered.
    pub const INVALID_PARAMETER: &str = "22023";
    /// Cancelled by a user or by a timeout.
    pub const QUERY_CANCELED: &str = "57014";
    /// A standby gave up a statement that kept it from replaying.
    pub const RECOVERY_CONFLICT: &str = "40001";
    /// A session idled longer than the server bears.
    pub const IDLE_SESSION_TIMEOUT: &str = "57P05";
    /// The view was never populated.
    pub const NOT_POPULATED: &str = "55000";
}

/// The server's own error inside `error`, if the server answered at all.
pub fn server_error(error: &Error) -> Option<&DbError> {
    match error {
        Error::Server(server) => Some(server),
        _ => None,
    }
}

/// SQLSTATE of the server's error inside `error`.
pub fn code(error: &Error) -> Option<&str> {
    server_error(error).map(|server| server.code().code())
}

/// Whether the connection itself failed, so that asking something else is pointless.
pub fn is_connection_failure(error: &Error) -> bool {
    match error {
        Error::Lost(_) => true,
        // Class 08: connection exception; 57P01 to 57P05: shutdown, crash, starting up.
        other => code(other).is_some_and(|code| code.starts_with("08") || code.starts_with("57P")),
    }
}

/// Whether all of a poll fails with `failure`: the connection is lost, the server ends the session with these words, or
/// a standby gave up the whole read.
pub fn fails_all(failure: &Error) -> bool {
    let fatal = |server: &DbError| matches!(server.parsed_severity(), Some(Severity::Fatal | Severity::Panic));
    is_connection_failure(failure)
        || server_error(failure).is_some_and(fatal)
        || code(failure) == Some(sqlstate::RECOVERY_CONFLICT)
}

/// One sentence for `error`: the server's message with its detail, or the driver's words.
pub fn sentence(error: &Error) -> String {
    let mut text = error.to_string();
    if is_restricted(error) {
        text.push_str(" by the setting restrict_nonsystem_relation_kind");
    }
    text
}

/// What fixes [`is_restricted`].
pub const LIFT_RESTRICTION: &str = "take the setting away from this role, or from the database: \
    ALTER DATABASE … RESET restrict_nonsystem_relation_kind";

/// Whether a setting of the session forbids views, of which refreshtop's functions use one. Its code has many meanings and
/// its words depend on the server's language, so the place in the server that refuses decides.
pub fn is_restricted(failure: &Error) -> bool {
    code(failure) == Some(sqlstate::NOT_POPULATED)
        && server_error(failure)
            .and_then(|server| server.routine())
            .is_some_and(|place| ["ApplyRetrieveRule", "rewriteTargetView"].contains(&place))
}

/// Whether `failure` means that something does not exist here: no migrations, or fewer than this version knows.
pub fn is_missing(failure: &Error) -> bool {
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

/// What fills an empty view.
pub const REFRESH_IT: &str = "press r, or run: refreshtop trigger";

/// The same of refreshtop's own functions. One that is there and misses a table does not count: whatever has that table's
/// name by now was not installed by us.
pub fn is_not_installed(failure: &Error) -> bool {
    is_missing(failure) && code(failure) != Some(sqlstate::UNDEFINED_TABLE)
}

/// Why `what` can't be shown to `role`, and what would fix it.
pub fn unavailable(what: &str, error: &Error, role: &str) -> Unavailable {
    unavailable_but_for(what, error, &grant(role))
}

/// What makes a super administrator of a role.
pub fn grant(role: &str) -> String {
    format!("GRANT refreshtop_admin TO {}", identifier(role))
}

/// Why `what` can't be shown; `grant` would fix missing rights.
pub fn unavailable_but_for(what: &str, error: &Error, grant: &str) -> Unavailable {
    if let Some(Refusal::Stranger(why)) = refusal(error) {
        return Unavailable::new(format!("{what}: {}", why.reason), &*why.fix);
    }
    let fix = match code(error) {
        // Not the caller was refused there, but the installation, as after pg_cron was made again.
        Some(sqlstate::INSUFFICIENT_PRIVILEGE)
            if server_error(error)
                .and_then(|server| server.where_())
                .is_some_and(|place| place.contains("refreshtop_definers.")) =>
        {
            "run: refreshtop migrate".into()
        }
        Some(sqlstate::INSUFFICIENT_PRIVILEGE) => {
            server_error(error).and_then(|server| server.hint()).unwrap_or(grant).to_owned()
        }
        Some(sqlstate::NOT_POPULATED) if is_restricted(error) => LIFT_RESTRICTION.into(),
        Some(sqlstate::NOT_POPULATED) => REFRESH_IT.into(),
        _ if is_missing(error) => "run: refreshtop migrate".into(),
        _ => String::new(),
    };
    Unavailable::new(format!("{what}: {}", sentence(error)), fix)
}

/// The refusal inside `failure`.
pub fn refusal(failure: &Error) -> Option<&Refusal> {
    match failure {
        Error::Refused(refusal) => Some(refusal),
        _ => None,
    }
}

/// Why a session was lost, or a statement of the program's own failed: one sentence.
pub fn loss(failure: &Error) -> String {
    match failure {
        Error::Server(server) => server.message().to_owned(),
        _ => failure.to_string(),
    }
}

/// One sentence for an error of the driver in the middle of a session.
pub fn driver_sentence(failure: &tokio_postgres::Error) -> String {
    match failure.as_db_error() {
        Some(server) => server.message().to_owned(),
        None => Error::from_driver(failure).to_string(),
    }
}
