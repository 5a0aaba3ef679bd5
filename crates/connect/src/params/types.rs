//! Types of libpq's parameters: where to connect, how protected, how long to wait.

use crate::secret::Secret;
use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    time::Duration,
};

/// One possible address of the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// Host as written, as in certificates and the password file.
    pub host: Host,
    /// Address to connect to instead of looking the host's name up (libpq's `hostaddr`), with its zone if it has one
    /// and with the port.
    pub address: Option<SocketAddr>,
    /// TCP port, or the number in the name of the socket.
    pub port: u16,
    /// The password for it, if one is known: the password file may hold another one for each host.
    pub password: Option<Secret>,
}

impl Endpoint {
    /// Host and port for people: `db.example`, `db.example:5433`, `[::1]:5433`, or the folder of the socket.
    pub fn place(&self) -> String {
        match &self.host {
            Host::Tcp(name) if self.port == 5432 => name.clone(),
            Host::Tcp(name) if name.contains(':') => format!("[{name}]:{}", self.port),
            Host::Tcp(name) => format!("{name}:{}", self.port),
            Host::Unix(folder) if self.port == 5432 => folder.display().to_string(),
            Host::Unix(folder) => format!("{}:{}", folder.display(), self.port),
        }
    }

    /// The server's socket; `None` for TCP.
    pub fn socket(&self) -> Option<PathBuf> {
        match &self.host {
            Host::Tcp(_) => None,
            Host::Unix(folder) => Some(Path::new(folder).join(format!(".s.PGSQL.{}", self.port))),
        }
    }
}

/// Where a server listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Host {
    /// A name or an address.
    Tcp(String),
    /// The folder of a Unix socket.
    Unix(PathBuf),
}

/// How sessions over TCP are encrypted. Without meaning for sockets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tls {
    /// How far TLS is wanted.
    pub mode: SslMode,
    /// Whether TLS starts with the first byte, without asking (`sslnegotiation=direct`, PostgreSQL 17).
    pub direct: bool,
    /// What server certificates are checked against; `None` checks nothing.
    pub root_cert: Option<RootCert>,
    /// Certificates that were revoked (`sslcrl`), a PEM file.
    pub revoked: Option<PathBuf>,
    /// The certificate that we send if the server requests one (`sslcert`), a PEM file.
    pub certificate: Option<PathBuf>,
    /// Its key (`sslkey`), a PEM file.
    pub key: Option<PathBuf>,
    /// Whether the handshake names the host that we want (`sslsni`).
    pub sni: bool,
    /// Oldest version that will do (`ssl_min_protocol_version`). The driver has none below 1.2.
    pub min_version: TlsVersion,
    /// Newest version that may be used (`ssl_max_protocol_version`).
    pub max_version: TlsVersion,
}

impl Default for Tls {
    fn default() -> Self {
        Self {
            mode: SslMode::Prefer,
            direct: false,
            root_cert: None,
            revoked: None,
            certificate: None,
            key: None,
            sni: true,
            min_version: TlsVersion::V1_2,
            max_version: TlsVersion::V1_3,
        }
    }
}

/// Versions of TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum TlsVersion {
    /// 1.2
    V1_2,
    /// 1.3
    V1_3,
}

/// libpq's `channel_binding`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ChannelBinding {
    /// Never.
    Disable,
    /// If server and TLS offer it.
    #[default]
    Prefer,
    /// No log-in without it.
    Require,
}

/// libpq's `target_session_attrs`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SessionAttrs {
    /// Whatever answers.
    #[default]
    Any,
    /// Sessions can write.
    ReadWrite,
    /// Sessions can't write.
    ReadOnly,
    /// No standby.
    Primary,
    /// A standby.
    Standby,
    /// A standby; if there is none, whatever answers.
    PreferStandby,
}

/// How a dead peer is noticed: libpq's `keepalives*` and `tcp_user_timeout`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Keepalives {
    /// Silence after which TCP probes whether the peer is still there; `None` never probes.
    pub idle: Option<Duration>,
    /// Time between two probes.
    pub interval: Duration,
    /// Probes without an answer after which the connection counts as dead.
    pub retries: u32,
    /// How long data that was sent may stay unacknowledged; `None` leaves it to the system.
    pub user_timeout: Option<Duration>,
}

/// The system's own answers are two hours and a quarter of one.
impl Default for Keepalives {
    fn default() -> Self {
        Self {
            idle: Some(Duration::from_secs(10)),
            interval: Duration::from_secs(5),
            retries: 2,
            user_timeout: Some(Duration::from_secs(15)),
        }
    }
}

/// libpq's `sslmode`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum SslMode {
    /// Never TLS.
    Disable,
    /// TLS only if the server insists.
    Allow,
    /// TLS if the server has it.
    Prefer,
    /// TLS or nothing; the certificate is checked only if a root certificate is given.
    Require,
    /// TLS with a certificate that a known authority signed.
    VerifyCa,
    /// That, and the certificate is for this very host.
    VerifyFull,
}

/// libpq's `sslrootcert`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RootCert {
    /// What the system trusts.
    System,
    /// The certificates of this PEM file, and no others.
    File(PathBuf),
}

impl SslMode {
    pub(crate) const NAMES: [(&'static str, Self); 6] = [
        ("disable", Self::Disable),
        ("allow", Self::Allow),
        ("prefer", Self::Prefer),
        ("require", Self::Require),
        ("verify-ca", Self::VerifyCa),
        ("verify-full", Self::VerifyFull),
    ];

    pub(crate) fn from_name(name: &str) -> Option<Self> {
        Self::NAMES.iter().find(|(known, _)| *known == name).map(|(_, mode)| *mode)
    }

    /// As libpq writes it.
    pub fn name(self) -> &'static str {
        // The table is in the order of the variants.
        Self::NAMES[self as usize].0
    }
}
