//! A failed attempt to open a session.

use super::{ConnectError, Endpoint, Kind, Target, login_error::LoginError};
use std::{io, time::Duration};
use tokio::time::timeout;

/// A failed attempt.
pub(super) enum Failure {
    /// The address could not be reached, or the host's name could not be looked up (`true`).
    Reach(io::Error, bool),
    /// TLS could not be set up on our side.
    TlsSettings(String),
    /// The handshake failed, or the server has no TLS.
    Handshake(String),
    /// The log-in failed.
    Login(LoginError),
    /// The server is not one that `target_session_attrs` allows.
    Unwanted(&'static str),
    /// It took too long.
    TimedOut(Duration),
}

impl From<LoginError> for Failure {
    fn from(error: LoginError) -> Self {
        Self::Login(error)
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Login(error.into())
    }
}

impl From<tokio_postgres::Error> for Failure {
    fn from(error: tokio_postgres::Error) -> Self {
        Self::Login(error.into())
    }
}

impl Failure {
    /// Whether another transport may do better: the server may demand TLS, or forbid it.
    pub(super) fn is_about_transport(&self) -> bool {
        match self {
            Self::Handshake(_) => true,
            Self::Login(LoginError::Server(error)) => error.code == "28000",
            _ => false,
        }
    }

    pub(super) fn explain(self, target: &Target, endpoint: &Endpoint) -> ConnectError {
        match self {
            Self::Reach(error, looked_up) => ConnectError::from_io(endpoint, &error, looked_up),
            Self::TlsSettings(why) => ConnectError::new(endpoint, Kind::Tls, &why),
            Self::Handshake(why) => ConnectError::from_handshake(endpoint, &why),
            Self::Login(error) => ConnectError::from_login(target, endpoint, error),
            Self::Unwanted(what) => ConnectError::new(endpoint, Kind::Unwanted, what),
            Self::TimedOut(limit) => ConnectError::timed_out(endpoint, limit),
        }
    }
}

/// Fails once `limit` is over.
pub(super) async fn within<T>(
    limit: Option<Duration>,
    work: impl Future<Output = Result<T, Failure>>,
) -> Result<T, Failure> {
    match limit {
        Some(limit) => timeout(limit, work).await.unwrap_or(Err(Failure::TimedOut(limit))),
        None => work.await,
    }
}
