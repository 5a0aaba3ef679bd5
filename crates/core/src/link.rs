//! How events reach the monitor.

use std::time::{Duration, Instant};

/// State of the connection to the database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Link {
    /// The first connection is being made.
    Connecting,
    /// Connected; whether notifications arrive is being tried.
    Connected,
    /// Listening: events arrive within milliseconds.
    Live,
    /// Connected, but `LISTEN` can't work here: events arrive with the poll timer.
    Polling {
        /// Why, in one sentence.
        reason: String,
    },
    /// No connection. What is on the screen is old.
    Down {
        /// Why, in one sentence without a secret.
        reason: String,
        /// When it was lost, or first found missing.
        since: Instant,
        /// Attempts to reconnect so far.
        attempts: u32,
        /// When the next attempt starts; `None` while one is under way.
        retry_at: Option<Instant>,
    },
}

/// What the task that owns the long-lived session reports.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LinkEvent {
    /// Connected; whether notifications arrive is tried next.
    Connected,
    /// Connected and listening.
    Live,
    /// Connected, not listening.
    Polling {
        /// Why, in one sentence.
        reason: String,
    },
    /// The connection is gone, or could not be made.
    Down {
        /// Why, in one sentence without a secret.
        reason: String,
        /// Pause before the next attempt.
        retry_in: Duration,
    },
    /// A new attempt to connect starts.
    Retrying,
    /// The monitor's machine was suspended, and the clock that ages are computed with stood still.
    Resumed {
        /// For how long.
        slept: Duration,
    },
}
