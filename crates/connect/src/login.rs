//! The log-in, which the driver does over a stream of ours, and statements that run before the session is handed over.

use super::{
    auth::Authentication, login_error::LoginError, login_stream::LoginStream, params, received::Received,
    secure::Stream,
};
use std::{
    convert::Infallible,
    future::{Ready, poll_fn},
    io,
    task::{Poll, ready},
};
use tokio_postgres::{
    CancelToken, Client, Config, Connection, SimpleQueryMessage,
    config::{ChannelBinding, SslMode, SslNegotiation},
    tls::{TlsConnect, TlsStream},
};

/// Start-up parameters beside those of the driver. Times are read in this form.
const PARAMETERS: &[(&str, &str)] = &[("DateStyle", "ISO, MDY"), ("TimeZone", "UTC")];

/// Who logs in, and how.
pub(super) struct Credentials<'a> {
    /// Role.
    pub user: &'a str,
    /// Its password, if one is known.
    pub password: Option<&'a str>,
    /// Whether the log-in must be bound to the TLS session.
    pub channel_binding: params::ChannelBinding,
}

/// An open session.
pub(super) struct Session {
    /// For statements.
    pub client: Client,
    /// The session makes no progress unless this is polled.
    pub connection: Connection<LoginStream, LoginStream>,
    /// Grows whenever the server sends something.
    pub received: Received,
}

/// Logs in on `stream`, to the database and with the options of `config`.
pub(super) async fn log_in(
    stream: Stream,
    credentials: &Credentials<'_>,
    config: &Config,
) -> Result<Session, LoginError> {
    let mut config = config.clone();
    config.user(credentials.user).channel_binding(match credentials.channel_binding {
        params::ChannelBinding::Disable => ChannelBinding::Disable,
        params::ChannelBinding::Prefer => ChannelBinding::Prefer,
        params::ChannelBinding::Require => ChannelBinding::Require,
    });
    if let Some(password) = credentials.password {
        config.password(password);
    }
    // Whether there is TLS is settled already: the driver neither requests it nor sets it up.
    config.ssl_mode(SslMode::Require).ssl_negotiation(SslNegotiation::Direct);
    let authentication = Authentication {
        has_password: credentials.password.is_some(),
        is_encrypted: stream.is_encrypted(),
        can_bind: stream.end_point().is_some(),
        channel_binding: credentials.channel_binding,
        last: None,
    };
    let received = Received::default();
    let stream = LoginStream::new(stream, authentication, PARAMETERS, received.clone());
    let (client, connection) = config.connect_raw(stream, Settled).await?;
    Ok(Session { client, connection, received })
}

/// Takes a stream as it is when the driver wants to begin TLS.
#[derive(Debug, Clone, Copy)]
pub(super) struct Settled;

impl<S: TlsStream + Unpin> TlsConnect<S> for Settled {
    type Stream = S;
    type Error = Infallible;
    type Future = Ready<Result<S, Infallible>>;

    fn connect(self, stream: S) -> Self::Future {
        std::future::ready(Ok(stream))
    }
}

impl Session {
    /// A setting, as the server has reported it.
    pub(super) fn parameter(&self, name: &str) -> Option<&str> {
        self.connection.parameter(name)
    }

    /// The key by which the session's statement can be cancelled.
    pub(super) fn cancel_token(&self) -> CancelToken {
        self.client.cancel_token()
    }

    /// Runs a statement and gives the first value of its first row.
    pub(super) async fn first_value(&mut self, statement: &str) -> Result<Option<String>, LoginError> {
        let connection = &mut self.connection;
        let end = poll_fn(|context| {
            loop {
                return Poll::Ready(match ready!(connection.poll_message(context)) {
                    // Notices.
                    Some(Ok(_)) => continue,
                    Some(Err(error)) => error.into(),
                    None => LoginError::Io(io::ErrorKind::UnexpectedEof.into()),
                });
            }
        });
        let answer = tokio::select! {
            biased;
            error = end => return Err(error),
            answer = self.client.simple_query(statement) => answer?,
        };
        let row = answer.iter().find_map(|part| match part {
            SimpleQueryMessage::Row(row) => Some(row),
            _ => None,
        });
        Ok(row.and_then(|row| row.try_get(0).ok().flatten()).map(str::to_owned))
    }
}
