//! How commands reach the database: the one place to change where sessions are opened differently.

use crate::{
    command::Failure,
    connect::{ConnectError, Session, Target, bridge},
    db::{
        error::{self, sqlstate},
        trust::{self, Refusal},
    },
    exit,
};
use sqlx::{Connection as _, PgConnection};
use std::time::Duration;

impl From<ConnectError> for Failure {
    fn from(failure: ConnectError) -> Self {
        Self::new(failure.kind.exit_code(), failure.to_string())
    }
}

/// Opens a session with `limits`; `purpose` joins its name.
///
/// # Errors
/// Why not, and what to do about it.
pub async fn open(target: &Target, purpose: &str, limits: &Session) -> Result<PgConnection, Failure> {
    Ok(bridge::session(target, purpose, limits).await?.session)
}

/// The same in another database of the server.
///
/// # Errors
/// As for [`open`].
pub async fn open_in(
    target: &Target,
    database: &str,
    purpose: &str,
    limits: &Session,
) -> Result<PgConnection, Failure> {
    open(&Target { database: database.to_owned(), ..target.clone() }, purpose, limits).await
}

/// What an error of the server means for a command that wanted to `what` ("read the log").
#[must_use]
pub fn failure(what: &str, target: &Target, failure: &sqlx::Error) -> Failure {
    let unavailable = error::unavailable(&format!("cannot {what}"), failure, &target.user);
    let code = exit_code(failure);
    let mend = match error::code(failure) {
        Some(sqlstate::NOT_POPULATED) if error::is_restricted(failure) => error::LIFT_RESTRICTION.to_owned(),
        Some(sqlstate::NOT_POPULATED) => "run: refreshtop trigger".to_owned(),
        Some(sqlstate::READ_ONLY) => "do it on the primary".to_owned(),
        _ => unavailable.mend,
    };
    let mend = if mend.is_empty() { mend } else { format!("; {mend}") };
    Failure::new(code, format!("{}{mend}", unavailable.reason))
}

/// The exit code for an error of the server.
#[must_use]
pub fn exit_code(failure: &sqlx::Error) -> u8 {
    if let Some(refusal) = trust::refusal(failure) {
        return exit_code_of_refusal(refusal);
    }
    match error::code(failure) {
        _ if error::is_connection_failure(failure) => exit::CANNOT_CONNECT,
        Some(code) => exit_code_of(code),
        None => exit::FAILURE,
    }
}

/// The exit code where something is not looked at.
#[must_use]
pub fn exit_code_of_refusal(refusal: &Refusal) -> u8 {
    match refusal {
        Refusal::Missing(_) => exit::NOT_MIGRATED,
        Refusal::Stranger(_) => exit::NOT_PERMITTED,
    }
}

/// The exit code for a SQLSTATE.
#[must_use]
pub fn exit_code_of(code: &str) -> u8 {
    match code {
        sqlstate::INSUFFICIENT_PRIVILEGE => exit::NOT_PERMITTED,
        sqlstate::UNDEFINED_TABLE
        | sqlstate::UNDEFINED_FUNCTION
        | sqlstate::UNDEFINED_COLUMN
        | sqlstate::INVALID_SCHEMA_NAME => exit::NOT_MIGRATED,
        code if code.starts_with("08") || code.starts_with("57P") => exit::CANNOT_CONNECT,
        _ => exit::FAILURE,
    }
}

/// Ends a session politely, without waiting for a server that does not answer.
pub async fn close(connection: PgConnection) {
    let _ = tokio::time::timeout(Duration::from_secs(1), connection.close()).await;
}
