//! Opening a session with tokio-postgres.

use super::{ConnectError, Host, Kind, Session, SslMode, Target, tls};
use futures_util::{Stream, stream};
use std::pin::Pin;
use tokio_postgres::{
    AsyncMessage, CancelToken, Client, Config, Connection, NoTls, Socket,
    config::SslMode as DriverSslMode,
    tls::{MakeTlsConnect, TlsStream},
};
use tokio_postgres_rustls::MakeRustlsConnect;

/// What the server says unasked: notifications and notices. It is also the engine of the session: nothing moves
/// unless this is polled. It ends when the session ends, after the reason where there is one.
pub type Messages = Pin<Box<dyn Stream<Item = Result<AsyncMessage, tokio_postgres::Error>> + Send>>;

/// An open session.
pub struct Connected {
    /// For statements.
    pub client: Client,
    /// To be polled all the while; dropping it ends the session.
    pub messages: Messages,
    /// Stops the statement that is running.
    pub canceller: Canceller,
    /// Whether the session is encrypted.
    pub tls: bool,
    /// Whether a pooler refused the session's settings, so that it runs without them. Setting them afterwards would
    /// change sessions of others that share the server's connection.
    pub without_settings: bool,
}

/// Stops the statement that a session is running, through a connection of its own.
#[derive(Clone)]
pub struct Canceller {
    token: CancelToken,
    tls: Option<MakeRustlsConnect>,
}

impl Canceller {
    /// Asks the server to stop the running statement. That it was asked does not mean that it stops.
    ///
    /// # Errors
    /// The server could not be asked.
    pub async fn cancel(&self) -> Result<(), tokio_postgres::Error> {
        match &self.tls {
            Some(tls) => self.token.cancel_query(tls.clone()).await,
            None => self.token.cancel_query(NoTls).await,
        }
    }
}

/// One way to connect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    Plain,
    Tls,
}

/// The ways that a target allows, in the order in which libpq tries them.
fn ways(target: &Target) -> &'static [Way] {
    match (&target.endpoint().host, target.tls.mode) {
        (Host::Unix(_), _) | (_, SslMode::Disable) => &[Way::Plain],
        (_, SslMode::Allow) => &[Way::Plain, Way::Tls],
        (_, SslMode::Prefer) => &[Way::Tls, Way::Plain],
        (_, SslMode::Require | SslMode::VerifyCa | SslMode::VerifyFull) => &[Way::Tls],
    }
}

/// Opens a session. `purpose` joins its name in `pg_stat_activity`.
///
/// # Errors
/// Why not, and what to do about it.
pub async fn connect(target: &Target, purpose: &str, session: &Session) -> Result<Connected, ConnectError> {
    match with_settings(target, purpose, session).await {
        Err(error) if error.kind == Kind::SettingsRefused && !session.parameters().is_empty() => {
            let connected = with_settings(target, purpose, &Session::default()).await?;
            Ok(Connected { without_settings: true, ..connected })
        }
        result => result,
    }
}

/// Tries the ways one after the other.
async fn with_settings(target: &Target, purpose: &str, session: &Session) -> Result<Connected, ConnectError> {
    let config = target.to_tokio_postgres(purpose, session);
    let mut before: Option<ConnectError> = None;
    for way in ways(target) {
        match attempt(target, &config, *way).await {
            Ok(connected) => return Ok(connected),
            Err(Failure { error, other_way }) => {
                let error = telling(before.take(), error);
                if !other_way {
                    return Err(error);
                }
                before = Some(error);
            }
        }
    }
    Err(before.unwrap_or_else(|| ConnectError::new(target, Kind::Other, "there is no way to connect")))
}

/// Which of two attempts' errors says more: that of the one that got further.
fn telling(first: Option<ConnectError>, second: ConnectError) -> ConnectError {
    match first {
        Some(first) if first.kind != Kind::Tls && matches!(second.kind, Kind::Tls | Kind::NotPermitted) => first,
        _ => second,
    }
}

/// A failed attempt, and whether the other way may do better: the server may demand TLS, or forbid it.
struct Failure {
    error: ConnectError,
    other_way: bool,
}

async fn attempt(target: &Target, config: &Config, way: Way) -> Result<Connected, Failure> {
    let tls = match way {
        Way::Plain => None,
        Way::Tls => Some(tls::connector(target).map_err(|error| Failure { error, other_way: false })?),
    };
    let mut config = config.clone();
    if tls.is_some() {
        config.ssl_mode(DriverSslMode::Require);
    }
    let opening = open(&config, tls);
    let result = match target.connect_timeout {
        Some(limit) => tokio::time::timeout(limit, opening).await,
        None => Ok(opening.await),
    };
    match result {
        Ok(Ok(connected)) => Ok(connected),
        Ok(Err(error)) => {
            let hba = ConnectError::is_hba(&error);
            let error = ConnectError::from_driver(target, &error);
            Err(Failure { other_way: hba || error.kind == Kind::Tls, error })
        }
        Err(_) => Err(Failure { error: ConnectError::timed_out(target), other_way: false }),
    }
}

async fn open(config: &Config, tls: Option<MakeRustlsConnect>) -> Result<Connected, tokio_postgres::Error> {
    let (client, messages) = match tls.clone() {
        Some(tls) => open_over(config, tls).await?,
        None => open_over(config, NoTls).await?,
    };
    let canceller = Canceller { token: client.cancel_token(), tls };
    Ok(Connected { client, messages, tls: canceller.tls.is_some(), canceller, without_settings: false })
}

async fn open_over<T>(config: &Config, tls: T) -> Result<(Client, Messages), tokio_postgres::Error>
where
    T: MakeTlsConnect<Socket>,
    T::Stream: TlsStream + Unpin + Send + 'static,
{
    let (client, connection) = config.connect(tls).await?;
    Ok((client, messages(connection)))
}

fn messages<S>(mut connection: Connection<Socket, S>) -> Messages
where
    S: TlsStream + Unpin + Send + 'static,
{
    Box::pin(stream::poll_fn(move |context| connection.poll_message(context)))
}
