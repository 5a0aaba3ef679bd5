//! A session of the demo's, with errors in words.

use std::{error::Error as _, time::Duration};
use tokio::{task::AbortHandle, time::timeout};
use tokio_postgres::{Client, Config, NoTls, Row};

/// An error of the server, or of the connection to it.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct SessionError(String);

impl From<tokio_postgres::Error> for SessionError {
    /// The driver's own message is "db error" or "error connecting to server"; the reason is in the source.
    fn from(error: tokio_postgres::Error) -> Self {
        let message = error.as_db_error().map(|db| format!("{} (SQLSTATE {})", db.message(), db.code().code()));
        let reason = || error.source().map_or_else(|| error.to_string(), |source| format!("{error}: {source}"));
        Self(message.unwrap_or_else(reason))
    }
}

/// One session. Dropping closes it, even while a statement runs.
#[derive(Debug)]
pub struct Session {
    client: Client,
    connection: AbortHandle,
}

impl Session {
    /// Connects under an application name, by which others see whose session it is. No TLS: it is loopback.
    ///
    /// # Errors
    /// The server can't be reached, or refuses.
    pub async fn connect(url: &str, application: &str) -> Result<Self, SessionError> {
        let mut config: Config = url.parse()?;
        config.application_name(application);
        let connecting = timeout(Duration::from_secs(10), config.connect(NoTls)).await;
        let (client, connection) = connecting.map_err(|_| SessionError("no answer within 10 s".into()))??;
        let connection = tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "a session of the demo was closed");
            }
        });
        Ok(Self { client, connection: connection.abort_handle() })
    }

    /// Runs statements and forgets what they return.
    pub async fn run(&self, sql: &str) -> Result<(), SessionError> {
        Ok(self.client.batch_execute(sql).await?)
    }

    /// The only row, or none.
    pub async fn optional_row(&self, sql: &str) -> Result<Option<Row>, SessionError> {
        Ok(self.client.query_opt(sql, &[]).await?)
    }

    /// The server process of this session.
    pub async fn backend_pid(&self) -> Result<i32, SessionError> {
        Ok(self.client.query_one("SELECT pg_backend_pid()", &[]).await?.get(0))
    }

    /// Whether the connection is gone, so that only a new session helps.
    pub fn is_closed(&self) -> bool {
        self.client.is_closed()
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        // Closes the socket; the server rolls back and releases the locks.
        self.connection.abort();
    }
}
