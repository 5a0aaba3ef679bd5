//! Which server, as whom and how: the answer of connection string, environment and defaults together.
//!
//! The rules are libpq's (chapter "Database Connection Control Functions" of its manual), and where this program
//! can't follow one, it refuses instead of connecting to something else, or less safely, than was asked for.

use super::{
    conninfo::{self, Param},
    passfile,
    rules::{ChannelBinding, Endpoint, Host, Keepalives, RootCert, SessionAttrs, SslMode, Tls},
    session,
};
use crate::{
    environment::{self, Environment},
    secret::{ConnectionUrl, Secret},
};
use std::{
    collections::BTreeMap,
    fmt,
    path::{Path, PathBuf},
    time::Duration,
};

/// A server, resolved. Printing it shows no password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// Where to look for the server, in the order in which to try; never empty.
    pub endpoints: Vec<Endpoint>,
    /// Role to log in as.
    pub user: String,
    /// Database.
    pub database: String,
    /// How sessions over TCP are encrypted.
    pub tls: Tls,
    /// Whether the log-in must prove that it happens inside this very TLS session.
    pub channel_binding: ChannelBinding,
    /// What the server must be to be the right one.
    pub session_attrs: SessionAttrs,
    /// Whether the endpoints, and the addresses of each, are tried in random order.
    pub load_balance: bool,
    /// How a dead peer is noticed.
    pub keepalives: Keepalives,
    /// The user's own name for the sessions; `None` for `refreshtop` and the purpose.
    pub application_name: Option<String>,
    /// Longest time for one attempt to connect to one address, from the first packet to the end of the log-in; `None`
    /// is no limit.
    pub connect_timeout: Option<Duration>,
    /// Settings of every session that the user asks for, by name.
    pub options: Vec<(String, String)>,
    /// What the user should know, though it stops nothing. Nothing secret is in it.
    pub warnings: Vec<String>,
}

/// A target that can't be resolved: says what is wrong and what is allowed, without any value that could be a
/// password.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct TargetError(String);

/// Time for one attempt to connect where nothing else is said. libpq waits for ever; a monitor must say something.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// Folders in which the server's socket is looked for: that of Debian and its kin, and that of PostgreSQL itself.
const SOCKET_FOLDERS: [&str; 2] = ["/var/run/postgresql", "/tmp"];

/// The environment variable behind each keyword that is understood.
const VARIABLES: [(&str, &str); 11] = [
    ("host", "PGHOST"),
    ("port", "PGPORT"),
    ("user", "PGUSER"),
    ("password", "PGPASSWORD"),
    ("dbname", "PGDATABASE"),
    ("sslmode", "PGSSLMODE"),
    ("sslrootcert", "PGSSLROOTCERT"),
    ("connect_timeout", "PGCONNECT_TIMEOUT"),
    ("application_name", "PGAPPNAME"),
    ("passfile", "PGPASSFILE"),
    ("options", "PGOPTIONS"),
];

/// Variables that decide where a session goes or how it is protected, by keyword: ignoring one would be worse than
/// refusing it.
const REFUSED_VARIABLES: [(&str, &str); 10] = [
    ("service", "PGSERVICE"),
    ("hostaddr", "PGHOSTADDR"),
    ("sslcert", "PGSSLCERT"),
    ("sslkey", "PGSSLKEY"),
    ("sslcrl", "PGSSLCRL"),
    ("sslnegotiation", "PGSSLNEGOTIATION"),
    ("require_auth", "PGREQUIREAUTH"),
    ("channel_binding", "PGCHANNELBINDING"),
    ("target_session_attrs", "PGTARGETSESSIONATTRS"),
    ("ssl_min_protocol_version", "PGSSLMINPROTOCOLVERSION"),
];

/// Values of keywords not supported yet that ask for what is done anyway.
const AS_IT_IS: [(&str, &[&str]); 9] = [
    ("channel_binding", &["disable", "prefer"]),
    ("client_encoding", &["utf8", "UTF8", "auto"]),
    ("gssencmode", &["disable", "prefer"]),
    ("keepalives", &["1"]),
    ("load_balance_hosts", &["disable"]),
    ("sslcompression", &["0"]),
    ("sslnegotiation", &["postgres"]),
    ("ssl_min_protocol_version", &["TLSv1", "TLSv1.1", "TLSv1.2"]),
    ("target_session_attrs", &["any"]),
];

impl Target {
    /// Resolves a connection string, or none, with the `PG*` variables, `~/.pgpass` and libpq's defaults. Reads the
    /// password file and looks for sockets and `~/.postgresql/root.crt`; connects to nothing.
    ///
    /// # Errors
    /// The string is no connection string, or something in it or the environment is wrong or not supported yet.
    pub fn resolve(url: Option<&ConnectionUrl>, environment: &Environment) -> Result<Self, TargetError> {
        let values = Values::collect(url, environment)?;
        let home = environment::get(environment, "HOME").map(PathBuf::from).or_else(std::env::home_dir);
        let port = values.port()?;
        let host = values.host(port)?;
        let user = match values.get("user") {
            Some(user) => user.to_owned(),
            None => system_user()?,
        };
        let database = values.get("dbname").unwrap_or(&user).to_owned();
        let (ssl_mode, root_cert) = values.tls(&host, home.as_deref())?;
        let password = values.get("password").map(Secret::new);
        let mut target = Self {
            endpoints: vec![Endpoint { host, address: None, port, password }],
            user,
            database,
            tls: Tls { mode: ssl_mode, root_cert, ..Tls::default() },
            channel_binding: ChannelBinding::default(),
            session_attrs: SessionAttrs::default(),
            load_balance: false,
            keepalives: Keepalives::default(),
            application_name: values.get("application_name").map(str::to_owned),
            connect_timeout: values.connect_timeout()?,
            options: values.options()?,
            warnings: Vec::new(),
        };
        if target.endpoints[0].password.is_none() {
            let own = values.get("passfile").map(PathBuf::from);
            target.look_up_password(own.or_else(|| home.map(|home| home.join(".pgpass"))).as_deref());
        }
        Ok(target)
    }

    /// Where to look first.
    #[must_use]
    pub fn endpoint(&self) -> &Endpoint {
        // Never empty, by what `endpoints` says of itself.
        &self.endpoints[0]
    }

    /// Hosts and ports for people, see [`Endpoint::place`].
    #[must_use]
    pub fn place(&self) -> String {
        self.endpoints.iter().map(Endpoint::place).collect::<Vec<_>>().join(",")
    }

    /// Name of a session for a purpose, as `pg_stat_activity` shows it.
    #[must_use]
    pub fn session_name(&self, purpose: &str) -> String {
        self.application_name.clone().unwrap_or_else(|| format!("refreshtop {purpose}"))
    }

    fn look_up_password(&mut self, path: Option<&Path>) {
        let (Some(path), Some(endpoint)) = (path, self.endpoints.first_mut()) else { return };
        let host = match &endpoint.host {
            Host::Tcp(name) => name.clone(),
            // libpq looks up its default folder as localhost.
            Host::Unix(folder) if SOCKET_FOLDERS.iter().any(|known| folder == Path::new(known)) => "localhost".into(),
            Host::Unix(folder) => folder.display().to_string(),
        };
        let wanted = passfile::Wanted { host: &host, port: endpoint.port, database: &self.database, user: &self.user };
        match passfile::look_up(path, &wanted) {
            Ok(password) => endpoint.password = password,
            Err(warning) => self.warnings.push(warning),
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "database {:?} on {} as {:?}", self.database, self.place(), self.user)
    }
}

fn system_user() -> Result<String, TargetError> {
    whoami::username().map_err(|_| {
        TargetError("the name of the system's user is not known: name a role with user= or PGUSER".to_owned())
    })
}

/// Values by libpq's keyword, the connection string's over the environment's.
struct Values(BTreeMap<String, String>);

impl Values {
    fn collect(url: Option<&ConnectionUrl>, environment: &Environment) -> Result<Self, TargetError> {
        let mut values = BTreeMap::new();
        for (key, name) in REFUSED_VARIABLES {
            if let Some(value) = environment::get(environment, name) {
                supported(key, value)
                    .map_err(|problem| TargetError(format!("{name} is set, but {problem}; unset it")))?;
            }
        }
        for (key, name) in VARIABLES {
            if let Some(value) = environment::get(environment, name) {
                values.insert(key.to_owned(), value.to_owned());
            }
        }
        let Some(url) = url else { return Ok(Self(values)) };
        let wrong = |problem: String| TargetError(format!("{url} can't be used: {problem}"));
        let params = conninfo::parse(url.expose()).map_err(|error| wrong(error.to_string()))?;
        let trusted = conninfo::scheme(url.expose()).is_some() && !url.expose().contains("password");
        for Param { key, value, .. } in params {
            if !conninfo::is_keyword(&key) {
                return Err(wrong(unknown_keyword(&key, trusted)));
            }
            supported(&key, &value).map_err(wrong)?;
            match key.as_str() {
                // Java's way to say it, which libpq understands too.
                "ssl" if value == "true" => values.insert("sslmode".to_owned(), "require".to_owned()),
                "ssl" => return Err(wrong("ssl can only be true; use sslmode".to_owned())),
                _ => values.insert(key, value),
            };
        }
        Ok(Self(values))
    }

    fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key).map(String::as_str)
    }

    fn port(&self) -> Result<u16, TargetError> {
        let Some(text) = self.get("port") else { return Ok(5432) };
        if text.contains(',') {
            return Err(several());
        }
        let port = text.trim().parse().ok().filter(|port| *port > 0);
        port.ok_or_else(|| TargetError("the port (port or PGPORT) must be a number from 1 to 65535".to_owned()))
    }

    fn host(&self, port: u16) -> Result<Host, TargetError> {
        match self.get("host") {
            None => Ok(default_host(port, &SOCKET_FOLDERS.map(Path::new))),
            Some(folder) if folder.starts_with('/') => Ok(Host::Unix(folder.into())),
            Some(name) if name.contains(',') => Err(several()),
            Some(name) if name.starts_with('@') => {
                Err(TargetError("sockets without a folder (host=@…) are not supported yet: use TCP".to_owned()))
            }
            Some(name) => Ok(Host::Tcp(name.to_owned())),
        }
    }

    fn tls(&self, host: &Host, home: Option<&Path>) -> Result<(SslMode, Option<RootCert>), TargetError> {
        let system = self.get("sslrootcert") == Some("system");
        let mode = match self.get("sslmode") {
            Some(name) => SslMode::from_name(name).ok_or_else(|| {
                let names = SslMode::NAMES.map(|(name, _)| name).join(", ");
                TargetError(format!("sslmode (or PGSSLMODE) is unknown; allowed: {names}"))
            })?,
            None if system => SslMode::VerifyFull,
            None => SslMode::Prefer,
        };
        if matches!(host, Host::Unix(_)) || mode == SslMode::Disable {
            return Ok((mode, None));
        }
        if system && mode != SslMode::VerifyFull {
            return Err(TargetError(
                "sslrootcert=system needs sslmode=verify-full: with anything less, any certificate that some public \
                 authority signed would pass"
                    .to_owned(),
            ));
        }
        let given = self.get("sslrootcert").filter(|_| !system).map(PathBuf::from);
        let usual = home.map(|home| home.join(".postgresql/root.crt")).filter(|path| path.exists());
        let root_cert = if system { Some(RootCert::System) } else { given.or(usual).map(RootCert::File) };
        if root_cert.is_none() && mode >= SslMode::VerifyCa {
            return Err(TargetError(format!(
                "sslmode={} needs a root certificate: put one at ~/.postgresql/root.crt, name one with sslrootcert=, \
                 or trust the system's with sslmode=verify-full and sslrootcert=system",
                mode.name()
            )));
        }
        Ok((mode, root_cert))
    }

    fn connect_timeout(&self) -> Result<Option<Duration>, TargetError> {
        let Some(text) = self.get("connect_timeout") else { return Ok(Some(CONNECT_TIMEOUT)) };
        let seconds: i32 = text.trim().parse().map_err(|_| {
            TargetError("connect_timeout (or PGCONNECT_TIMEOUT) must be whole seconds; 0 waits for ever".to_owned())
        })?;
        Ok(u64::try_from(seconds).ok().filter(|seconds| *seconds > 0).map(Duration::from_secs))
    }

    fn options(&self) -> Result<Vec<(String, String)>, TargetError> {
        let text = self.get("options").unwrap_or_default();
        session::parse(text).ok_or_else(|| {
            TargetError("options (or PGOPTIONS) may hold \"-c name=value\" and \"--name=value\" only".to_owned())
        })
    }
}

fn several() -> TargetError {
    TargetError("several hosts or ports are not supported yet: name one".to_owned())
}

/// Whether a keyword can be followed; else why not.
fn supported(key: &str, value: &str) -> Result<(), String> {
    let as_it_is = AS_IT_IS.iter().any(|(name, values)| *name == key && values.contains(&value));
    if as_it_is || !conninfo::UNSUPPORTED.contains(&key) {
        return Ok(());
    }
    Err(format!("{key} is not supported yet"))
}

/// Repeats the keyword only where it can't be half of a password: in a URL, whose parts are told apart by their
/// place, or where it is close to a real one.
fn unknown_keyword(key: &str, trusted: bool) -> String {
    let likeness = |name: &&str| strsim::jaro_winkler(name, key);
    let close = conninfo::SUPPORTED
        .into_iter()
        .max_by(|a, b| likeness(a).total_cmp(&likeness(b)))
        .filter(|name| likeness(name) > 0.85);
    let named = if trusted || close.is_some() { format!(" `{key}`") } else { String::new() };
    let hint = close.map_or_else(String::new, |name| format!(" (did you mean `{name}`?)"));
    format!("it has an unknown parameter{named}{hint}; allowed: {}", conninfo::SUPPORTED.join(", "))
}

/// The first folder with a socket for this port, else TCP to this machine.
fn default_host(port: u16, folders: &[&Path]) -> Host {
    let socket = format!(".s.PGSQL.{port}");
    let folder = folders.iter().find(|folder| folder.join(&socket).exists());
    folder.map_or_else(|| Host::Tcp("localhost".to_owned()), |folder| Host::Unix(folder.to_path_buf()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An environment whose home is empty, so that nothing of this machine gets in.
    fn environment(pairs: &[(&str, &str)]) -> Environment {
        let home = [("HOME", "/nonexistent")];
        home.iter().chain(pairs).map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    fn resolve(url: &str, pairs: &[(&str, &str)]) -> Result<Target, String> {
        let url = (!url.is_empty()).then(|| ConnectionUrl::new(url));
        Target::resolve(url.as_ref(), &environment(pairs)).map_err(|error| error.to_string())
    }

    fn summary(target: &Target) -> String {
        let password = target.endpoint().password.as_ref().map_or("-", |password| password.expose());
        format!("{} {} {} {} {}", target.place(), target.user, password, target.database, target.tls.mode.name())
    }

    #[test]
    fn strings_are_stronger_than_the_environment_and_that_than_the_defaults() {
        let me = whoami::username().unwrap();
        for (url, pairs, wanted) in [
            ("postgres://bob:pw@h:5433/app?sslmode=disable", &[][..], "h:5433 bob pw app disable".to_owned()),
            ("postgres://h", &[], format!("h {me} - {me} prefer")),
            ("postgres://bob@h", &[], "h bob - bob prefer".into()),
            ("host=h user=bob dbname='a b' password=pw", &[], "h bob pw a b prefer".into()),
            ("postgres://bob@h/app", &[("PGUSER", "eve"), ("PGPASSWORD", "pw")], "h bob pw app prefer".into()),
            ("", &[("PGHOST", "h"), ("PGPORT", "99"), ("PGUSER", "eve")], "h:99 eve - eve prefer".into()),
            (
                "",
                &[("PGHOST", "h"), ("PGUSER", "e"), ("PGDATABASE", "d"), ("PGSSLMODE", "allow")],
                "h e - d allow".into(),
            ),
            ("postgres://u@/d?host=/run/x&port=7", &[], "/run/x:7 u - d prefer".into()),
            ("postgres://u@%2Frun%2Fx/d", &[], "/run/x u - d prefer".into()),
            ("postgres://u@[::1]:7/d", &[], "[::1]:7 u - d prefer".into()),
            ("postgres://u@h/d?ssl=true", &[], "h u - d require".into()),
            ("postgres://u@h/d?user=v&password=p%20w&dbname=e", &[], "h v p w e prefer".into()),
            ("postgres://u@h/d?channel_binding=prefer&target_session_attrs=any", &[], "h u - d prefer".into()),
            ("postgres://u@h/d?sslrootcert=system", &[], "h u - d verify-full".into()),
            ("postgres://u@h/d?sslmode=verify-ca", &[("PGSSLROOTCERT", "/x")], "h u - d verify-ca".into()),
            ("postgres://u@h:/d", &[("PGPORT", ""), ("PGHOST", "")], "h u - d prefer".into()),
        ] {
            assert_eq!(resolve(url, pairs).map(|target| summary(&target)), Ok(wanted), "{url} {pairs:?}");
        }
    }

    #[test]
    fn mistakes_say_what_is_allowed_and_no_password() {
        let url = "postgres://bob:hunter2@h/d?";
        for (url, pairs, wanted) in [
            (
                format!("{url}sslmod=require"),
                &[][..],
                "unknown parameter `sslmod` (did you mean `sslmode`?); allowed: app",
            ),
            (format!("{url}sslmode=maybe"), &[], "allowed: disable, allow, prefer, require, verify-ca, verify-full"),
            (format!("{url}connect_timeout=soon"), &[], "whole seconds"),
            (format!("{url}options=-S"), &[], "-c name=value"),
            (format!("{url}service=x"), &[], "service is not supported yet"),
            (format!("{url}sslcert=x"), &[], "sslcert is not supported yet"),
            (format!("{url}target_session_attrs=read-write"), &[], "target_session_attrs is not supported yet"),
            (format!("{url}sslmode=verify-full"), &[], "needs a root certificate"),
            (format!("{url}sslmode=require&sslrootcert=system"), &[], "needs sslmode=verify-full"),
            (format!("{url}ssl=false"), &[], "use sslmode"),
            ("postgres://bob:hunter2@a,b/d".into(), &[], "several hosts or ports are not supported yet"),
            ("postgres://bob:hunter2@h:0/d".into(), &[], "from 1 to 65535"),
            ("postgres://bob:hunter2@h:65536/d".into(), &[], "from 1 to 65535"),
            ("postgres://bob:hun@ter2@h/d".into(), &[], "write %40 for @"),
            ("host=h password=two hunter2=x".into(), &[], "unknown parameter; allowed"),
            ("host=@abstract".into(), &[], "use TCP"),
            ("hunter2".into(), &[], "every keyword needs ="),
            ("mysql://bob:hunter2@h/d".into(), &[], "<connection string>"),
            (String::new(), &[("PGSERVICE", "x")], "PGSERVICE is set, but service is not supported yet; unset it"),
            (String::new(), &[("PGSSLCERT", "x")], "PGSSLCERT is set"),
            (String::new(), &[("PGCHANNELBINDING", "require")], "PGCHANNELBINDING is set"),
            (String::new(), &[("PGPORT", "hunter2")], "from 1 to 65535"),
            (String::new(), &[("PGSSLMODE", "verify_full")], "PGSSLMODE"),
        ] {
            let error = resolve(&url, pairs).unwrap_err();
            assert!(error.contains(wanted), "{url} {pairs:?}: {error}");
            assert!(!error.contains("hunter2") && !error.contains("ter2@"), "{error}");
        }
    }

    #[test]
    fn nothing_printed_holds_the_password() {
        let target = resolve("postgres://bob:hunter2@h/d", &[]).unwrap();
        assert!(!format!("{target:?} {target}").contains("hunter2"));
        assert_eq!(target.to_string(), "database \"d\" on h as \"bob\"");
    }

    #[test]
    fn modes_know_their_names() {
        for (name, mode) in SslMode::NAMES {
            assert_eq!((mode.name(), SslMode::from_name(name)), (name, Some(mode)));
        }
    }

    #[test]
    fn time_limits() {
        for (value, wanted) in [("3", Some(3)), ("0", None), ("-1", None)] {
            let target = resolve(&format!("postgres://h/d?connect_timeout={value}"), &[]).unwrap();
            assert_eq!(target.connect_timeout, wanted.map(Duration::from_secs));
        }
        assert_eq!(resolve("postgres://h/d", &[]).unwrap().connect_timeout, Some(CONNECT_TIMEOUT));
        let target = resolve("postgres://h/d", &[("PGCONNECT_TIMEOUT", "7")]).unwrap();
        assert_eq!(target.connect_timeout, Some(Duration::from_secs(7)));
    }

    #[test]
    fn sockets_are_found_by_their_port() {
        let folder = tempfile::tempdir().unwrap();
        let nothing = Path::new("/nonexistent");
        assert_eq!(default_host(5432, &[nothing, folder.path()]), Host::Tcp("localhost".into()));
        std::fs::write(folder.path().join(".s.PGSQL.5432"), "").unwrap();
        assert_eq!(default_host(5432, &[nothing, folder.path()]), Host::Unix(folder.path().into()));
        assert_eq!(default_host(5433, &[nothing, folder.path()]), Host::Tcp("localhost".into()));
    }

    #[cfg(unix)]
    #[test]
    fn passwords_come_from_the_file_where_nothing_else_names_one() {
        use std::os::unix::fs::PermissionsExt as _;
        let home = tempfile::tempdir().unwrap();
        let file = home.path().join(".pgpass");
        std::fs::write(&file, "h:5432:d:u:filed\nlocalhost:*:*:*:local\n/run/x:*:*:*:socket\n").unwrap();
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
        let home_variable = ("HOME", home.path().to_str().unwrap());
        let password = |url: &str, pairs: &[(&str, &str)]| {
            let pairs: Vec<_> = std::iter::once(home_variable).chain(pairs.iter().copied()).collect();
            resolve(url, &pairs).unwrap().endpoints.remove(0).password.map(|password| password.expose().to_owned())
        };
        for (url, pairs, wanted) in [
            ("postgres://u@h/d", &[][..], Some("filed")),
            ("postgres://u@h:1/d", &[], None),
            ("postgres://u:own@h/d", &[], Some("own")),
            ("postgres://u@h/d", &[("PGPASSWORD", "env")], Some("env")),
            ("postgres://u@/d?host=/var/run/postgresql", &[], Some("local")),
            ("postgres://u@/d?host=/run/x", &[], Some("socket")),
            ("postgres://u@h/d", &[("PGPASSFILE", "/nonexistent")], None),
        ] {
            assert_eq!(password(url, pairs).as_deref(), wanted, "{url} {pairs:?}");
        }
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o644)).unwrap();
        let target = resolve("postgres://u@h/d", &[home_variable]).unwrap();
        assert!(target.endpoint().password.is_none() && target.warnings[0].contains("chmod 600"), "{target:?}");
    }

    #[test]
    fn a_root_certificate_in_the_usual_place_is_used() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join(".postgresql/root.crt");
        std::fs::create_dir(home.path().join(".postgresql")).unwrap();
        std::fs::write(&path, "").unwrap();
        let pairs = [("HOME", home.path().to_str().unwrap())];
        let root = |url: &str| resolve(url, &pairs).unwrap().tls.root_cert;
        assert_eq!(root("postgres://h/d?sslmode=verify-full"), Some(RootCert::File(path.clone())));
        assert_eq!(root("postgres://h/d?sslrootcert=/x"), Some(RootCert::File("/x".into())));
        assert_eq!(root("postgres://h/d?sslmode=disable"), None);
        assert_eq!(root("postgres:///d?host=/run&sslmode=verify-full"), None);
    }
}
