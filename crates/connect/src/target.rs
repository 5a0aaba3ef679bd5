//! Which server, as whom and how: the answer of connection string, environment and defaults together.
//!
//! The rules are libpq's (chapter "Database Connection Control Functions" of its manual), and if this program
//! can't follow one, it refuses instead of connecting to something else, or less safely.

use super::{
    params::{ChannelBinding, Endpoint, Host, Keepalives, SessionAttrs, Tls},
    passfile,
    sockets::SOCKET_FOLDERS,
    values::{TargetError, Values},
};
use crate::{
    environment::{self, Environment},
    secret::{ConnectionUrl, Secret},
};
use std::{
    fmt,
    path::{Path, PathBuf},
    time::Duration,
};

/// A server, resolved. Printing it shows no password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// What people call it: the name of its profile.
    pub name: Option<String>,
    /// Where the server may be, in the order in which to try; never empty.
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
    /// The user's own name for the sessions; `None` means `refreshtop` and the purpose.
    pub application_name: Option<String>,
    /// Longest time for one attempt to connect to one address, from the first packet to the end of the log-in; `None`
    /// is no limit.
    pub connect_timeout: Option<Duration>,
    /// Settings that the user wants for every session, by name.
    pub options: Vec<(String, String)>,
    /// The file to look passwords up in, if nothing stronger gave one.
    pub password_file: Option<PathBuf>,
    /// What the user should know, though it stops nothing. Nothing secret is in it.
    pub warnings: Vec<String>,
}

impl Target {
    /// Resolves a connection string, or none, with the `PG*` variables, `~/.pgpass` and libpq's defaults. Reads the
    /// password file and looks for sockets and `~/.postgresql/root.crt`; connects to nothing.
    ///
    /// # Errors
    /// The string is no connection string, or something in it or the environment is wrong or not supported yet.
    pub fn resolve(url: Option<&ConnectionUrl>, environment: &Environment) -> Result<Self, TargetError> {
        let home = environment::get(environment, "HOME").map(PathBuf::from).or_else(std::env::home_dir);
        let values = Values::collect(url, environment, home.as_deref())?;
        let endpoints = values.endpoints()?;
        let user = match values.get("user") {
            Some(user) => user.to_owned(),
            None => system_user()?,
        };
        let database = values.get("dbname").unwrap_or(&user).to_owned();
        let tls = values.tls(&endpoints, home.as_deref())?;
        let usual = || home.map(|home| home.join(".pgpass"));
        let password_file = match values.get("password") {
            Some(_) => None,
            None => values.get("passfile").map(PathBuf::from).or_else(usual),
        };
        let mut target = Self {
            name: None,
            endpoints,
            user,
            database,
            tls,
            channel_binding: values.channel_binding()?,
            session_attrs: values.session_attrs()?,
            load_balance: values.load_balance()?,
            keepalives: values.keepalives()?,
            application_name: values.get("application_name").map(str::to_owned),
            connect_timeout: values.connect_timeout()?,
            options: values.options()?,
            password_file,
            warnings: Vec::new(),
        };
        target.look_up_passwords();
        Ok(target)
    }

    /// Where the server is tried first.
    pub fn endpoint(&self) -> &Endpoint {
        // `endpoints` is never empty.
        &self.endpoints[0]
    }

    /// Hosts and ports for people, see [`Endpoint::place`].
    pub fn place(&self) -> String {
        self.endpoints.iter().map(Endpoint::place).collect::<Vec<_>>().join(",")
    }

    /// What tells it from other databases: its name, or else where it is.
    pub fn id(&self) -> String {
        self.name.clone().unwrap_or_else(|| format!("{}/{}", self.place(), self.database))
    }

    /// Name of a session for a purpose, as `pg_stat_activity` shows it.
    pub fn session_name(&self, purpose: &str) -> String {
        self.application_name.clone().unwrap_or_else(|| format!("refreshtop {purpose}"))
    }

    /// This target with the passwords that the password file holds now: they change while a monitor runs for weeks.
    /// Given by string, service or environment, a password stays. Reads one small file, which may block if the home
    /// is on a network: callers in async code use `spawn_blocking`.
    pub fn refreshed(&self) -> Self {
        let mut target = self.clone();
        target.warnings.clear();
        target.look_up_passwords();
        target
    }

    /// Whether a password is known for each place where the server may be.
    pub fn has_password(&self) -> bool {
        self.endpoints.iter().all(|endpoint| endpoint.password.is_some())
    }

    /// This target with a password that a person gave: it is used everywhere, and no file is read any more.
    pub fn with_password(mut self, password: &Secret) -> Self {
        for endpoint in &mut self.endpoints {
            endpoint.password = Some(password.clone());
        }
        Self { password_file: None, ..self }
    }

    fn look_up_passwords(&mut self) {
        let Some(path) = &self.password_file else { return };
        for endpoint in &mut self.endpoints {
            let host = match &endpoint.host {
                Host::Tcp(name) => name.clone(),
                // libpq looks up its default folder as localhost.
                Host::Unix(folder) if SOCKET_FOLDERS.iter().any(|known| folder == Path::new(known)) => {
                    "localhost".into()
                }
                Host::Unix(folder) => folder.display().to_string(),
            };
            let (port, database, user) = (endpoint.port, &self.database, &self.user);
            match passfile::look_up(path, &passfile::Key { host: &host, port, database, user }) {
                Ok(password) => endpoint.password = password,
                Err(warning) => {
                    endpoint.password = None;
                    self.warnings = vec![warning];
                }
            }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::values::CONNECT_TIMEOUT;
    use crate::{
        SslMode,
        params::{RootCert, TlsVersion},
    };

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
            (format!("{url}service=x"), &[], "no service of that name"),
            (format!("{url}require_auth=none"), &[], "require_auth is not supported yet"),
            (format!("{url}gssencmode=require"), &[], "allowed: disable, prefer"),
            (format!("{url}sslnegotiation=direct"), &[], "needs sslmode=require"),
            (format!("{url}hostaddr=hunter2"), &[], "must be an IP address"),
            (format!("{url}ssl_max_protocol_version=TLSv1.1"), &[], "allowed: TLSv1.2, TLSv1.3"),
            (format!("{url}sslcert=x"), &[], "no key"),
            (format!("{url}target_session_attrs=master"), &[], "allowed: any, read-write"),
            (format!("{url}sslmode=verify-full"), &[], "needs a root certificate"),
            (format!("{url}sslmode=require&sslrootcert=system"), &[], "needs sslmode=verify-full"),
            (format!("{url}ssl=false"), &[], "use sslmode"),
            ("postgres://bob:hunter2@a,b/d?port=1,2,3".into(), &[], "one for each"),
            ("host=a,b hostaddr=::1 password=hunter2".into(), &[], "equally many"),
            ("postgres://bob:hunter2@h:0/d".into(), &[], "from 1 to 65535"),
            ("postgres://bob:hunter2@h:65536/d".into(), &[], "from 1 to 65535"),
            ("postgres://bob:hun@ter2@h/d".into(), &[], "write %40 for @"),
            ("host=h password=two hunter2=x".into(), &[], "unknown parameter; allowed"),
            ("host=@abstract".into(), &[], "use TCP"),
            ("hunter2".into(), &[], "every keyword needs ="),
            ("mysql://bob:hunter2@h/d".into(), &[], "<connection string>"),
            (String::new(), &[("PGSERVICE", "x")], "(service or PGSERVICE) can't be used"),
            (String::new(), &[("PGHOST", "h"), ("PGSSLCERT", "x")], "no key"),
            (String::new(), &[("PGREQUIREAUTH", "x")], "PGREQUIREAUTH is set"),
            (String::new(), &[("PGCHANNELBINDING", "hunter2")], "channel_binding has a value"),
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

    #[cfg(unix)]
    #[test]
    fn passwords_come_from_the_file_if_nothing_else_names_one() {
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

    #[test]
    fn hosts_addresses_and_ports_are_paired_by_their_place() {
        for (text, wanted) in [
            ("host=a,b,c", "a,b,c"),
            ("host=a,b port=7", "a:7,b:7"),
            ("host=a,b,c port=1,,3", "a:1,b,c:3"),
            ("host=a,/x port=1,2", "a:1,/x:2"),
            ("hostaddr=::1,127.0.0.1 port=1,2", "[::1]:1,127.0.0.1:2"),
            ("host=a,b hostaddr=,127.0.0.1", "a,b"),
        ] {
            assert_eq!(resolve(text, &[]).unwrap().place(), wanted, "{text}");
        }
        let target = resolve("host=a,b hostaddr=,127.0.0.1", &[]).unwrap();
        let addresses: Vec<_> = target.endpoints.iter().map(|endpoint| endpoint.address).collect();
        assert_eq!(addresses, [None, Some(([127, 0, 0, 1], 5432).into())]);
    }

    #[test]
    fn an_address_may_have_a_zone() {
        let address = |text: &str| resolve(text, &[]).map(|target| target.endpoints[0].address);
        let zoned = |scope| std::net::SocketAddrV6::new("fe80::1".parse().unwrap(), 7, 0, scope).into();
        assert_eq!(address("hostaddr=fe80::1%3 port=7"), Ok(Some(zoned(3))));
        let loopback = if cfg!(target_os = "linux") { "lo" } else { "lo0" };
        assert_eq!(address(&format!("hostaddr=fe80::1%{loopback} port=7")), Ok(Some(zoned(1))));
        for wrong in ["fe80::1%nosuch", "fe80::1%", "127.0.0.1%1", "localhost%1", "%1"] {
            let error = address(&format!("hostaddr={wrong}")).unwrap_err();
            assert!(error.contains("must be an IP address, with a %"), "{wrong}: {error}");
        }
        // Of a host the system makes what it can when it is looked up.
        assert_eq!(resolve("postgres://[fe80::1%25lo]:7/d", &[]).unwrap().place(), "[fe80::1%lo]:7");
    }

    #[test]
    fn rules_are_read() {
        let text = "host=h channel_binding=require load_balance_hosts=random target_session_attrs=prefer-standby \
                    keepalives_idle=7 keepalives_count=0 tcp_user_timeout=5000 sslsni=0 ssl_min_protocol_version=tlsv1.3";
        let target = resolve(text, &[]).unwrap();
        assert_eq!(target.channel_binding, ChannelBinding::Require);
        assert_eq!(target.session_attrs, SessionAttrs::PreferStandby);
        assert!(target.load_balance && !target.tls.sni);
        assert_eq!(target.tls.min_version, TlsVersion::V1_3);
        let seven = Some(Duration::from_secs(7));
        let wanted = Keepalives { idle: seven, user_timeout: Some(Duration::from_secs(5)), ..Keepalives::default() };
        assert_eq!(target.keepalives, wanted);
        assert_eq!(resolve("host=h keepalives=0 keepalives_idle=7", &[]).unwrap().keepalives.idle, None);
    }

    #[test]
    fn a_service_is_weaker_than_the_string_and_stronger_than_the_environment() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("pg_service.conf");
        std::fs::write(&file, "[a]\nhost=s\nport=7\nuser=\ndbname=app\n[bad]\npassword=x\npass=hunter2\n").unwrap();
        let folder = folder.path().to_str().unwrap();
        let file = file.to_str().unwrap();
        let me = whoami::username().unwrap();
        let pairs = [("PGSERVICEFILE", file), ("PGHOST", "env"), ("PGUSER", "eve"), ("PGPASSWORD", "pw")];
        let wanted = format!("s:7 {me} pw app prefer");
        assert_eq!(summary(&resolve("service=a", &pairs).unwrap()), wanted);
        assert_eq!(summary(&resolve("", &[&pairs[..], &[("PGSERVICE", "a")]].concat()).unwrap()), wanted);
        assert_eq!(summary(&resolve("postgres://u@h?service=a", &pairs).unwrap()), "h:7 u pw app prefer");
        assert_eq!(resolve("service=a", &[("PGSYSCONFDIR", folder)]).unwrap().place(), "s:7");
        let error = resolve("service=bad", &pairs).unwrap_err();
        assert!(error.contains("line 8") && !error.contains("hunter2"), "{error}");
        assert!(resolve("service=a", &[("PGSERVICEFILE", "/nonexistent")]).unwrap_err().contains("can't be read"));
    }

    #[cfg(unix)]
    #[test]
    fn a_rotated_password_is_found_and_a_given_one_stays() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("pgpass");
        let write = |text: &str| {
            std::fs::write(&file, text).unwrap();
            std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
        };
        let passwords = |target: &Target| -> Vec<_> {
            target.endpoints.iter().map(|each| each.password.as_ref().map(|p| p.expose().to_owned())).collect()
        };
        write("a:*:*:*:one\n");
        let pairs = [("PGPASSFILE", file.to_str().unwrap())];
        let target = resolve("host=a,b", &pairs).unwrap();
        assert_eq!(passwords(&target), [Some("one".to_owned()), None]);
        write("a:*:*:*:two\nb:*:*:*:three\n");
        assert_eq!(passwords(&target.refreshed()), [Some("two".to_owned()), Some("three".to_owned())]);
        let given = resolve("host=a password=own", &pairs).unwrap();
        assert_eq!(passwords(&given.refreshed()), [Some("own".to_owned())]);
    }

    #[cfg(unix)]
    #[test]
    fn a_key_that_others_can_read_is_refused() {
        use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
        let home = tempfile::tempdir().unwrap();
        let folder = home.path().join(".postgresql");
        std::fs::create_dir(&folder).unwrap();
        for name in ["postgresql.crt", "postgresql.key"] {
            std::fs::write(folder.join(name), "").unwrap();
        }
        let key = folder.join("postgresql.key");
        let roots = std::fs::metadata(&key).unwrap().uid() == 0;
        let pairs = [("HOME", home.path().to_str().unwrap())];
        for (mode, allowed) in [(0o600, true), (0o400, true), (0o640, roots), (0o644, false), (0o660, false)] {
            std::fs::set_permissions(&key, std::fs::Permissions::from_mode(mode)).unwrap();
            let result = resolve("postgres://u@h/d", &pairs);
            assert_eq!(result.is_ok(), allowed, "{mode:o}: {result:?}");
        }
        let socket = resolve("postgres://u@/d?host=/run/x", &pairs).unwrap();
        assert_eq!(socket.tls.certificate, None);
    }
}
