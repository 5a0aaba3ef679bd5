//! One refresh attempt, as the log keeps it.

use crate::address::ViewId;
use chrono::{DateTime, Utc};
use serde::Deserialize;
use uuid::Uuid;

/// How an attempt ended. The log knows no other status.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RunStatus {
    /// The view was refreshed.
    Success,
    /// The attempt failed; the view still shows the older figures.
    Error,
}

/// What triggered an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Origin {
    /// `pg_cron`, or refreshtop's own scheduler.
    Scheduled,
    /// `trigger_platform_metrics_refresh()`, from this program or by hand.
    Manual,
    /// The logging function called directly by some other program or person.
    Direct,
    /// A row from before refreshtop recorded it.
    #[default]
    Unknown,
}

impl Origin {
    /// Its name in the log and in JSON, and in every text.
    pub fn name(self) -> &'static str {
        match self {
            Self::Scheduled => "schedule",
            Self::Manual => "manual",
            Self::Direct => "direct",
            Self::Unknown => "unknown",
        }
    }
}

/// One row of the log, as lists show it. Long texts are cut by the server; [`RunDetail`] has them whole.
#[derive(Debug, Clone, PartialEq)]
pub struct Run {
    /// Key of the row.
    pub id: Uuid,
    /// Outcome.
    pub status: RunStatus,
    /// Who or what triggered it.
    pub origin: Origin,
    /// Milliseconds; `None` in rows of older deployments that did not measure.
    pub duration_ms: Option<f64>,
    /// When it began.
    pub started_at: DateTime<Utc>,
    /// When it ended.
    pub completed_at: Option<DateTime<Utc>>,
    /// SQLSTATE of a failure, five characters.
    pub sqlstate: Option<String>,
    /// First line of the failure's message, at most 500 characters. `None` on success, and while a
    /// failure is known from its notification only.
    pub error: Option<String>,
    /// Sessions that blocked it when it failed.
    pub blockers: u32,
    /// What it changed and wrote, where that was read along.
    pub work: Work,
}

/// What an attempt changed and wrote, as far as it was measured and read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Work {
    /// Rows that a concurrent refresh put into the view; a changed row counts here and among the deleted ones.
    pub rows_inserted: Option<u64>,
    /// Rows that it took out.
    pub rows_deleted: Option<u64>,
    /// WAL that the whole server wrote meanwhile: at most so much is the refresh's own.
    pub server_wal_bytes: Option<u64>,
}

/// Everything the log keeps of one attempt.
#[derive(Debug, Clone, PartialEq)]
pub struct RunDetail {
    /// The view that it was of, if the log says so.
    pub view: Option<ViewId>,
    /// The listed part.
    pub run: Run,
    /// The whole error message.
    pub message: Option<String>,
    /// PostgreSQL's DETAIL.
    pub detail: Option<String>,
    /// PostgreSQL's HINT.
    pub hint: Option<String>,
    /// PostgreSQL's CONTEXT.
    pub context: Option<String>,
    /// Effective role of the caller.
    pub triggered_by: Option<String>,
    /// `application_name` of the session that ran it.
    pub application: Option<String>,
    /// Backend process that ran it.
    pub pid: Option<i32>,
    /// The evidence of the moment it failed.
    pub black_box: Option<BlackBox>,
}

/// Which sessions held or waited for conflicting locks when an attempt failed.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct BlackBox {
    /// When the record was taken.
    pub captured_at: DateTime<Utc>,
    /// Sessions, those that hold a lock first.
    #[serde(default)]
    pub sessions: Vec<BlockingSession>,
}

impl BlackBox {
    /// The session that the others wait for: the first that waits for nobody itself.
    pub fn first_blocker(&self) -> Option<&BlockingSession> {
        self.sessions.iter().find(|session| session.blocked_by.is_empty())
    }
}

impl BlockingSession {
    /// The name of its program, or else of its role.
    pub fn name(&self) -> Option<&str> {
        [&self.application, &self.user].into_iter().flatten().map(String::as_str).find(|name| !name.trim().is_empty())
    }
}

/// One session in a black box. Every text is the server's and untrusted.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct BlockingSession {
    /// Backend process id.
    pub pid: i32,
    /// Login role.
    pub user: Option<String>,
    /// `application_name`.
    pub application: Option<String>,
    /// Client address, or `None` for a local socket.
    pub client: Option<String>,
    /// `state` of `pg_stat_activity`, e.g. `idle in transaction`.
    pub state: Option<String>,
    /// Age of its transaction, seconds.
    pub xact_age_s: Option<f64>,
    /// When its current or last query began.
    pub query_start: Option<DateTime<Utc>>,
    /// Start of its current or last query.
    pub query: Option<String>,
    /// Its locks on the view and the source tables.
    #[serde(default)]
    pub locks: Vec<HeldLock>,
    /// Pids it waits for.
    #[serde(default)]
    pub blocked_by: Vec<i32>,
}

/// A lock held, or waited for.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct HeldLock {
    /// Qualified relation name.
    pub relation: String,
    /// Lock mode as `pg_locks` writes it, e.g. `AccessExclusiveLock`.
    pub mode: String,
    /// Held, or waited for.
    pub granted: bool,
}
