//! Why a connection could not be made.

use super::{
    Endpoint, Host, Target,
    login_error::{LoginError, ServerError},
};
use refreshtop_core::sanitize;
use std::{fmt, io, time::Duration};
use tokio_postgres::error::SqlState;

/// A connection that could not be made: what failed, why, and what to do, in one sentence without any password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConnectError {
    /// What kind of failure it is.
    pub kind: Kind,
    message: String,
}

impl fmt::Display for ConnectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for ConnectError {}

/// Kinds of failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// The host's name has no address.
    HostUnknown,
    /// Nobody listens at the address or the socket.
    Refused,
    /// No answer in time.
    TimedOut,
    /// The network, or the server in the middle of the log-in, failed.
    Broken,
    /// TLS was refused, or the certificate was.
    Tls,
    /// The server wants a password and none is known.
    PasswordMissing,
    /// The password is wrong.
    PasswordWrong,
    /// The role does not exist or may not log in.
    RoleMissing,
    /// The database does not exist.
    DatabaseMissing,
    /// The server's rules keep this role, host or database out.
    NotPermitted,
    /// The server is starting up, shutting down or recovering.
    NotReady,
    /// All of the server's, the database's or the role's connections are taken.
    TooManyConnections,
    /// A pooler between us and the server refuses session settings at the start of a session.
    SettingsRefused,
    /// The server wants a way to log in that is not supported, or that the rules of the connection forbid.
    LoginUnsupported,
    /// A server answered that `target_session_attrs` excludes: for instance a standby, if a primary is required.
    Unwanted,
    /// The server reported something else.
    Other,
}

impl Kind {
    /// Whether it may pass without anybody doing anything here: worth trying again soon. The others need a person,
    /// and wrong passwords tried often lock accounts, so callers should slow down.
    pub fn may_pass(self) -> bool {
        match self {
            Self::HostUnknown
            | Self::Refused
            | Self::TimedOut
            | Self::Broken
            | Self::NotReady
            | Self::TooManyConnections
            | Self::Unwanted
            | Self::Other => true,
            Self::Tls
            | Self::PasswordMissing
            | Self::PasswordWrong
            | Self::RoleMissing
            | Self::DatabaseMissing
            | Self::NotPermitted
            | Self::LoginUnsupported
            | Self::SettingsRefused => false,
        }
    }

    /// Whether the next of several places is tried after it. As with libpq, a log-in that one server refused is
    /// not tried at the others: wrong passwords tried everywhere lock accounts, and a database of the same name may be
    /// another one. Unlike libpq we go on if a server is full, or hangs up as a proxy does whose server is gone.
    pub(super) fn leaves_others(self) -> bool {
        self.may_pass() && self != Self::Other
    }

    /// How far an attempt got that ended like this: of several, the one that got furthest says most.
    fn depth(self) -> u8 {
        match self {
            Self::HostUnknown => 0,
            Self::Refused | Self::TimedOut => 1,
            Self::Broken => 2,
            Self::Tls => 3,
            Self::NotReady | Self::TooManyConnections => 4,
            Self::Unwanted => 5,
            Self::PasswordMissing
            | Self::PasswordWrong
            | Self::RoleMissing
            | Self::DatabaseMissing
            | Self::NotPermitted
            | Self::LoginUnsupported
            | Self::SettingsRefused
            | Self::Other => 6,
        }
    }
}

impl ConnectError {
    pub(super) fn new(endpoint: &Endpoint, kind: Kind, why: &str) -> Self {
        Self { kind, message: format!("cannot connect to {}: {why}", endpoint.place()) }
    }

    /// A session to `target` that was open and is lost.
    pub fn broken(target: &Target, why: &str) -> Self {
        Self::new(target.endpoint(), Kind::Broken, why)
    }

    pub(super) fn timed_out(endpoint: &Endpoint, limit: Duration) -> Self {
        let limit = limit.as_secs();
        let why = format!("no answer within {limit} s; check host, port and firewall, or raise connect_timeout");
        Self::new(endpoint, Kind::TimedOut, &why)
    }

    /// The error for several endpoints or addresses that failed: the failure that got furthest, and how many there are
    /// beside it.
    pub(super) fn several(target: &Target, failures: Vec<Self>) -> Self {
        let count = failures.len();
        let decisive =
            failures.into_iter().reduce(|best, next| if next.kind.depth() > best.kind.depth() { next } else { best });
        let Some(Self { kind, message }) = decisive else {
            return Self::new(target.endpoint(), Kind::Other, "no host is named");
        };
        match count - 1 {
            0 => Self { kind, message },
            1 => Self { kind, message: format!("{message} (and one other address failed)") },
            more => Self { kind, message: format!("{message} (and {more} other addresses failed)") },
        }
    }

    /// Explains why an address could not be reached, or why a name could not be looked up.
    pub(super) fn from_io(endpoint: &Endpoint, error: &io::Error, looked_up: bool) -> Self {
        match (&endpoint.host, error.kind()) {
            // The resolver's errors have no kind and no number of the system's.
            (Host::Tcp(name), _) if looked_up => {
                let why = format!("the host {name:?} is not known; check its name and the network");
                Self::new(endpoint, Kind::HostUnknown, &why)
            }
            (_, io::ErrorKind::TimedOut) => Self::new(
                endpoint,
                Kind::TimedOut,
                "the network gave up waiting for an answer; check host, port and firewall",
            ),
            (Host::Unix(_), io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused) => Self::new(
                endpoint,
                Kind::Refused,
                "no server has its socket there; check that it runs, the folder and the port",
            ),
            (_, io::ErrorKind::ConnectionRefused) => Self::new(
                endpoint,
                Kind::Refused,
                "the host refused the connection; check that the server runs and listens there, and the port",
            ),
            _ => {
                let why = format!("{}; check host, port and network", clean(&error.to_string()));
                Self::new(endpoint, Kind::Broken, &why)
            }
        }
    }

    /// Explains a failed TLS handshake.
    pub(super) fn from_handshake(endpoint: &Endpoint, cause: &str) -> Self {
        Self::new(endpoint, Kind::Tls, &tls(cause))
    }

    /// Explains a failed log-in.
    pub(super) fn from_login(target: &Target, endpoint: &Endpoint, error: LoginError) -> Self {
        match error {
            LoginError::Server(error) => Self::from_server(target, endpoint, &error),
            LoginError::PasswordMissing => Self::new(
                endpoint,
                Kind::PasswordMissing,
                &format!("the server wants a password for role {:?}; put it into PGPASSWORD or ~/.pgpass", target.user),
            ),
            LoginError::Method(what) => Self::new(
                endpoint,
                Kind::LoginUnsupported,
                &format!(
                    "the log-in failed ({}); passwords (SCRAM, MD5, plain), certificates and trust are supported",
                    clean(&what)
                ),
            ),
            LoginError::Io(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                Self::new(endpoint, Kind::Broken, "the server closed the connection during the log-in")
            }
            // A wrong password shows in the server's proof, unless the server notices it first.
            LoginError::Io(error) => {
                let why = format!("the log-in broke off ({})", clean(&error.to_string()));
                Self::new(endpoint, Kind::Broken, &why)
            }
        }
    }

    /// Explains what the server answered. `routine` is the server's own name for the place; unlike the message it is
    /// in no language.
    fn from_server(target: &Target, endpoint: &Endpoint, error: &ServerError) -> Self {
        let ServerError { code, message, routine } = error;
        let (code, routine) = (code.as_str(), routine.as_deref());
        let text = clean(message);
        let (user, database) = (&target.user, &target.database);
        let state = SqlState::from_code(code);
        let (kind, why) = if state == SqlState::INVALID_PASSWORD {
            (
                Kind::PasswordWrong,
                format!("the server refused the password of role {user:?}; check PGPASSWORD, ~/.pgpass or the URL"),
            )
        } else if state == SqlState::INVALID_AUTHORIZATION_SPECIFICATION && routine == Some("InitializeSessionUserId") {
            (Kind::RoleMissing, format!("{text}; check the user, or ask an administrator for the role"))
        } else if state.code().starts_with("28") {
            (Kind::NotPermitted, format!("{text}; ask an administrator to let you in (pg_hba.conf)"))
        } else if state == SqlState::INVALID_CATALOG_NAME {
            (Kind::DatabaseMissing, format!("there is no database {database:?}; check its name"))
        } else if state == SqlState::INSUFFICIENT_PRIVILEGE {
            (Kind::NotPermitted, format!("{text}; ask an administrator for CONNECT on the database"))
        } else if state.code().starts_with("57P") {
            (Kind::NotReady, format!("the server is not ready ({text}); wait"))
        } else if state == SqlState::TOO_MANY_CONNECTIONS {
            (Kind::TooManyConnections, format!("no connection is free ({text}); wait, or close other sessions"))
        } else if state == SqlState::PROTOCOL_VIOLATION && message.contains("startup parameter") {
            (Kind::SettingsRefused, format!("a pooler refuses session settings ({text})"))
        } else {
            (Kind::Other, format!("the server said: {text} (SQLSTATE {})", clean(code)))
        };
        Self::new(endpoint, kind, &why)
    }
}

/// What to do about a failed handshake.
fn tls(cause: &str) -> String {
    // The library's own words are two moments in seconds since 1970.
    if cause.to_ascii_lowercase().contains("expired") {
        return "TLS failed: the server's certificate has expired; renew it".to_owned();
    }
    let advice = if cause.contains("does not support TLS") {
        "switch TLS on at the server, or allow plain connections with sslmode=prefer"
    } else if cause.contains("NotValidForName") || cause.contains("not valid for name") {
        "the certificate is for another host: connect by a name that it lists, or use sslmode=verify-ca"
    } else if cause.contains("UnknownIssuer") || cause.contains("BadSignature") {
        "the root certificate did not sign it: check sslrootcert"
    } else {
        "check sslmode and sslrootcert"
    };
    format!("TLS failed ({}); {advice}", clean(cause))
}

/// Foreign text for one line of a sentence, not endless.
fn clean(text: &str) -> String {
    sanitize::one_line(text, 300)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{environment::Environment, secret::ConnectionUrl};

    fn target() -> Target {
        let home = Environment::from([("HOME".to_owned(), "/nonexistent".to_owned())]);
        Target::resolve(Some(&ConnectionUrl::new("postgres://bob:hunter2@db.example:5433/app")), &home).unwrap()
    }

    #[test]
    fn answers_of_servers() {
        for (code, message, routine, kind, wanted) in [
            (
                "28P01",
                "password authentication failed",
                "auth_failed",
                Kind::PasswordWrong,
                "role \"bob\"; check PGPASSWORD",
            ),
            ("28000", "Rolle existiert nicht", "InitializeSessionUserId", Kind::RoleMissing, "check the user"),
            ("28000", "no pg_hba.conf entry", "ClientAuthentication", Kind::NotPermitted, "pg_hba.conf"),
            ("3D000", "database \"app\" does not exist", "", Kind::DatabaseMissing, "no database \"app\""),
            ("42501", "permission denied", "", Kind::NotPermitted, "CONNECT"),
            ("57P03", "the database system is starting up", "", Kind::NotReady, "starting up"),
            ("57P01", "terminating connection", "", Kind::NotReady, "wait"),
            ("53300", "sorry, too many clients already", "", Kind::TooManyConnections, "close other sessions"),
            ("08P01", "unsupported startup parameter: options", "", Kind::SettingsRefused, "pooler"),
            ("XX000", "odd\x1b[31m\u{202e}\nthing", "", Kind::Other, "odd\u{fffd}[31m thing (SQLSTATE XX000)"),
        ] {
            let answer = ServerError { code: code.into(), message: message.into(), routine: Some(routine.into()) };
            let target = target();
            let error = ConnectError::from_server(&target, target.endpoint(), &answer);
            let text = error.to_string();
            assert_eq!(error.kind, kind, "{text}");
            assert!(text.starts_with("cannot connect to db.example:5433: ") && text.contains(wanted), "{text}");
            assert!(!text.contains("hunter2") && !text.contains('\x1b') && !text.contains('\n'), "{text}");
        }
    }

    #[test]
    fn of_several_failures_the_one_that_got_furthest_is_reported() {
        let target = target();
        let failure = |kind, why: &str| ConnectError::new(target.endpoint(), kind, why);
        let failures = vec![
            failure(Kind::Refused, "refused"),
            failure(Kind::PasswordWrong, "password"),
            failure(Kind::TimedOut, "timeout"),
        ];
        let error = ConnectError::several(&target, failures);
        assert_eq!(error.kind, Kind::PasswordWrong);
        assert!(error.to_string().ends_with("password (and 2 other addresses failed)"), "{error}");
    }

    #[test]
    fn foreign_text_is_short() {
        assert_eq!(clean(&"x".repeat(1_000_000)).chars().count(), 301);
    }

    #[test]
    fn errors_that_need_a_person_are_recognised() {
        assert!(Kind::NotReady.may_pass() && Kind::Refused.may_pass());
        assert!(!Kind::PasswordWrong.may_pass() && !Kind::Tls.may_pass());
    }
}
