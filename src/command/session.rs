//! Sessions of the commands, and what their errors mean for the exit code.

use crate::command::{Failure, connect_failure};
use refreshtop_connect::{ConnectError, Limits, Target};
use refreshtop_core::exit;
use refreshtop_db::{
    error::{self, Error, sqlstate},
    refusal::Refusal,
    session::Session,
};
use std::time::Duration;

impl From<ConnectError> for Failure {
    fn from(failure: ConnectError) -> Self {
        Self::new(connect_failure::exit_code(failure.kind), failure.to_string())
    }
}

/// Opens a session with `limits`; `purpose` joins its name.
pub async fn open(target: &Target, purpose: &str, limits: &Limits) -> Result<Session, Failure> {
    Ok(Session::open(target, purpose, limits).await?)
}

/// The failure of a command that could not `what` ("read the log") because of an error of the server.
pub fn failure(what: &str, target: &Target, failure: &Error) -> Failure {
    let unavailable = error::unavailable(&format!("cannot {what}"), failure, &target.user);
    let code = exit_code(failure);
    let fix = match error::code(failure) {
        Some(sqlstate::NOT_POPULATED) if error::is_restricted(failure) => error::LIFT_RESTRICTION.to_owned(),
        Some(sqlstate::NOT_POPULATED) => "run: refreshtop trigger".to_owned(),
        Some(sqlstate::READ_ONLY) => "do it on the primary".to_owned(),
        _ => unavailable.fix,
    };
    let fix = if fix.is_empty() { fix } else { format!("; {fix}") };
    Failure::new(code, format!("{}{fix}", unavailable.reason))
}

/// The exit code for an error of the server.
pub fn exit_code(failure: &Error) -> u8 {
    if let Some(refusal) = error::refusal(failure) {
        return exit_code_of_refusal(refusal);
    }
    match error::code(failure) {
        _ if error::is_connection_failure(failure) => exit::CANNOT_CONNECT,
        Some(code) => exit_code_of(code),
        None => exit::FAILURE,
    }
}

/// The exit code if something is not trusted.
pub fn exit_code_of_refusal(refusal: &Refusal) -> u8 {
    match refusal {
        Refusal::Missing(_) => exit::NOT_MIGRATED,
        Refusal::Stranger(_) => exit::NOT_PERMITTED,
    }
}

/// The exit code for a SQLSTATE.
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

/// Closes a session, without waiting for a server that does not answer.
pub async fn close(connection: Session) {
    let _ = tokio::time::timeout(Duration::from_secs(1), connection.close()).await;
}
