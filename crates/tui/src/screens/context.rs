//! What a screen may know beside its own state.

use super::screen::Screen;
use chrono::{DateTime, Utc};
use refreshtop_core::{
    address::ViewId,
    limits::Overrides,
    run::Run,
    views::{View, Views},
};
use std::time::{Duration, Instant};
use uuid::Uuid;

/// The rest of the monitor, as the screens see it.
#[expect(clippy::struct_excessive_bools, reason = "facts, each of its own")]
#[derive(Debug, Clone, Copy)]
pub struct Context<'a> {
    /// Local moment of the last message.
    pub now: Instant,
    /// The server's time at the moment that is shown, once it has been read.
    pub server_now: Option<DateTime<Utc>>,
    /// The screen that is open.
    pub screen: Screen,
    /// Whether the database answers.
    pub connected: bool,
    /// Whether it is a standby, which can't refresh.
    pub standby: bool,
    /// Whether a refresh that was started here is running.
    pub refreshing: bool,
    /// Whether the screen is frozen.
    pub paused: bool,
    /// The window that was last chosen.
    pub window: Duration,
    /// Age up to which data is fresh.
    pub freshness_limit: Duration,
    /// What to judge by, whatever is set for a view.
    pub overrides: &'a Overrides,
    /// All views, if they could be read.
    pub all: Option<&'a Views>,
    /// The view that is shown.
    pub shown: &'a ViewId,
    /// What is newest in the log.
    pub newest: Newest,
    /// Recent runs, newest first.
    pub runs: &'a [Run],
    /// Recent failures, newest first.
    pub errors: &'a [Run],
}

/// What is newest in the log, as far as it is known: if that changes, what was made from the log is old.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Newest {
    /// The newest run.
    pub run: Option<Uuid>,
    /// When the newest one was logged, of several views.
    pub at: Option<DateTime<Utc>>,
    /// Runs in the window.
    pub total: Option<u64>,
}

impl Newest {
    /// The same of all views.
    pub fn of_all(all: &Views) -> Self {
        let last = |view: &View| view.recent.as_ref()?.last.as_ref().map(|last| last.at);
        Self {
            run: None,
            at: all.views.iter().filter_map(last).max(),
            total: Some(all.views.iter().filter_map(|view| view.stats.as_ref()).map(|stats| stats.total).sum()),
        }
    }
}
