//! Opens a session by libpq's rules: tries endpoints, their addresses and the transports, until one does.

use super::{
    ConnectError, Endpoint, Kind, Limits, Target,
    address::{self, Address},
    cancel::Canceller,
    failure::{Failure, within},
    login::{self, Credentials},
    login_error::LoginError,
    login_stream::LoginStream,
    params::{SessionAttrs, options},
    received::Received,
    secret::Secret,
    session_attrs,
    transport::{self, Transport},
};
use std::time::Duration;
use tokio::time::timeout;
use tokio_postgres::{Client, Config, Connection};

/// How long the password file may take.
const PASSWORDS_LIMIT: Duration = Duration::from_secs(1);

/// An open session, ready to be handed to a driver.
pub(super) struct Opened {
    session: login::Session,
    transport: Transport,
    endpoint: Endpoint,
    address: Address,
    /// Whether a pooler refused the session's settings, so that it runs without them.
    pub without_settings: bool,
}

impl Opened {
    /// Whether it is encrypted.
    pub(super) fn is_encrypted(&self) -> bool {
        self.transport == Transport::Tls
    }

    /// Whether the server says that the session's user is a superuser.
    pub(super) fn is_superuser(&self) -> bool {
        self.session.parameter("is_superuser") == Some("on")
    }

    /// The target, narrowed down to the very address that was reached.
    pub(super) fn reached(&self, target: &Target) -> Target {
        let address = match &self.address {
            Address::Tcp(address) => Some(*address),
            Address::Unix(_) => None,
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
            transport: self.transport,
            token: self.session.cancel_token(),
        }
    }

    /// What belongs to the driver, and the count of what it receives.
    pub(super) fn into_parts(self) -> (Client, Connection<LoginStream, LoginStream>, Received) {
        let login::Session { client, connection, received } = self.session;
        (client, connection, received)
    }
}

/// What is opened.
#[derive(Clone, Copy)]
struct Request<'a> {
    target: &'a Target,
    purpose: &'a str,
    limits: &'a Limits,
    attrs: SessionAttrs,
}

/// Opens a session. `purpose` joins its name in `pg_stat_activity`.
///
/// # Errors
/// Why not, and what to do about it.
pub(super) async fn open(target: &Target, purpose: &str, limits: &Limits) -> Result<Opened, ConnectError> {
    let target = &with_current_passwords(target).await;
    let request = Request { target, purpose, limits, attrs: target.session_attrs };
    if request.attrs != SessionAttrs::PreferStandby {
        return try_endpoints(request).await;
    }
    match try_endpoints(Request { attrs: SessionAttrs::Standby, ..request }).await {
        Err(error) if error.kind.leaves_others() => {
            try_endpoints(Request { attrs: SessionAttrs::Any, ..request }).await
        }
        result => result,
    }
}

/// Passwords may have been changed since the target was resolved, weeks ago perhaps.
async fn with_current_passwords(target: &Target) -> Target {
    let own = target.clone();
    // The file may be on a slow or missing disk: then the old passwords are used.
    let read = tokio::task::spawn_blocking(move || own.refreshed());
    match timeout(PASSWORDS_LIMIT, read).await {
        Ok(Ok(target)) => target,
        _ => target.clone(),
    }
}

/// Tries every address of every endpoint.
async fn try_endpoints(request: Request<'_>) -> Result<Opened, ConnectError> {
    let target = request.target;
    let mut failures = Vec::new();
    let mut order: Vec<&Endpoint> = target.endpoints.iter().collect();
    if target.load_balance {
        fastrand::shuffle(&mut order);
    }
    for endpoint in order {
        let addresses = match within(target.connect_timeout, lookup(target, endpoint)).await {
            Ok(addresses) => addresses,
            Err(failure) => {
                failures.push(failure.explain(target, endpoint));
                continue;
            }
        };
        for address in addresses {
            match try_address(request, endpoint, &address).await {
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
    address::resolve(endpoint, target.load_balance).await.map_err(|error| Failure::Reach(error, true))
}

/// Tries one address, without the session's settings if a pooler refuses them.
async fn try_address(request: Request<'_>, endpoint: &Endpoint, address: &Address) -> Result<Opened, ConnectError> {
    let (result, without_settings) = match try_transports(request, endpoint, address, true).await {
        Err(error) if error.kind == Kind::SettingsRefused => {
            (try_transports(request, endpoint, address, false).await, true)
        }
        result => (result, false),
    };
    let (session, transport) = result?;
    Ok(Opened { session, transport, endpoint: endpoint.clone(), address: address.clone(), without_settings })
}

/// Tries every transport that is allowed.
async fn try_transports(
    request: Request<'_>,
    endpoint: &Endpoint,
    address: &Address,
    with_settings: bool,
) -> Result<(login::Session, Transport), ConnectError> {
    let target = request.target;
    let mut before: Option<ConnectError> = None;
    for transport in transport::allowed(target, endpoint) {
        // The driver's log-in is large; callers nest it deep.
        let session = Box::pin(log_in(request, endpoint, address, *transport, with_settings));
        match within(target.connect_timeout, session).await {
            Ok(session) => return Ok((session, *transport)),
            Err(failure) => {
                let is_about_transport = failure.is_about_transport();
                let error = more_telling(before.take(), failure.explain(target, endpoint));
                if !is_about_transport {
                    return Err(error);
                }
                before = Some(error);
            }
        }
    }
    Err(before.unwrap_or_else(|| ConnectError::new(endpoint, Kind::Other, "there is no way to connect")))
}

/// Which of two attempts' errors says more: that of the one that got further.
fn more_telling(first: Option<ConnectError>, second: ConnectError) -> ConnectError {
    match first {
        Some(first) if first.kind != Kind::Tls && matches!(second.kind, Kind::Tls | Kind::NotPermitted) => first,
        _ => second,
    }
}

/// What the driver sends at the start of a session.
fn config(request: Request<'_>, with_settings: bool) -> Config {
    let Request { target, purpose, limits, attrs } = request;
    let mut config = Config::new();
    config.dbname(&target.database).application_name(target.session_name(purpose));
    if with_settings {
        let ours = limits
            .parameters()
            .into_iter()
            .filter(|(name, _)| !(session_attrs::concerns_access(attrs) && *name == "default_transaction_read_only"))
            .map(|(name, value)| (name.to_owned(), value));
        // The last value wins, so our limits keep the program from burdening the server.
        if let Some(options) = options::write(target.options.iter().cloned().chain(ours)) {
            config.options(options);
        }
    }
    config
}

async fn log_in(
    request: Request<'_>,
    endpoint: &Endpoint,
    address: &Address,
    transport: Transport,
    with_settings: bool,
) -> Result<login::Session, Failure> {
    let Request { target, limits, attrs, .. } = request;
    let stream = transport::open(target, endpoint, address, transport).await?;
    let credentials = Credentials {
        user: &target.user,
        password: endpoint.password.as_ref().map(Secret::expose),
        channel_binding: target.channel_binding,
    };
    let mut session = login::log_in(stream, &credentials, &config(request, with_settings)).await?;
    keep_encoding(&mut session).await?;
    session_attrs::check(&mut session, attrs).await?;
    if session_attrs::concerns_access(attrs) && with_settings && limits.read_only {
        session.first_value("SET default_transaction_read_only = on").await?;
    }
    Ok(session)
}

/// A database in `SQL_ASCII` has texts in any encoding or none. With UTF-8 the server would refuse to send such a text,
/// and the whole answer with it.
async fn keep_encoding(session: &mut login::Session) -> Result<(), LoginError> {
    if session.parameter("server_encoding") == Some("SQL_ASCII") {
        session.first_value("SET client_encoding = 'SQL_ASCII'").await?;
    }
    Ok(())
}
