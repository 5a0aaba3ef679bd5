//! Everything one poll reads.

use crate::model::{
    figures::PlatformMetrics, job::Job, reading::Reading, refresh::RunningRefresh, run::Run, stats::RefreshStats,
};
use chrono::{DateTime, Utc};

/// One consistent look at the system. Each part can be missing by itself.
#[derive(Debug, Clone, PartialEq)]
pub struct Snapshot {
    /// The server's clock when it was taken.
    pub server_time: DateTime<Utc>,
    /// Who and where we are.
    pub server: Server,
    /// Figures for the window.
    pub stats: Reading<RefreshStats>,
    /// Newest runs, newest first.
    pub runs: Reading<Vec<Run>>,
    /// Newest failures, newest first; they can be older than the oldest of `runs`.
    pub errors: Reading<Vec<Run>>,
    /// The schedule.
    pub job: Reading<Job>,
    /// The view's own row.
    pub figures: Reading<PlatformMetrics>,
    /// A refresh under way right now.
    pub running: Option<RunningRefresh>,
}

/// The server as it presents itself to this session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Server {
    /// `current_database()`.
    pub database: String,
    /// Effective role, `current_user`.
    pub role: String,
    /// `server_version`, e.g. `15.18`.
    pub version: String,
    /// Whether it is a standby, which can't refresh.
    pub standby: bool,
}
