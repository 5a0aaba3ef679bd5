//! A target in the words of each driver.

use super::{Host, RootCert, Session, SslMode, Target, session};
use sqlx::{
    ConnectOptions as _,
    postgres::{PgConnectOptions, PgSslMode},
};

impl Target {
    /// Name of a session for a purpose, as `pg_stat_activity` shows it.
    #[must_use]
    pub fn session_name(&self, purpose: &str) -> String {
        self.application_name.clone().unwrap_or_else(|| format!("refreshtop {purpose}"))
    }

    /// Options for sqlx.
    ///
    /// sqlx fills in what is not set from the process's own `PG*` variables, so everything is set here. What is left:
    /// `PGOPTIONS` goes first and our settings follow, of which the last counts.
    ///
    /// sqlx can't fall back from one way to another, so for `allow` and `prefer` pass a [`Target::settled`] one. It
    /// trusts the system's certificates beside the root certificate that is given, where libpq trusts that one only.
    /// It knows no time limit for connecting: put one around it.
    #[must_use]
    pub fn to_sqlx(&self, purpose: &str, session: &Session) -> PgConnectOptions {
        let options = PgConnectOptions::new_without_pgpass()
            .port(self.endpoint().port)
            .username(&self.user)
            // Without a password sqlx answers with an empty one; saying so keeps PGPASSWORD out.
            .password(self.endpoint().password.as_ref().map_or("", |password| password.expose()))
            .database(&self.database)
            .application_name(&self.session_name(purpose))
            .ssl_mode(self.sqlx_ssl_mode())
            // PostgreSQL has sent floats in full since 12, and poolers refuse this parameter.
            .extra_float_digits(None)
            .disable_statement_logging();
        let options = match &self.endpoint().host {
            Host::Tcp(name) => options.host(name),
            Host::Unix(folder) => options.host("localhost").socket(folder),
        };
        let options = match &self.tls.root_cert {
            Some(RootCert::File(path)) => options.ssl_root_cert(path),
            // sqlx adds the system's by itself; an empty list keeps PGSSLROOTCERT out.
            Some(RootCert::System) | None => options.ssl_root_cert_from_pem(Vec::new()),
        };
        let settings = self.session_settings(session);
        // Even empty options are refused by some poolers.
        if settings.is_empty() { options } else { options.options(settings) }
    }

    fn sqlx_ssl_mode(&self) -> PgSslMode {
        match (&self.endpoint().host, self.tls.mode) {
            (Host::Unix(_), _) | (_, SslMode::Disable) => PgSslMode::Disable,
            // sqlx's own allow is plain only.
            (_, SslMode::Allow | SslMode::Prefer) => PgSslMode::Prefer,
            // libpq verifies as soon as there is a root certificate; sqlx must be told.
            (_, SslMode::Require) if self.tls.root_cert.is_some() => PgSslMode::VerifyCa,
            (_, SslMode::Require) => PgSslMode::Require,
            (_, SslMode::VerifyCa) => PgSslMode::VerifyCa,
            (_, SslMode::VerifyFull) => PgSslMode::VerifyFull,
        }
    }

    /// Configuration for tokio-postgres, without TLS: [`super::connect`] decides about that.
    #[must_use]
    pub fn to_tokio_postgres(&self, purpose: &str, session: &Session) -> tokio_postgres::Config {
        let mut config = tokio_postgres::Config::new();
        config
            .port(self.endpoint().port)
            .user(&self.user)
            .dbname(&self.database)
            .application_name(self.session_name(purpose))
            .ssl_mode(tokio_postgres::config::SslMode::Disable)
            .keepalives(self.keepalives.idle.is_some())
            .keepalives_interval(self.keepalives.interval)
            .keepalives_retries(self.keepalives.retries);
        if let Some(idle) = self.keepalives.idle {
            config.keepalives_idle(idle);
        }
        if let Some(limit) = self.keepalives.user_timeout {
            config.tcp_user_timeout(limit);
        }
        match &self.endpoint().host {
            Host::Tcp(name) => config.host(name),
            Host::Unix(folder) => config.host_path(folder),
        };
        if let Some(password) = &self.endpoint().password {
            config.password(password.expose());
        }
        if let Some(limit) = self.connect_timeout {
            config.connect_timeout(limit);
        }
        if let Some(options) = session::write(self.session_settings(session)) {
            config.options(options);
        }
        config
    }

    /// The user's settings, then ours: the last counts, and ours keep the program from burdening the server.
    fn session_settings(&self, session: &Session) -> Vec<(String, String)> {
        let own = session.parameters().into_iter().map(|(name, value)| (name.to_owned(), value));
        self.options.iter().cloned().chain(own).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{environment::Environment, secret::ConnectionUrl};

    fn target(text: &str) -> Target {
        let home = Environment::from([("HOME".to_owned(), "/nonexistent".to_owned())]);
        Target::resolve(Some(&ConnectionUrl::new(text)), &home).unwrap()
    }

    #[test]
    fn both_drivers_are_told_the_same() {
        let target = target("postgres://bob:pw@h:5433/app?options=-c%20geqo%3Doff");
        let sqlx = target.to_sqlx("reader", &Session::READING);
        let tokio = target.to_tokio_postgres("reader", &Session::READING);
        assert_eq!((sqlx.get_host(), sqlx.get_port()), ("h", 5433));
        assert_eq!((sqlx.get_username(), sqlx.get_database()), ("bob", Some("app")));
        assert_eq!((tokio.get_user(), tokio.get_dbname(), tokio.get_ports()), (Some("bob"), Some("app"), &[5433][..]));
        for name in [sqlx.get_application_name(), tokio.get_application_name()] {
            assert_eq!(name, Some("refreshtop reader"));
        }
        let options = "-c geqo=off -c statement_timeout=10000ms -c lock_timeout=2000ms \
                       -c idle_in_transaction_session_timeout=30000ms";
        assert!(sqlx.get_options().unwrap().ends_with(options));
        assert_eq!(tokio.get_options(), Some(options));
        assert_eq!(Some(tokio.get_keepalives_idle()), target.keepalives.idle);
        assert_eq!(tokio.get_tcp_user_timeout(), target.keepalives.user_timeout.as_ref());
        assert_eq!(tokio.get_connect_timeout(), target.connect_timeout.as_ref());
    }

    #[test]
    fn no_settings_send_no_options() {
        assert_eq!(target("postgres://h/d").to_tokio_postgres("x", &Session::default()).get_options(), None);
    }

    #[test]
    fn a_name_of_the_users_own_is_kept() {
        let target = target("postgres://h/d?application_name=mine");
        assert_eq!(target.to_sqlx("reader", &Session::default()).get_application_name(), Some("mine"));
    }

    #[test]
    fn sqlx_never_verifies_less_than_libpq() {
        for (text, wanted) in [
            ("postgres://h/d?sslmode=disable", "Disable"),
            ("postgres://h/d?sslmode=require", "Require"),
            ("postgres://h/d?sslmode=require&sslrootcert=/x", "VerifyCa"),
            ("postgres://h/d?sslmode=verify-ca&sslrootcert=/x", "VerifyCa"),
            ("postgres://h/d?sslmode=verify-full&sslrootcert=/x", "VerifyFull"),
            ("postgres:///d?host=/run/x&sslmode=verify-full", "Disable"),
        ] {
            let mode = target(text).to_sqlx("x", &Session::default()).get_ssl_mode();
            assert_eq!(format!("{mode:?}"), wanted, "{text}");
        }
        let settled = |text: &str, tls| target(text).settled(tls).tls.mode;
        assert_eq!(settled("postgres://h/d?sslmode=allow", false), SslMode::Disable);
        assert_eq!(settled("postgres://h/d", true), SslMode::Require);
        assert_eq!(settled("postgres://h/d?sslmode=verify-ca&sslrootcert=/x", true), SslMode::VerifyCa);
    }
}
