//! Everything one poll reads.

use crate::{
    address::ViewId,
    figures::{LastMeasured, PlatformMetrics},
    health::{Known, Obstacle},
    job::Job,
    limits::window_of,
    reading::{Reading, Unavailable},
    refresh::RunningRefresh,
    run::{Run, RunStatus},
    stats::RefreshStats,
    views::{OwnLimits, Recent, View, Views},
};
use chrono::{DateTime, Utc};
use std::time::Duration;

/// One consistent reading of the system. Each part can be missing by itself.
#[derive(Debug, Clone, PartialEq)]
pub struct Snapshot {
    /// The view that it is of.
    pub view: ViewId,
    /// The server's clock when it was taken.
    pub server_time: DateTime<Utc>,
    /// Time from that reading to the end of the poll.
    pub read_for: Duration,
    /// The window that `stats` is of.
    pub window: Duration,
    /// What is set for the view.
    pub own_limits: OwnLimits,
    /// Who and where we are.
    pub server: Server,
    /// Figures for the window.
    pub stats: Reading<RefreshStats>,
    /// How far the database is migrated.
    pub deployment: Deployment,
    /// Newest runs, newest first.
    pub runs: Reading<Vec<Run>>,
    /// Newest failures, newest first; they can be older than the oldest of `runs`.
    pub errors: Reading<Vec<Run>>,
    /// The schedule.
    pub job: Reading<Job>,
    /// The view's own row.
    pub figures: Reading<PlatformMetrics>,
    /// What the last successful refresh measured of another view; `None` if nothing was.
    pub measured: Option<LastMeasured>,
    /// A refresh under way right now.
    pub running: Option<RunningRefresh>,
}

impl Snapshot {
    /// What is known of the view beside the statistics at the server's time `now`; `view` is what was read of it together with all others, which
    /// nobody does for a deployment made by hand.
    pub fn known(&self, view: Option<&View>, now: DateTime<Utc>) -> Known {
        // A success that was only announced counts when the log says so.
        let logged = self.stats.as_ref().ok().and_then(|stats| stats.last_success_at);
        let announced = |run: &&Run| run.status == RunStatus::Success && run.completed_at > logged;
        let of_runs = || {
            let mut runs: Vec<Run> = self.runs.as_ref().ok()?.iter().skip_while(announced).cloned().collect();
            if runs.is_empty() {
                // So many were announced that no other is left.
                let errors = self.errors.iter().flatten();
                runs.extend(errors.filter(|run| run.completed_at > logged).cloned());
            }
            Some(Recent::of_runs(&runs))
        };
        let paused = || self.job.as_ref().ok().filter(|job| !job.active).map(|_| Obstacle::paused());
        Known {
            recent: view.and_then(|view| view.recent.clone()).or_else(of_runs),
            obstacle: view.map_or_else(paused, |view| view.obstacle(now)),
            running: self.running.is_some(),
        }
    }

    /// What is known of another view before it was read: its statistics, from the reading of all views.
    pub fn of_another(&self, view: &ViewId, all: &Views) -> Self {
        fn unread<T>() -> Reading<T> {
            Err(Unavailable::new("being read", ""))
        }
        let found = all.managed(view);
        let stats = found.and_then(|view| view.stats.clone());
        let own = found.and_then(View::registered).map(|registered| registered.limits.clone()).unwrap_or_default();
        Self {
            view: view.clone(),
            server_time: all.at,
            read_for: Duration::ZERO,
            window: window_of(&own, all.window),
            own_limits: own,
            server: all.server.clone(),
            stats: stats.ok_or_else(|| Unavailable::new("being read", "")),
            deployment: self.deployment,
            runs: unread(),
            errors: unread(),
            job: unread(),
            figures: unread(),
            measured: None,
            running: None,
        }
    }
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
    /// Age of what a standby replayed last, if it is behind its primary or cut off from it.
    pub behind: Option<Duration>,
}

/// How far the database is migrated, as far as it can be seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Deployment {
    /// Far enough for all that is read here.
    #[default]
    Migrated,
    /// The schema refreshtop is there, but not all that this version reads.
    Older,
    /// Set up by hand: a log or a view, and nothing of refreshtop's. Read without its help.
    Unmanaged,
    /// There is nothing to read.
    Missing,
}
