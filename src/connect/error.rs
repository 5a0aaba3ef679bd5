//! Why a connection could not be made.

use super::{Host, Target};
use crate::sanitize;
use std::{fmt, io};
use tokio_postgres::error::{DbError, SqlState};

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
    /// The server said something else.
    Other,
}

impl Kind {
    /// Whether it may pass without anybody doing anything here: worth trying again soon. The others need a person,
    /// and wrong passwords tried often lock accounts, so callers should slow down.
    #[must_use]
    pub fn may_pass(self) -> bool {
        match self {
            Self::HostUnknown
            | Self::Refused
            | Self::TimedOut
            | Self::Broken
            | Self::NotReady
            | Self::TooManyConnections
            | Self::Other => true,
            Self::Tls
            | Self::PasswordMissing
            | Self::PasswordWrong
            | Self::RoleMissing
            | Self::DatabaseMissing
            | Self::NotPermitted
            | Self::SettingsRefused => false,
        }
    }

    /// The exit code of a command that ends for this.
    #[must_use]
    pub fn exit_code(self) -> u8 {
        match self {
            Self::NotPermitted => crate::exit::NOT_PERMITTED,
            _ => crate::exit::CANNOT_CONNECT,
        }
    }
}

impl ConnectError {
    pub(super) fn new(target: &Target, kind: Kind, why: &str) -> Self {
        Self { kind, message: format!("cannot connect to {}: {why}", target.place()) }
    }

    pub(super) fn timed_out(target: &Target) -> Self {
        let limit = target.connect_timeout.unwrap_or_default().as_secs();
        let why = format!("no answer within {limit} s; check host, port and firewall, or raise connect_timeout");
        Self::new(target, Kind::TimedOut, &why)
    }

    /// Explains an error of the driver.
    #[must_use]
    pub fn from_driver(target: &Target, error: &tokio_postgres::Error) -> Self {
        if let Some(said) = error.as_db_error() {
            return Self::from_server(target, said.code().code(), said.message(), said.routine());
        }
        let source = std::error::Error::source(error);
        let cause = source.map(ToString::to_string).unwrap_or_default();
        // The driver keeps the kind to itself; its words for it are all there is. The tests hold them.
        let (kind, why) = match error.to_string().as_str() {
            "error connecting to server" => {
                return Self::from_io(target, source.and_then(|source| source.downcast_ref()), &cause);
            }
            "error performing TLS handshake" => (Kind::Tls, tls(&cause)),
            "invalid configuration" if cause == "password missing" => (
                Kind::PasswordMissing,
                format!("the server wants a password for role {:?}; put it into PGPASSWORD or ~/.pgpass", target.user),
            ),
            "authentication error" => (
                Kind::Other,
                format!(
                    "the log-in failed ({}); only passwords (SCRAM, MD5, plain) and trust are supported",
                    clean(&cause)
                ),
            ),
            "connection closed" => (Kind::Broken, "the server closed the connection during the log-in".to_owned()),
            other if cause.is_empty() => (Kind::Broken, clean(other)),
            other => (Kind::Broken, format!("{} ({})", clean(other), clean(&cause))),
        };
        Self::new(target, kind, &why)
    }

    fn from_io(target: &Target, error: Option<&io::Error>, cause: &str) -> Self {
        let kind = error.map_or(io::ErrorKind::Other, io::Error::kind);
        match (&target.endpoint().host, kind) {
            (_, io::ErrorKind::TimedOut) => Self::timed_out(target),
            (Host::Unix(_), io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused) => Self::new(
                target,
                Kind::Refused,
                "no server has its socket there; check that it runs, the folder and the port",
            ),
            (_, io::ErrorKind::ConnectionRefused) => Self::new(
                target,
                Kind::Refused,
                "the host refused the connection; check that the server runs and listens there, and the port",
            ),
            // The resolver's errors have no kind and no number of the system's.
            (Host::Tcp(name), _) if cause.contains("lookup") || cause.contains("resolve") => {
                let why = format!("the host {name:?} is not known; check its name and the network");
                Self::new(target, Kind::HostUnknown, &why)
            }
            _ => Self::new(target, Kind::Broken, &format!("{}; check host, port and network", clean(cause))),
        }
    }

    /// Explains what the server answered. `routine` is the server's own name for the place; unlike the message it is
    /// in no language.
    fn from_server(target: &Target, code: &str, message: &str, routine: Option<&str>) -> Self {
        let said = clean(message);
        let (user, database) = (&target.user, &target.database);
        let state = SqlState::from_code(code);
        let (kind, why) = if state == SqlState::INVALID_PASSWORD {
            (
                Kind::PasswordWrong,
                format!("the server refused the password of role {user:?}; check PGPASSWORD, ~/.pgpass or the URL"),
            )
        } else if state == SqlState::INVALID_AUTHORIZATION_SPECIFICATION && routine == Some("InitializeSessionUserId") {
            (Kind::RoleMissing, format!("{said}; check the user, or ask an administrator for the role"))
        } else if state.code().starts_with("28") {
            (Kind::NotPermitted, format!("{said}; ask an administrator to let you in (pg_hba.conf)"))
        } else if state == SqlState::INVALID_CATALOG_NAME {
            (Kind::DatabaseMissing, format!("there is no database {database:?}; check its name"))
        } else if state == SqlState::INSUFFICIENT_PRIVILEGE {
            (Kind::NotPermitted, format!("{said}; ask an administrator for CONNECT on the database"))
        } else if state.code().starts_with("57P") {
            (Kind::NotReady, format!("the server is not ready ({said}); wait"))
        } else if state == SqlState::TOO_MANY_CONNECTIONS {
            (Kind::TooManyConnections, format!("no connection is free ({said}); wait, or close other sessions"))
        } else if state == SqlState::PROTOCOL_VIOLATION && message.contains("startup parameter") {
            (Kind::SettingsRefused, format!("a pooler refuses session settings ({said})"))
        } else {
            (Kind::Other, format!("the server said: {said} (SQLSTATE {})", clean(code)))
        };
        Self::new(target, kind, &why)
    }

    pub(super) fn is_hba(error: &tokio_postgres::Error) -> bool {
        error.as_db_error().map(DbError::code) == Some(&SqlState::INVALID_AUTHORIZATION_SPECIFICATION)
    }
}

/// What to do about a failed handshake.
fn tls(cause: &str) -> String {
    let advice = if cause.contains("does not support TLS") {
        "switch TLS on at the server, or allow plain connections with sslmode=prefer"
    } else if cause.contains("NotValidForName") || cause.contains("not valid for name") {
        "the certificate is for another host: connect by a name that it lists, or use sslmode=verify-ca"
    } else if cause.contains("UnknownIssuer") || cause.contains("BadSignature") {
        "the root certificate did not sign it: check sslrootcert"
    } else if cause.to_ascii_lowercase().contains("expired") {
        "renew the server's certificate"
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
            let error = ConnectError::from_server(&target(), code, message, Some(routine));
            let text = error.to_string();
            assert_eq!(error.kind, kind, "{text}");
            assert!(text.starts_with("cannot connect to db.example:5433: ") && text.contains(wanted), "{text}");
            assert!(!text.contains("hunter2") && !text.contains('\x1b') && !text.contains('\n'), "{text}");
        }
    }

    #[test]
    fn foreign_text_is_short() {
        assert_eq!(clean(&"x".repeat(1_000_000)).chars().count(), 301);
    }

    #[test]
    fn what_needs_a_person_is_told_apart() {
        assert!(Kind::NotReady.may_pass() && Kind::Refused.may_pass());
        assert!(!Kind::PasswordWrong.may_pass() && !Kind::Tls.may_pass());
        assert_eq!(Kind::NotPermitted.exit_code(), crate::exit::NOT_PERMITTED);
        assert_eq!(Kind::Refused.exit_code(), crate::exit::CANNOT_CONNECT);
    }
}
