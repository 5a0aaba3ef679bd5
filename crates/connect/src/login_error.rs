//! Why a log-in failed.

use std::io;
use tokio_postgres::error::DbError;

/// Why there is no session.
#[derive(Debug, thiserror::Error)]
pub(super) enum LoginError {
    /// The server refused it.
    #[error("{}", .0.message)]
    Server(ServerError),
    /// The stream broke, or the server does not speak the protocol.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// The server wants a password and none is known.
    #[error("the server wants a password")]
    PasswordMissing,
    /// The server wants a log-in that is not supported or not allowed; a sentence.
    #[error("{0}")]
    Method(String),
}

impl From<tokio_postgres::Error> for LoginError {
    fn from(error: tokio_postgres::Error) -> Self {
        if error.is_closed() {
            return Self::Io(io::ErrorKind::UnexpectedEof.into());
        }
        if let Some(refusal) = error.as_db_error() {
            return Self::Server(refusal.into());
        }
        let text = error.to_string();
        let Some(cause) = error.into_source() else { return Self::Method(text) };
        match cause.downcast::<io::Error>() {
            // What our own stream refuses goes through the driver as an I/O error.
            Ok(error) => error.downcast().unwrap_or_else(Self::Io),
            Err(cause) => Self::Method(cause.to_string()),
        }
    }
}

/// An error as the server sent it. Its text is not to be trusted.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct ServerError {
    /// SQLSTATE.
    pub code: String,
    /// The message, in the server's language.
    pub message: String,
    /// The function of the server that raised it, in no language.
    pub routine: Option<String>,
}

impl From<&DbError> for ServerError {
    fn from(error: &DbError) -> Self {
        Self {
            code: error.code().code().to_owned(),
            message: error.message().to_owned(),
            routine: error.routine().map(str::to_owned),
        }
    }
}
