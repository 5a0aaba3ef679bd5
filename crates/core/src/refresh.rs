//! A refresh that this program triggered.

use crate::address::ViewId;
use chrono::{DateTime, Utc};
use std::time::Instant;

/// What became of a manual refresh.
#[derive(Debug, Clone, PartialEq)]
pub enum TriggerOutcome {
    /// The view was refreshed.
    Success {
        /// Milliseconds, by the server's clock.
        duration_ms: f64,
        /// When it ended.
        completed_at: DateTime<Utc>,
    },
    /// The attempt ran, failed and was logged.
    Error {
        /// Milliseconds, by the server's clock.
        duration_ms: f64,
        /// SQLSTATE.
        sqlstate: Option<String>,
        /// The server's message.
        message: String,
        /// What it says to do.
        hint: Option<String>,
    },
    /// Another refresh is under way; nothing was done.
    AlreadyRunning {
        /// The server's sentence, naming the session that runs it if it is known.
        message: String,
    },
    /// The server would not: not a super administrator, a read-only standby, no such function.
    Refused {
        /// One sentence with what to do.
        message: String,
    },
    /// The connection was lost before the outcome was known. The log has it later.
    Lost {
        /// One sentence.
        message: String,
    },
}

/// The state of the refresh that this program triggered.
#[derive(Debug, Clone, PartialEq)]
pub enum Trigger {
    /// None under way.
    Idle,
    /// Under way on a session of its own.
    Running {
        /// Of which view.
        view: ViewId,
        /// When it was requested.
        since: Instant,
        /// Whether its cancellation was requested.
        cancelling: bool,
    },
    /// The last one ended.
    Ended {
        /// Of which view.
        view: ViewId,
        /// How.
        outcome: TriggerOutcome,
        /// When.
        at: Instant,
    },
}

/// A refresh under way on the server, by any session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunningRefresh {
    /// Backend process.
    pub pid: i32,
    /// When its transaction began.
    pub since: Option<DateTime<Utc>>,
    /// `application_name` of its session.
    pub application: Option<String>,
}
