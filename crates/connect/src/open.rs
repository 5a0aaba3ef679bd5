//! Opening a session by libpq's rules, which endpoint, which address, TLS or not, which log-in,
//! and whether the server is one that is wanted.

use super::{
    ConnectError, Endpoint, Host, Kind, Limits, SslMode, Target,
    cancel::Canceller,
    limits,
    login::{self, Credentials},
    login_error::LoginError,
    login_stream::LoginStream,
    reach::{self, Address, Wire},
    received::Received,
    rules::SessionAttrs,
    secure::Stream,
    tls,
};
use std::{io, time::Duration};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    time::timeout,
};
use tokio_postgres::{Client, Config, Connection};

/// How long an address may take to answer at all.
const REACH_LIMIT: Duration = Duration::from_secs(10);
/// The message that asks for TLS: its length, and a number where others have the protocol's version.
const SSL_REQUEST: [u8; 8] = [0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f];
/// How long the password file may take.
const PASSWORDS_LIMIT: Duration = Duration::from_secs(1);

/// An open session, ready to be handed to a driver.
pub(super) struct Opened {
    session: login::Session,
    way: Way,
    endpoint: Endpoint,
    address: Address,
    /// Whether a pooler refused the session's settings, so that it runs without them.
    pub without_settings: bool,
}

impl Opened {
    /// Whether it is encrypted.
    pub(super) fn is_encrypted(&self) -> bool {
        self.way == Way::Tls
    }

    /// Whether the server says that the session's user is a superuser.
    pub(super) fn is_superuser(&self) -> bool {
        self.session.parameter("is_superuser") == Some("on")
    }

    /// The target, narrowed down to the very address that was reached.
    pub(super) fn reached(&self, target: &Target) -> Target {
        let address = match &self.address {
            Address::Tcp(address) => Some(*address),
            Address::Unix(_) | Address::Abstract(_) => None,
        };
        let endpoint = Endpoint { address, ..self.endpoint.clone() };
        Target { endpoints: vec![endpoint], session_attrs: SessionAttrs::Any, ..target.clone() }
    }

    /// How to stop a statement of it.
    pub(super) fn canceller(&self, target: &Target) -> Canceller {
        Canceller {
            target: target.clone(),
            endpoint: self.endpoint.clone(),
            address: self.address.clone(),
            way: self.way,
            token: self.session.cancel_token(),
        }
    }

    /// What belongs to the driver, and the count of what it receives.
    pub(super) fn into_parts(self) -> (Client, Connection<LoginStream, LoginStream>, Received) {
        let login::Session { client, connection, received } = self.session;
        (client, connection, received)
    }
}

/// One way to connect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    Plain,
    Tls,
}

/// The ways that the rules allow, in the order in which libpq tries them.
fn ways(target: &Target, endpoint: &Endpoint) -> &'static [Way] {
    match (&endpoint.host, target.tls.mode) {
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
pub(super) async fn open(target: &Target, purpose: &str, wanted: &Limits) -> Result<Opened, ConnectError> {
    let target = &with_present_passwords(target).await;
    if target.session_attrs == SessionAttrs::PreferStandby {
        let standby = endpoints(target, purpose, wanted, SessionAttrs::Standby).await;
        return match standby {
            Err(error) if error.kind.leaves_others() => endpoints(target, purpose, wanted, SessionAttrs::Any).await,
            found => found,
        };
    }
    endpoints(target, purpose, wanted, target.session_attrs).await
}

/// Passwords may have been changed since the target was resolved, weeks ago perhaps.
async fn with_present_passwords(target: &Target) -> Target {
    let own = target.clone();
    // The file may be on a slow disk, or on one that is gone: then the old ones must do.
    let read = tokio::task::spawn_blocking(move || own.refreshed());
    match timeout(PASSWORDS_LIMIT, read).await {
        Ok(Ok(target)) => target,
        _ => target.clone(),
    }
}

/// Tries every address of every endpoint.
async fn endpoints(
    target: &Target,
    purpose: &str,
    wanted: &Limits,
    attrs: SessionAttrs,
) -> Result<Opened, ConnectError> {
    let mut failures = Vec::new();
    let mut order: Vec<&Endpoint> = target.endpoints.iter().collect();
    if target.load_balance {
        fastrand::shuffle(&mut order);
    }
    for endpoint in order {
        let found = match limited(target.connect_timeout, lookup(target, endpoint)).await {
            Ok(found) => found,
            Err(failure) => {
                failures.push(failure.explain(target, endpoint));
                continue;
            }
        };
        for address in found {
            match one_address(target, endpoint, &address, purpose, wanted, attrs).await {
                Ok(opened) => return Ok(opened),
                Err(error) => {
                    let others = error.kind.leaves_others();
                    failures.push(error);
                    if !others {
                        return Err(ConnectError::several(target, failures));
                    }
                }
            }
        }
    }
    Err(ConnectError::several(target, failures))
}

async fn lookup(target: &Target, endpoint: &Endpoint) -> Result<Vec<Address>, Failure> {
    reach::addresses(endpoint, target.load_balance).await.map_err(|error| Failure::Reach(error, true))
}

/// Tries one address in every way that the rules allow, without the session's settings where a pooler refuses them.
async fn one_address(
    target: &Target,
    endpoint: &Endpoint,
    address: &Address,
    purpose: &str,
    wanted: &Limits,
    attrs: SessionAttrs,
) -> Result<Opened, ConnectError> {
    let attempt = async |settings: Option<&Limits>| {
        let mut before: Option<ConnectError> = None;
        for way in ways(target, endpoint) {
            let config = config(target, purpose, settings, attrs);
            // The driver's log-in is large; callers nest it deep.
            let session = Box::pin(log_in(target, endpoint, address, *way, &config, settings, attrs));
            match limited(target.connect_timeout, session).await {
                Ok(session) => return Ok((session, *way)),
                Err(failure) => {
                    let other_way = failure.other_way();
                    let error = telling(before.take(), failure.explain(target, endpoint));
                    if !other_way {
                        return Err(error);
                    }
                    before = Some(error);
                }
            }
        }
        Err(before.unwrap_or_else(|| ConnectError::new(endpoint, Kind::Other, "there is no way to connect")))
    };
    let (result, without_settings) = match attempt(Some(wanted)).await {
        Err(error) if error.kind == Kind::SettingsRefused => (attempt(None).await, true),
        result => (result, false),
    };
    let (session, way) = result?;
    Ok(Opened { session, way, endpoint: endpoint.clone(), address: address.clone(), without_settings })
}

/// Which of two attempts' errors says more: that of the one that got further.
fn telling(first: Option<ConnectError>, second: ConnectError) -> ConnectError {
    match first {
        Some(first) if first.kind != Kind::Tls && matches!(second.kind, Kind::Tls | Kind::NotPermitted) => first,
        _ => second,
    }
}

/// Whether what the server says of itself is compared with what a session may do, which our own settings would change.
fn asks_for_access(attrs: SessionAttrs) -> bool {
    matches!(attrs, SessionAttrs::ReadWrite | SessionAttrs::ReadOnly)
}

/// What the driver sends at the start of a session.
fn config(target: &Target, purpose: &str, settings: Option<&Limits>, attrs: SessionAttrs) -> Config {
    let mut config = Config::new();
    config.dbname(&target.database).application_name(target.session_name(purpose));
    let limits = settings.map(Limits::parameters).unwrap_or_default().into_iter();
    let limits = limits
        .filter(|(name, _)| !(asks_for_access(attrs) && *name == "default_transaction_read_only"))
        .map(|(name, value)| (name.to_owned(), value));
    // The last counts, and ours keep the program from burdening the server.
    let mine = target.options.iter().filter(|_| settings.is_some()).cloned();
    if let Some(options) = limits::write(mine.chain(limits)) {
        config.options(options);
    }
    config
}

/// A failed attempt.
pub(super) enum Failure {
    /// The address could not be reached, or its name not be looked up (`true`).
    Reach(io::Error, bool),
    /// TLS could not be set up, for a reason of our own side.
    TlsRules(String),
    /// The handshake failed, or the server has no TLS.
    Handshake(String),
    /// The log-in failed.
    Login(LoginError),
    /// It is another server than the one that is wanted.
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
    /// Whether the other way may do better: the server may demand TLS, or forbid it.
    fn other_way(&self) -> bool {
        match self {
            Self::Handshake(_) => true,
            Self::Login(LoginError::Server(error)) => error.code == "28000",
            _ => false,
        }
    }

    pub(super) fn explain(self, target: &Target, endpoint: &Endpoint) -> ConnectError {
        match self {
            Self::Reach(error, looked_up) => ConnectError::from_io(endpoint, &error, looked_up),
            Self::TlsRules(why) => ConnectError::new(endpoint, Kind::Tls, &why),
            Self::Handshake(why) => ConnectError::from_handshake(endpoint, &why),
            Self::Login(error) => ConnectError::from_login(target, endpoint, error),
            Self::Unwanted(what) => ConnectError::new(endpoint, Kind::Unwanted, what),
            Self::TimedOut(limit) => ConnectError::timed_out(endpoint, limit),
        }
    }
}

pub(super) async fn limited<T>(
    limit: Option<Duration>,
    work: impl Future<Output = Result<T, Failure>>,
) -> Result<T, Failure> {
    match limit {
        Some(limit) => timeout(limit, work).await.unwrap_or(Err(Failure::TimedOut(limit))),
        None => work.await,
    }
}

/// A stream to `address`, encrypted or not.
pub(super) async fn stream(
    target: &Target,
    endpoint: &Endpoint,
    address: &Address,
    way: Way,
) -> Result<Stream, Failure> {
    let reach = async { Wire::open(address, &target.keepalives).await.map_err(|error| Failure::Reach(error, false)) };
    // Whoever does not answer the first packet is not there; a log-in may take longer.
    let limit = target.connect_timeout.map(|limit| limit.min(REACH_LIMIT));
    let mut wire = limited(limit, reach).await?;
    if way == Way::Plain {
        return Ok(Stream::Plain(wire));
    }
    let config = tls::config(&target.tls).map_err(Failure::TlsRules)?;
    if !target.tls.direct {
        ask_for_tls(&mut wire).await?;
    }
    let stream =
        Stream::encrypt(wire, endpoint, config).await.map_err(|error| Failure::Handshake(error.to_string()))?;
    if target.tls.direct && !stream.has_alpn() {
        return Err(Failure::Handshake("the server does not know sslnegotiation=direct".into()));
    }
    Ok(stream)
}

async fn ask_for_tls(wire: &mut Wire) -> Result<(), Failure> {
    wire.write_all(&SSL_REQUEST).await?;
    // Exactly one byte: whatever else came unencrypted would pass for encrypted afterwards.
    match wire.read_u8().await? {
        b'S' => Ok(()),
        b'N' => Err(Failure::Handshake("the server does not support TLS".into())),
        // A server that is out of processes says so before anything else; its words could be anybody's.
        b'E' => Err(Failure::Login(LoginError::Io(io::ErrorKind::ConnectionAborted.into()))),
        _ => Err(Failure::Login(LoginError::Io(io::ErrorKind::InvalidData.into()))),
    }
}

async fn log_in(
    target: &Target,
    endpoint: &Endpoint,
    address: &Address,
    way: Way,
    config: &Config,
    settings: Option<&Limits>,
    attrs: SessionAttrs,
) -> Result<login::Session, Failure> {
    let stream = stream(target, endpoint, address, way).await?;
    let credentials = Credentials {
        user: &target.user,
        password: endpoint.password.as_ref().map(crate::secret::Secret::expose),
        channel_binding: target.channel_binding,
    };
    let mut session = login::log_in(stream, &credentials, config).await?;
    as_it_is(&mut session).await?;
    wanted(&mut session, attrs).await?;
    if asks_for_access(attrs) && settings.is_some_and(|settings| settings.read_only) {
        session.first_value("SET default_transaction_read_only = on").await?;
    }
    Ok(session)
}

/// A database in `SQL_ASCII` has texts in any encoding or none. As UTF-8 the server would refuse to send such a one, and
/// with it all of an answer.
async fn as_it_is(session: &mut login::Session) -> Result<(), LoginError> {
    if session.parameter("server_encoding") == Some("SQL_ASCII") {
        session.first_value("SET client_encoding = 'SQL_ASCII'").await?;
    }
    Ok(())
}

/// Whether the server is one of those that `target_session_attrs` allows.
async fn wanted(session: &mut login::Session, attrs: SessionAttrs) -> Result<(), Failure> {
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
async fn is_read_only(session: &mut login::Session) -> Result<bool, LoginError> {
    match (reported(session, "default_transaction_read_only"), reported(session, "in_hot_standby")) {
        (Some(default), Some(standby)) => Ok(default || standby),
        _ => Ok(session.first_value("SHOW transaction_read_only").await?.as_deref() == Some("on")),
    }
}

/// PostgreSQL 14 and newer report it with the log-in.
async fn is_standby(session: &mut login::Session) -> Result<bool, LoginError> {
    match reported(session, "in_hot_standby") {
        Some(standby) => Ok(standby),
        None => Ok(session.first_value("SELECT pg_catalog.pg_is_in_recovery()").await?.as_deref() == Some("t")),
    }
}

fn reported(session: &login::Session, name: &str) -> Option<bool> {
    session.parameter(name).map(|value| value == "on")
}
