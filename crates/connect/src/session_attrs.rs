//! Whether a server is one that `target_session_attrs` allows.

use super::{failure::Failure, login::Session, login_error::LoginError, params::SessionAttrs};

/// Whether it depends on what a session may do, which our own settings would change.
pub(super) fn concerns_access(attrs: SessionAttrs) -> bool {
    matches!(attrs, SessionAttrs::ReadWrite | SessionAttrs::ReadOnly)
}

/// Fails if the server is another one.
pub(super) async fn check(session: &mut Session, attrs: SessionAttrs) -> Result<(), Failure> {
    let (fits, what) = match attrs {
        SessionAttrs::Any | SessionAttrs::PreferStandby => return Ok(()),
        SessionAttrs::ReadWrite | SessionAttrs::ReadOnly => {
            let wants = attrs == SessionAttrs::ReadOnly;
            let what = if wants { "sessions on it can write" } else { "sessions on it are read-only" };
            (is_read_only(session).await? == wants, what)
        }
        SessionAttrs::Primary | SessionAttrs::Standby => {
            let wants = attrs == SessionAttrs::Standby;
            let what = if wants { "it is no standby" } else { "it is a standby" };
            (is_standby(session).await? == wants, what)
        }
    };
    if fits { Ok(()) } else { Err(Failure::Unwanted(what)) }
}

/// PostgreSQL 14 and newer report it with the log-in.
async fn is_read_only(session: &mut Session) -> Result<bool, LoginError> {
    match (reported(session, "default_transaction_read_only"), reported(session, "in_hot_standby")) {
        (Some(default), Some(standby)) => Ok(default || standby),
        _ => Ok(session.first_value("SHOW transaction_read_only").await?.as_deref() == Some("on")),
    }
}

/// PostgreSQL 14 and newer report it with the log-in.
async fn is_standby(session: &mut Session) -> Result<bool, LoginError> {
    match reported(session, "in_hot_standby") {
        Some(standby) => Ok(standby),
        None => Ok(session.first_value("SELECT pg_catalog.pg_is_in_recovery()").await?.as_deref() == Some("t")),
    }
}

fn reported(session: &Session, name: &str) -> Option<bool> {
    session.parameter(name).map(|value| value == "on")
}
