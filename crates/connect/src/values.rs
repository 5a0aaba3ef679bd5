//! The values of libpq's keywords: the connection string's, a service's and the environment's together.

use super::{
    conninfo::{self, Param},
    params::options,
    service,
};
use crate::{
    environment::{self, Environment},
    secret::ConnectionUrl,
};
use std::{collections::BTreeMap, path::Path, time::Duration};

/// A target that can't be resolved: says what is wrong and what is allowed, without any value that could be a
/// password.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct TargetError(pub(super) String);

/// Time for one attempt to connect, unless another is given. libpq waits for ever; a monitor must show something.
/// Long enough for the eight round trips of a name, TCP, TLS and SCRAM over a link on which each takes two seconds.
pub(super) const CONNECT_TIMEOUT: Duration = Duration::from_secs(25);

/// The environment variable behind each keyword that is understood.
const VARIABLES: [(&str, &str); 23] = [
    ("host", "PGHOST"),
    ("hostaddr", "PGHOSTADDR"),
    ("port", "PGPORT"),
    ("user", "PGUSER"),
    ("password", "PGPASSWORD"),
    ("dbname", "PGDATABASE"),
    ("sslmode", "PGSSLMODE"),
    ("sslrootcert", "PGSSLROOTCERT"),
    ("sslcert", "PGSSLCERT"),
    ("sslkey", "PGSSLKEY"),
    ("sslcrl", "PGSSLCRL"),
    ("sslsni", "PGSSLSNI"),
    ("sslnegotiation", "PGSSLNEGOTIATION"),
    ("ssl_min_protocol_version", "PGSSLMINPROTOCOLVERSION"),
    ("ssl_max_protocol_version", "PGSSLMAXPROTOCOLVERSION"),
    ("channel_binding", "PGCHANNELBINDING"),
    ("target_session_attrs", "PGTARGETSESSIONATTRS"),
    ("load_balance_hosts", "PGLOADBALANCEHOSTS"),
    ("gssencmode", "PGGSSENCMODE"),
    ("connect_timeout", "PGCONNECT_TIMEOUT"),
    ("application_name", "PGAPPNAME"),
    ("passfile", "PGPASSFILE"),
    ("options", "PGOPTIONS"),
];

/// The variables that are read, as psql reads them.
pub fn variables() -> impl Iterator<Item = &'static str> {
    std::iter::once("PGSERVICE").chain(VARIABLES.into_iter().map(|(_, name)| name))
}

/// Variables that decide where a session goes or how it is protected, by keyword: ignoring one would be worse than
/// refusing it.
const REFUSED_VARIABLES: [(&str, &str); 4] = [
    ("require_auth", "PGREQUIREAUTH"),
    ("requirepeer", "PGREQUIREPEER"),
    ("sslcertmode", "PGSSLCERTMODE"),
    ("sslcrldir", "PGSSLCRLDIR"),
];

/// Values that ask for what is done anyway, of keywords of which no other value can be followed.
const AS_IT_IS: [(&str, &[&str]); 6] = [
    ("client_encoding", &["utf8", "UTF8", "utf-8", "UTF-8", "auto"]),
    ("gssencmode", &["disable", "prefer"]),
    ("max_protocol_version", &["3.0", "3.2", "latest"]),
    ("min_protocol_version", &["3.0"]),
    ("sslcertmode", &["allow"]),
    ("gssdelegation", &["0"]),
];

/// Values by libpq's keyword, the connection string's over the environment's.
pub(super) struct Values(BTreeMap<String, String>);

impl Values {
    pub(super) fn collect(
        url: Option<&ConnectionUrl>,
        environment: &Environment,
        home: Option<&Path>,
    ) -> Result<Self, TargetError> {
        let own = url.map(of_string).transpose()?.unwrap_or_default();
        let mut values = of_environment(environment)?;
        let service = own.get("service").map(String::as_str);
        if let Some(service) = service.or_else(|| environment::get(environment, "PGSERVICE")) {
            let file = own.get("servicefile").map(String::as_str);
            let wrong = |why: String| TargetError(format!("the service (service or PGSERVICE) can't be used: {why}"));
            for (key, value) in service::look_up(service, file, home, environment).map_err(wrong)? {
                insert(&mut values, key, value).map_err(wrong)?;
            }
        }
        values.extend(own);
        Ok(Self(values))
    }

    /// A value that is not empty: empty ones are the default, even if something weaker names another.
    pub(super) fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key).map(String::as_str).filter(|value| !value.is_empty())
    }

    pub(super) fn connect_timeout(&self) -> Result<Option<Duration>, TargetError> {
        let Some(text) = self.get("connect_timeout") else { return Ok(Some(CONNECT_TIMEOUT)) };
        let seconds: i32 = text.trim().parse().map_err(|_| {
            TargetError("connect_timeout (or PGCONNECT_TIMEOUT) must be whole seconds; 0 waits for ever".to_owned())
        })?;
        Ok(u64::try_from(seconds).ok().filter(|seconds| *seconds > 0).map(Duration::from_secs))
    }

    pub(super) fn options(&self) -> Result<Vec<(String, String)>, TargetError> {
        let text = self.get("options").unwrap_or_default();
        options::parse(text).ok_or_else(|| {
            TargetError("options (or PGOPTIONS) may hold \"-c name=value\" and \"--name=value\" only".to_owned())
        })
    }
}

fn of_environment(environment: &Environment) -> Result<BTreeMap<String, String>, TargetError> {
    let mut values = BTreeMap::new();
    for (key, name) in VARIABLES.into_iter().chain(REFUSED_VARIABLES) {
        if let Some(value) = environment::get(environment, name) {
            supported(key, value).map_err(|problem| TargetError(format!("{name} is set, but {problem}; unset it")))?;
            values.insert(key.to_owned(), value.to_owned());
        }
    }
    Ok(values)
}

fn of_string(url: &ConnectionUrl) -> Result<BTreeMap<String, String>, TargetError> {
    let mut values = BTreeMap::new();
    let wrong = |problem: String| TargetError(format!("{url} can't be used: {problem}"));
    let params = conninfo::parse(url.expose()).map_err(|error| wrong(error.to_string()))?;
    let trusted = conninfo::scheme(url.expose()).is_some() && !url.expose().contains("password");
    for Param { key, value, .. } in params {
        if !conninfo::is_keyword(&key) {
            return Err(wrong(unknown_keyword(&key, trusted)));
        }
        insert(&mut values, key, value).map_err(wrong)?;
    }
    Ok(values)
}

fn insert(values: &mut BTreeMap<String, String>, key: String, value: String) -> Result<(), String> {
    supported(&key, &value)?;
    match key.as_str() {
        // Java's way to say it, which libpq understands too.
        "ssl" if value == "true" => values.insert("sslmode".to_owned(), "require".to_owned()),
        "ssl" => return Err("ssl can only be true; use sslmode".to_owned()),
        _ => values.insert(key, value),
    };
    Ok(())
}

/// Whether a keyword can be followed; else why not.
fn supported(key: &str, value: &str) -> Result<(), String> {
    let harmless = AS_IT_IS.iter().find(|(name, _)| *name == key).map(|(_, values)| *values);
    match harmless {
        _ if value.is_empty() => Ok(()),
        Some(values) if values.contains(&value) => Ok(()),
        Some(values) => Err(format!("{key} can't be followed; allowed: {}", values.join(", "))),
        None if conninfo::UNSUPPORTED.contains(&key) => Err(format!("{key} is not supported yet")),
        None => Ok(()),
    }
}

/// Repeats the keyword only if it can't be half of a password: in a URL, whose parts are told apart by their
/// place, or if it is close to a real one.
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
