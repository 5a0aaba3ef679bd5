//! What the log tells about the last attempts, and what the catalogues tell about their failure.

use super::Place;
use crate::run::BlackBox;
use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Deserializer, de::DeserializeOwned};
use serde_json::Value;
use std::collections::BTreeMap;

/// The attempts of one view since its last success.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct Attempts {
    pub database: String,
    /// Whether this role sees the rows of the log.
    pub sees_rows: bool,
    /// The server's clock.
    pub now: DateTime<Utc>,
    /// The last success; `None` if the log has none.
    pub success: Option<Success>,
    /// Failures since then, counted up to [`MOST_FAILURES`].
    pub failures: i64,
    /// When the first of them ended.
    pub since: Option<DateTime<Utc>>,
    /// How many of them had each SQLSTATE, the most first.
    #[serde(default)]
    pub states: Vec<State>,
    /// The last of them.
    pub last: Option<Failure>,
    /// The functions of which its context may speak.
    #[serde(default)]
    pub functions: Vec<Function>,
    /// What has the name of that which the failure misses.
    #[serde(default)]
    pub candidates: Vec<Candidate>,
    /// The newest attempts, newest first.
    #[serde(default)]
    pub newest: Vec<Attempt>,
}

/// Failures are counted up to this number.
pub const MOST_FAILURES: i64 = 1000;

/// The last success.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct Success {
    pub at: DateTime<Utc>,
    pub duration_ms: Option<f64>,
    /// Rows and bytes of each source at that time.
    #[serde(default, deserialize_with = "lenient")]
    pub sources: Option<BTreeMap<String, Size>>,
}

/// A value of a shape that this version does not know is no reason to lose the rest.
fn lenient<'de, D: Deserializer<'de>, T: DeserializeOwned>(from: D) -> Result<Option<T>, D::Error> {
    Ok(serde_json::from_value(Value::deserialize(from)?).ok())
}

/// The size of a source.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
pub struct Size {
    pub rows: Option<f64>,
    pub bytes: Option<f64>,
}

#[derive(Debug, Clone, Default, Deserialize)]
pub struct State {
    pub sqlstate: Option<String>,
    pub count: i64,
}

/// A failure, with its texts as the log has them.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct Failure {
    pub at: DateTime<Utc>,
    pub duration_ms: Option<f64>,
    pub sqlstate: Option<String>,
    pub message: Option<String>,
    pub detail: Option<String>,
    pub hint: Option<String>,
    pub context: Option<String>,
    pub pid: Option<i32>,
    pub application: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    pub black_box: Option<BlackBox>,
}

/// A function in which a refresh failed.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct Function {
    /// Its name with schema and types of parameters, as written in a statement.
    pub identity: String,
    /// Its bare name.
    pub name: String,
    pub owner: String,
    /// When it was last changed, as far as that can be told.
    pub changed: When,
    /// Whether it has a search path of its own.
    pub has_search_path: bool,
}

/// When something was changed, beside the last success and the first failure after it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
pub struct When {
    /// Whether that was after the last success; `None` if that can't be told.
    pub after_success: Option<bool>,
    /// Whether it was after the first failure.
    pub after_failure: Option<bool>,
    /// When it was committed, where the server keeps that.
    pub at: Option<DateTime<Utc>>,
}

/// A relation or function that has the name that was not found.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct Candidate {
    /// Its name with the schema, as SQL writes it.
    pub name: String,
    pub schema: String,
    pub owner: String,
    /// Whether that is a superuser.
    #[serde(default)]
    pub superuser: bool,
    /// Whether its schema belongs to this owner or the first superuser, and nobody else may create there.
    pub closed: bool,
}

/// An attempt, to be compared with an execution of a job.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct Attempt {
    pub started_at: DateTime<Utc>,
    pub ended_at: Option<DateTime<Utc>>,
    pub failed: bool,
    pub sqlstate: Option<String>,
    pub duration_ms: Option<f64>,
    pub pid: Option<i32>,
}

impl Attempts {
    /// The function in which the last attempt failed.
    pub fn function(&self, place: &Place) -> Option<&Function> {
        let exact = self.functions.iter().find(|function| function.identity == place.function);
        let ends = |function: &&Function| {
            function.name == place.function
                || function.identity.strip_suffix(&*place.function).is_some_and(|schema| schema.ends_with('.'))
        };
        let mut alike = self.functions.iter().filter(ends);
        exact.or_else(|| alike.next().filter(|_| alike.next().is_none()))
    }
}

impl Attempt {
    /// How it ended: `ok`, or `failed 55P03`.
    pub fn ended(&self) -> String {
        match (&self.sqlstate, self.failed) {
            (_, false) => "ok".into(),
            (Some(state), true) => format!("failed {state}"),
            (None, true) => "failed".into(),
        }
    }
}

/// The attempt that an execution of a job made, which took from `start` to `end`: `pg_cron` knows only that its command
/// returned.
pub fn of_execution(
    (start, end): (DateTime<Utc>, Option<DateTime<Utc>>),
    pid: Option<i32>,
    attempts: &[Attempt],
) -> Option<&Attempt> {
    // Both clocks are the server's, and are read one after the other.
    let (first, last) = (start - TimeDelta::seconds(1), end.map(|end| end + TimeDelta::seconds(1)));
    let within = |attempt: &&Attempt| attempt.started_at >= first && last.is_none_or(|last| attempt.started_at <= last);
    let same = attempts.iter().filter(within).find(|attempt| pid.is_some() && attempt.pid == pid);
    same.or_else(|| attempts.iter().rfind(within))
}

impl When {
    /// In words, for behind a verb: `between the last success and the first failure`.
    pub fn words(self) -> Option<String> {
        let at = self.at.map(|at| format!(" at {}", at.format("%Y-%m-%d %H:%M:%S UTC"))).unwrap_or_default();
        match (self.after_success, self.after_failure) {
            (Some(true), Some(false)) => Some(format!("{}, between the last success and the first failure", at.trim())),
            (Some(true), Some(true)) => Some(format!("{}, after the first failure", at.trim())),
            (Some(true), None) => Some(format!("{}, after the last success", at.trim())),
            (Some(false), _) => Some(format!("{}, before the last success", at.trim())),
            (None, _) => (!at.is_empty()).then(|| at.trim().to_owned()),
        }
        .map(|words| words.trim_start_matches(", ").to_owned())
    }
}
