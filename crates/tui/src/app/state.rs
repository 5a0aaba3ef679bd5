//! The one state that the loop owns and the screen draws.

use crate::app::{
    effect::Effect,
    prompt::Prompt,
    views::{
        View,
        diagnose::{Choice, Diagnose},
        history::History,
        incidents::Incidents,
        metrics::Metrics,
        runs::Runs,
    },
};
use chrono::{DateTime, Utc};
use refreshtop_core::{
    address::ViewId,
    database::Database,
    databases::Databases,
    health::{self, Health, Thresholds},
    link::Link,
    reading::Reading,
    request::Request,
    run::{Run, RunDetail, RunStatus},
    snapshot::Snapshot,
};
use std::time::{Duration, Instant};
use uuid::Uuid;

/// What the monitor was started with.
#[derive(Debug, Clone, PartialEq)]
pub struct Options {
    /// Time between polls.
    pub poll_interval: Duration,
    /// Statistics window, as it was last asked for.
    pub window: Duration,
    /// The view to begin with.
    pub view: View,
    /// Limits of the health rules.
    pub thresholds: Thresholds,
}

/// Which list the arrow keys move in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Focus {
    /// Recent errors.
    #[default]
    Errors,
    /// Recent runs.
    Runs,
}

/// What lies over the panes.
#[derive(Debug, Clone, PartialEq)]
pub enum Overlay {
    /// The keys.
    Help {
        /// Lines scrolled down.
        scroll: u16,
    },
    /// One run in full.
    Run {
        /// Which.
        id: Uuid,
        /// `None` while it is being read.
        detail: Option<Box<Reading<RunDetail>>>,
        /// Lines scrolled down.
        scroll: u16,
    },
    /// What fixes a check, to be confirmed.
    Fix(Choice),
}

/// The screen is held still.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Paused {
    /// Since this local moment; everything on the screen is as it was then.
    pub at: Instant,
    /// Refreshes heard of since.
    pub missed: u32,
}

/// A note that goes away by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said {
    /// What it says.
    pub text: String,
    /// Since when.
    pub at: Instant,
}

/// What is newest in the log, as far as it was heard of: where that changed, what was made from the log is old.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Newest {
    /// The newest run.
    pub run: Option<Uuid>,
    /// Runs in the window.
    pub total: Option<u64>,
}

/// Everything the program knows.
#[derive(Debug, Clone, PartialEq)]
pub struct State {
    /// Local moment of the last message; drawing takes it for the present.
    pub now: Instant,
    /// Settings.
    pub options: Options,
    /// The databases, and which one is shown.
    pub databases: Databases,
    /// Which of its views is shown.
    pub shown: ViewId,
    /// Which list has the arrow keys.
    pub focus: Focus,
    /// Selected run in the errors list; the newest where it is gone.
    pub selected_error: Option<Uuid>,
    /// Selected run in the runs list.
    pub selected_run: Option<Uuid>,
    /// What lies over the panes.
    pub overlay: Option<Overlay>,
    /// Which view is open.
    pub view: View,
    /// What the view of the log knows.
    pub runs_view: Runs,
    /// What the view of incidents knows.
    pub incidents: Incidents,
    /// What the view of the history knows.
    pub history: History,
    /// What the diagnosing view knows.
    pub diagnose: Diagnose,
    /// What the view of the view's own figures knows.
    pub metrics: Metrics,
    /// A line that is being typed.
    pub prompt: Option<Prompt>,
    /// Whether the screen is held still.
    pub paused: Option<Paused>,
    /// A short note on what a key did, for a few seconds.
    pub said: Option<Said>,
    /// Rows that a page key moves, as many as are in sight; `None` where nobody has told.
    pub page: Option<u16>,
}

impl State {
    /// Puts a note where the hints are, for a few seconds.
    pub fn say(&mut self, text: impl Into<String>) {
        self.said = Some(Said { text: text.into(), at: self.now });
    }

    /// The state before anything has happened.
    pub fn new(options: Options, database: Database, shown: ViewId, now: Instant) -> Self {
        let view = options.view;
        Self {
            now,
            options,
            databases: Databases::one(database),
            shown,
            focus: Focus::default(),
            selected_error: None,
            selected_run: None,
            overlay: None,
            view,
            runs_view: Runs::default(),
            incidents: Incidents::default(),
            history: History::default(),
            diagnose: Diagnose::default(),
            metrics: Metrics::default(),
            prompt: None,
            paused: None,
            said: None,
            page: None,
        }
    }

    /// The database that is shown.
    pub fn database(&self) -> &Database {
        self.databases.shown()
    }

    /// The same, to be changed.
    pub fn database_mut(&mut self) -> &mut Database {
        self.databases.shown_mut()
    }

    /// The newest snapshot of the view that is shown.
    pub fn snapshot(&self) -> Option<&Snapshot> {
        self.database().views.get(&self.shown)?.snapshot.as_ref()
    }

    /// The same, to be changed.
    pub fn snapshot_mut(&mut self) -> Option<&mut Snapshot> {
        let Self { databases, shown, .. } = self;
        databases.shown_mut().views.get_mut(shown)?.snapshot.as_mut()
    }

    /// Asks something of the database that is shown.
    pub fn request(&self, request: Request) -> Effect {
        Effect::Database(self.database().id.clone(), request)
    }

    /// Reads every database anew, unless the screen is held still.
    pub fn poll(&mut self) -> Vec<Effect> {
        if self.paused.is_some() {
            return Vec::new();
        }
        let polled = self.databases.iter_mut().filter_map(|database| Some((database.id.clone(), database.poll()?)));
        polled.map(|(id, request)| Effect::Database(id, request)).collect()
    }

    /// Holds the screen still: what is shown stays as it is, ages included.
    pub fn pause(&mut self) {
        self.paused = Some(Paused { at: self.now, missed: 0 });
        self.databases.iter_mut().for_each(|database| database.polling.due = None);
    }

    /// Lets the screen go on, and reads what happened meanwhile.
    pub fn resume(&mut self) -> Vec<Effect> {
        self.paused = None;
        self.poll()
    }

    /// The local moment that the screen shows: the last message, or when it was paused.
    pub fn shown_at(&self) -> Instant {
        self.paused.map_or(self.now, |paused| paused.at)
    }

    /// The server's time at that moment.
    pub fn server_now(&self) -> Option<DateTime<Utc>> {
        self.database().clock.map(|clock| clock.at(self.shown_at()))
    }

    /// The window that the figures on the screen are of: after a change the old one, until they are read anew.
    pub fn window(&self) -> Duration {
        self.snapshot().map_or(self.options.window, |snapshot| snapshot.window)
    }

    /// What is newest in the log, as far as it was heard of.
    pub fn newest(&self) -> Newest {
        Newest { run: self.runs().first().map(|run| run.id), total: self.stats().map(|stats| stats.total) }
    }

    /// Whether the database answers. Without it everything on the screen is old.
    pub fn connected(&self) -> bool {
        self.database().connected()
    }

    /// How old what is on the screen is; `None` before the first snapshot.
    pub fn data_age(&self) -> Option<Duration> {
        self.database().heard_at.map(|at| self.now.saturating_duration_since(at))
    }

    /// Age of the last successful refresh by the server's clock.
    pub fn freshness(&self) -> Option<Duration> {
        let success = self.stats()?.last_success_at?;
        health::age(success, self.server_now()?)
    }

    /// The verdict. Losing the database, or the statistics, is unknown: never healthy.
    pub fn health(&self) -> Health {
        match &self.database().link {
            Link::Connecting => return Health::unknown("connecting"),
            Link::Down { reason, .. } => return Health::unknown(reason.clone()),
            Link::Connected | Link::Live | Link::Polling { .. } => {}
        }
        if let Some(error) = &self.database().poll_error {
            return Health::unknown(error.reason.clone());
        }
        match (self.snapshot(), self.server_now()) {
            (Some(Snapshot { stats: Ok(stats), .. }), Some(now)) => {
                health::evaluate(stats, now, &self.options.thresholds)
            }
            (Some(Snapshot { stats: Err(missing), .. }), _) => Health::unknown(missing.reason.clone()),
            _ => Health::unknown("reading"),
        }
    }

    /// Statistics, where they could be read.
    pub fn stats(&self) -> Option<&refreshtop_core::stats::RefreshStats> {
        self.snapshot()?.stats.as_ref().ok()
    }

    /// Recent runs, newest first; empty where they could not be read.
    pub fn runs(&self) -> &[Run] {
        self.snapshot().and_then(|s| s.runs.as_deref().ok()).unwrap_or_default()
    }

    /// Recent failures, newest first; empty where they could not be read.
    pub fn errors(&self) -> &[Run] {
        self.snapshot().and_then(|s| s.errors.as_deref().ok()).unwrap_or_default()
    }

    /// What any list knows of the run with this key.
    pub fn known_run(&self, id: Uuid) -> Option<&Run> {
        let lists = [self.runs(), self.errors()];
        lists.into_iter().flatten().find(|run| run.id == id).or_else(|| self.runs_view.run(id))
    }

    /// The list that has the arrow keys.
    pub fn focused_list(&self) -> &[Run] {
        match self.focus {
            Focus::Errors => self.errors(),
            Focus::Runs => self.runs(),
        }
    }

    /// Index of the selected row of the list `focus`; `None` in an empty list.
    pub fn selected_index(&self, focus: Focus) -> Option<usize> {
        let (list, selected) = match focus {
            Focus::Errors => (self.errors(), self.selected_error),
            Focus::Runs => (self.runs(), self.selected_run),
        };
        let found = selected.and_then(|id| list.iter().position(|run| run.id == id));
        found.or((!list.is_empty()).then_some(0))
    }

    /// The scroll position of what is open and longer than the screen, where it is scrolled by lines.
    pub fn scroll_mut(&mut self) -> Option<&mut u16> {
        match (&mut self.overlay, self.view) {
            (Some(Overlay::Run { scroll, .. } | Overlay::Help { scroll }), _) => Some(scroll),
            (None, View::Diagnose) => Some(&mut self.diagnose.scroll),
            (None, View::History) => Some(&mut self.history.scroll),
            (None, View::Metrics) => Some(&mut self.metrics.scroll),
            (Some(Overlay::Fix(choice)), _) => Some(&mut choice.below),
            (None, View::Overview | View::Runs | View::Incidents | View::Wall) => None,
        }
    }

    /// Consecutive failures up to now, newest first.
    pub fn failing_streak(&self) -> usize {
        self.runs().iter().take_while(|run| run.status == RunStatus::Error).count()
    }
}
