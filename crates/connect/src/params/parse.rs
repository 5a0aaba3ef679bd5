//! Reads the values of libpq's keywords: which texts are allowed, and what each means.

use super::types::{ChannelBinding, Endpoint, Host, Keepalives, RootCert, SessionAttrs, SslMode, Tls, TlsVersion};
use crate::{
    secret::Secret,
    sockets::{SOCKET_FOLDERS, default_host},
    values::{TargetError, Values},
};
use std::{
    net::{IpAddr, Ipv6Addr, SocketAddr, ToSocketAddrs as _},
    path::{Path, PathBuf},
    time::Duration,
};

impl Values {
    /// Hosts, addresses and ports, which libpq pairs by their place in the list.
    pub(crate) fn endpoints(&self) -> Result<Vec<Endpoint>, TargetError> {
        let list = |key| self.get(key).map(|text| text.split(',').collect::<Vec<_>>());
        let (hosts, addresses, ports) = (list("host"), list("hostaddr"), list("port"));
        let count = addresses.as_ref().or(hosts.as_ref()).map_or(1, Vec::len);
        if hosts.as_ref().is_some_and(|hosts| hosts.len() != count) {
            return Err(wrong("host and hostaddr must list equally many: leave a place empty for one without"));
        }
        let ports = ports.unwrap_or_else(|| vec![""]);
        if ports.len() != 1 && ports.len() != count {
            return Err(wrong("there must be one port for all hosts, or one for each"));
        }
        let password = self.get("password").map(Secret::new);
        let at = |list: &Option<Vec<&str>>, index: usize| list.as_ref().map_or("", |list| list[index]).to_owned();
        (0..count)
            .map(|index| {
                let port = port(ports[if ports.len() == 1 { 0 } else { index }])?;
                let (host, address) = host(&at(&hosts, index), &at(&addresses, index), port)?;
                Ok(Endpoint { host, address, port, password: password.clone() })
            })
            .collect()
    }

    /// Everything about TLS. Looks for the usual files in `~/.postgresql`.
    pub(crate) fn tls(&self, endpoints: &[Endpoint], home: Option<&Path>) -> Result<Tls, TargetError> {
        let system = self.get("sslrootcert") == Some("system");
        let mode = self.mode(system)?;
        let (min_version, max_version) = self.versions()?;
        let direct = self.choice("sslnegotiation", &[("postgres", false), ("direct", true)])?.unwrap_or(false);
        if direct && mode < SslMode::Require {
            return Err(wrong("sslnegotiation=direct needs sslmode=require or more: it can't go on without TLS"));
        }
        let sni = self.choice("sslsni", &[("0", false), ("1", true)])?.unwrap_or(true);
        let bare = Tls { mode, direct, sni, min_version, max_version, ..Tls::default() };
        let tcp = |endpoint: &Endpoint| endpoint.address.is_some() || matches!(endpoint.host, Host::Tcp(_));
        if mode == SslMode::Disable || !endpoints.iter().any(tcp) {
            return Ok(bare);
        }
        if system && mode != SslMode::VerifyFull {
            return Err(wrong(
                "sslrootcert=system needs sslmode=verify-full: with anything less, any certificate that some public \
                 authority signed would pass",
            ));
        }
        let usual = |name| home.map(|home| home.join(".postgresql").join(name)).filter(|path| path.exists());
        let file = |key, name| self.get(key).map(PathBuf::from).or_else(|| usual(name));
        let root_cert =
            if system { Some(RootCert::System) } else { file("sslrootcert", "root.crt").map(RootCert::File) };
        if root_cert.is_none() && mode >= SslMode::VerifyCa {
            return Err(TargetError(format!(
                "sslmode={} needs a root certificate: put one at ~/.postgresql/root.crt, name one with sslrootcert=, \
                 or trust the system's with sslmode=verify-full and sslrootcert=system",
                mode.name()
            )));
        }
        let certificate = file("sslcert", "postgresql.crt");
        let key = file("sslkey", "postgresql.key").filter(|_| certificate.is_some());
        if certificate.is_some() {
            check_key(key.as_deref())?;
        }
        Ok(Tls { root_cert, revoked: file("sslcrl", "root.crl"), certificate, key, ..bare })
    }

    fn mode(&self, system: bool) -> Result<SslMode, TargetError> {
        match self.get("sslmode") {
            Some(name) => SslMode::from_name(name).ok_or_else(|| {
                let names = SslMode::NAMES.map(|(name, _)| name).join(", ");
                TargetError(format!("sslmode (or PGSSLMODE) is unknown; allowed: {names}"))
            }),
            None if system => Ok(SslMode::VerifyFull),
            None => Ok(SslMode::Prefer),
        }
    }

    fn versions(&self) -> Result<(TlsVersion, TlsVersion), TargetError> {
        // Old versions may be allowed by the user, but not demanded: the driver has none.
        let old = TlsVersion::V1_2;
        let known = [("TLSv1", old), ("TLSv1.1", old), ("TLSv1.2", TlsVersion::V1_2), ("TLSv1.3", TlsVersion::V1_3)];
        let min = self.choice("ssl_min_protocol_version", &known)?.unwrap_or(TlsVersion::V1_2);
        let max = self.choice("ssl_max_protocol_version", &known[2..])?.unwrap_or(TlsVersion::V1_3);
        if min > max {
            return Err(wrong("ssl_min_protocol_version is above ssl_max_protocol_version"));
        }
        Ok((min, max))
    }

    pub(crate) fn channel_binding(&self) -> Result<ChannelBinding, TargetError> {
        let known = [
            ("disable", ChannelBinding::Disable),
            ("prefer", ChannelBinding::Prefer),
            ("require", ChannelBinding::Require),
        ];
        Ok(self.choice("channel_binding", &known)?.unwrap_or_default())
    }

    pub(crate) fn session_attrs(&self) -> Result<SessionAttrs, TargetError> {
        let known = [
            ("any", SessionAttrs::Any),
            ("read-write", SessionAttrs::ReadWrite),
            ("read-only", SessionAttrs::ReadOnly),
            ("primary", SessionAttrs::Primary),
            ("standby", SessionAttrs::Standby),
            ("prefer-standby", SessionAttrs::PreferStandby),
        ];
        Ok(self.choice("target_session_attrs", &known)?.unwrap_or_default())
    }

    pub(crate) fn load_balance(&self) -> Result<bool, TargetError> {
        Ok(self.choice("load_balance_hosts", &[("disable", false), ("random", true)])?.unwrap_or(false))
    }

    /// Zero keeps this program's default, except for `tcp_user_timeout`, for which it means the system's.
    pub(crate) fn keepalives(&self) -> Result<Keepalives, TargetError> {
        let mut rules = Keepalives::default();
        let seconds = |number: u32| Duration::from_secs(number.into());
        let positive = |key| Ok::<_, TargetError>(self.number(key)?.filter(|number| *number > 0));
        rules.idle = positive("keepalives_idle")?.map(seconds).or(rules.idle);
        rules.interval = positive("keepalives_interval")?.map_or(rules.interval, seconds);
        rules.retries = positive("keepalives_count")?.unwrap_or(rules.retries);
        if self.number("keepalives")? == Some(0) {
            rules.idle = None;
        }
        if let Some(milliseconds) = self.number("tcp_user_timeout")? {
            rules.user_timeout = (milliseconds > 0).then(|| Duration::from_millis(milliseconds.into()));
        }
        Ok(rules)
    }

    /// A whole number; libpq takes negative ones for zero.
    fn number(&self, key: &str) -> Result<Option<u32>, TargetError> {
        let Some(text) = self.get(key) else { return Ok(None) };
        let number: i32 = text.trim().parse().map_err(|_| TargetError(format!("{key} must be a whole number")))?;
        Ok(Some(u32::try_from(number).unwrap_or(0)))
    }

    fn choice<T: Copy>(&self, key: &str, known: &[(&str, T)]) -> Result<Option<T>, TargetError> {
        let Some(text) = self.get(key) else { return Ok(None) };
        // libpq is case-sensitive too, except for the versions of TLS.
        let same = |name: &str| name == text || (name.starts_with("TLS") && name.eq_ignore_ascii_case(text));
        let found = known.iter().find(|(name, _)| same(name)).map(|(_, value)| *value);
        let names = || known.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ");
        found
            .map(Some)
            .ok_or_else(|| TargetError(format!("{key} has a value that can't be used; allowed: {}", names())))
    }
}

fn wrong(why: &str) -> TargetError {
    TargetError(why.to_owned())
}

fn port(text: &str) -> Result<u16, TargetError> {
    if text.is_empty() {
        return Ok(5432);
    }
    let port = text.trim().parse().ok().filter(|port| *port > 0);
    port.ok_or_else(|| wrong("the port (port or PGPORT) must be a number from 1 to 65535"))
}

/// With an address, the name is used only for certificates and the password file.
fn host(name: &str, address: &str, port: u16) -> Result<(Host, Option<SocketAddr>), TargetError> {
    if !address.is_empty() {
        let parsed = numeric(address, port).ok_or_else(|| {
            wrong("hostaddr (or PGHOSTADDR) must be an IP address, with a % only before one of this machine's interfaces; \
                   names go into host")
        })?;
        let known = if name.is_empty() { address } else { name };
        return Ok((Host::Tcp(known.to_owned()), Some(parsed)));
    }
    match name {
        "" => Ok((default_host(port, &SOCKET_FOLDERS.map(Path::new)), None)),
        _ if name.starts_with('/') => Ok((Host::Unix(name.into()), None)),
        _ if name.starts_with('@') => Err(wrong("sockets without a folder (host=@…) are not supported yet: use TCP")),
        _ => Ok((Host::Tcp(name.to_owned()), None)),
    }
}

/// An address without a name; a % may precede the zone of an IPv6 address, which is an interface's name or number.
fn numeric(text: &str, port: u16) -> Option<SocketAddr> {
    if let Ok(address) = text.parse::<IpAddr>() {
        return Some((address, port).into());
    }
    // Only the system knows its interfaces. This resolves no name: the text before the % is an address.
    let (address, _) = text.split_once('%')?;
    address.parse::<Ipv6Addr>().ok()?;
    (text, port).to_socket_addrs().ok()?.next()
}

/// libpq's rule for private keys: nobody else may read one, but a group may read one of root's.
fn check_key(key: Option<&Path>) -> Result<(), TargetError> {
    let missing = || {
        wrong(
            "there is a client certificate but no key: put one at ~/.postgresql/postgresql.key or name it with sslkey=",
        )
    };
    let path = key.ok_or_else(missing)?;
    let metadata = std::fs::metadata(path)
        .map_err(|error| TargetError(format!("the private key {} can't be used: {error}", path.display())))?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt as _;
        let forbidden = if metadata.uid() == 0 { 0o037 } else { 0o077 };
        if metadata.mode() & forbidden != 0 {
            return Err(TargetError(format!(
                "the private key {0} can be used by others, so it is refused: run chmod 600 {0}",
                path.display()
            )));
        }
    }
    if metadata.is_file() {
        return Ok(());
    }
    Err(TargetError(format!("the private key {} is not a plain file", path.display())))
}
