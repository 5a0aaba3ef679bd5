//! The one state that the loop owns and the screen draws.

use super::{effect::Effect, overlay::Overlay, prompt::Prompt};
use crate::screens::{
    context::{Context, Newest},
    overview::state::Focus,
    screen::Screen,
    states::Screens,
};
use chrono::{DateTime, Utc};
use refreshtop_core::{
    address::ViewId,
    database::Database,
    databases::Databases,
    health::{self, AgeStyle, Health},
    limits::{Overrides, ViewLimits, window_of},
    link::Link,
    refresh::Trigger,
    request::Request,
    run::Run,
    snapshot::Snapshot,
    views::{OwnLimits, Recent, View, Views},
};
use std::time::{Duration, Instant};
use uuid::Uuid;

/// What the monitor was started with.
#[derive(Debug, Clone, PartialEq)]
pub struct Options {
    /// Time between polls.
    pub poll_interval: Duration,
    /// The screen to begin with, if one was chosen.
    pub screen: Option<Screen>,
    /// Whether a view was named, to be shown instead of the board.
    pub view_named: bool,
    /// What to judge by, whatever is set for a view; the window is the one that was last asked for.
    pub overrides: Overrides,
}

/// The screen is frozen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Paused {
    /// Since this local moment; everything on the screen is as it was then.
    pub at: Instant,
    /// Refreshes that ended since.
    pub missed: u32,
}

/// A note that goes away by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Toast {
    /// What it says.
    pub text: String,
    /// Since when.
    pub at: Instant,
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
    /// Whether a person chose that view; otherwise the only one is shown.
    pub chosen: bool,
    /// Whether it is settled on which screen the monitor opens.
    pub opened: bool,
    /// Which screen is open.
    pub screen: Screen,
    /// What each screen has read and selected.
    pub screens: Screens,
    /// What lies over the panes.
    pub overlay: Option<Overlay>,
    /// A line that is being typed.
    pub prompt: Option<Prompt>,
    /// Whether the screen is frozen.
    pub paused: Option<Paused>,
    /// A short note on what a key did, for a few seconds.
    pub toast: Option<Toast>,
    /// Rows that a page key moves, as many as are in sight; `None` if that is not known.
    pub page: Option<u16>,
}

impl State {
    /// Shows a note in place of the hints, for a few seconds.
    pub fn show_toast(&mut self, text: impl Into<String>) {
        self.toast = Some(Toast { text: text.into(), at: self.now });
    }

    /// The state before anything has happened.
    pub fn new(options: Options, database: Database, shown: ViewId, now: Instant) -> Self {
        let screen = options.screen.unwrap_or_default();
        Self {
            now,
            chosen: options.view_named,
            opened: false,
            options,
            databases: Databases::one(database),
            shown,
            screen,
            screens: Screens::default(),
            overlay: None,
            prompt: None,
            paused: None,
            toast: None,
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

    /// Shows the view that was `read` if none was chosen: the database has only that one.
    pub fn show_only_view(&mut self, read: &ViewId) {
        if *read != self.shown && !self.chosen && self.snapshot().is_none_or(|snapshot| snapshot.stats.is_err()) {
            let meant = std::mem::replace(&mut self.shown, read.clone());
            self.database_mut().views.remove(&meant);
            self.screens.forget_view();
        }
    }

    /// All views, if they could be read.
    pub fn all(&self) -> Option<&Views> {
        self.database().all()
    }

    /// How many views are managed, as far as it is known.
    pub fn managed_count(&self) -> usize {
        self.all().map_or(0, |views| views.managed_ids().count())
    }

    /// Whether the board shows more than the overview does.
    pub fn has_board(&self) -> bool {
        self.screen == Screen::Board || self.all().is_some_and(|views| views.views.len() > 1)
    }

    /// Whether the wall shows all views.
    pub fn has_many(&self) -> bool {
        self.managed_count() > 1
    }

    /// The health of the worst managed view, and that view; unknown while nothing current is known.
    pub fn worst(&self) -> (Health, Option<&View>) {
        if let Some(unknown) = self.unreachable() {
            return (unknown, None);
        }
        let board = self.database().board.as_ref();
        let (Some(Ok(views)), Some(now)) = (board, self.server_now()) else {
            let why = board.and_then(|board| board.as_ref().err()).map_or("reading", |missing| &missing.reason);
            return (Health::unknown(why), None);
        };
        let overrides = &self.options.overrides;
        let managed = views.views.iter().filter(|view| view.id().is_some());
        let worst = managed.max_by_key(|view| (view.judged(now, overrides).verdict, view.data_age(now)));
        match (worst, &views.registry, &views.statistics) {
            (_, Err(missing), _) | (Some(_), _, Err(missing)) => (Health::unknown(missing.reason.clone()), None),
            (Some(view), ..) => (view.judged(now, overrides), Some(view)),
            (None, ..) => (Health::unknown("no view is managed in this database yet"), None),
        }
    }

    /// Asks something of the database that is shown.
    pub fn request(&self, request: Request) -> Effect {
        Effect::Database(self.database().id.clone(), request)
    }

    /// Reads every database again, unless the screen is frozen.
    pub fn poll(&mut self) -> Vec<Effect> {
        if self.paused.is_some() {
            return Vec::new();
        }
        let polled = self.databases.iter_mut().filter_map(|database| Some((database.id.clone(), database.poll()?)));
        polled.map(|(id, request)| Effect::Database(id, request)).collect()
    }

    /// Freezes the screen: what is shown stays as it is, ages included.
    pub fn pause(&mut self) {
        self.paused = Some(Paused { at: self.now, missed: 0 });
        self.databases.iter_mut().for_each(|database| database.polling.due = None);
    }

    /// Resumes the screen, and reads what happened meanwhile.
    pub fn resume(&mut self) -> Vec<Effect> {
        self.paused = None;
        self.poll()
    }

    /// The local moment that the screen shows: the last message, or when it was paused.
    fn shown_at(&self) -> Instant {
        self.paused.map_or(self.now, |paused| paused.at)
    }

    /// The server's time at that moment.
    pub fn server_now(&self) -> Option<DateTime<Utc>> {
        self.database().clock.map(|clock| clock.at(self.shown_at()))
    }

    /// The window that the figures on the screen are of: after a change the old one, until they are read again.
    pub fn window(&self) -> Duration {
        self.snapshot().map_or_else(|| self.chosen_window(), |snapshot| snapshot.window)
    }

    /// The limits that the view is judged by.
    pub fn limits(&self) -> ViewLimits {
        let own = self.snapshot().map(|snapshot| snapshot.own_limits.clone()).unwrap_or_default();
        ViewLimits::resolve(&own, &self.options.overrides)
    }

    /// The window that was asked for, or else the view's own; the usual one where all views are shown.
    pub fn chosen_window(&self) -> Duration {
        if self.is_about_all() {
            return window_of(&OwnLimits::default(), self.options.overrides.window);
        }
        self.limits().window.value
    }

    /// Whether the screen is about all views.
    pub fn is_about_all(&self) -> bool {
        match self.screen {
            Screen::Board => true,
            Screen::Wall => self.has_many(),
            Screen::Incidents => self.screens.incidents.is_of_all(),
            _ => false,
        }
    }

    /// What is newest in the log, as far as it is known.
    pub fn newest(&self) -> Newest {
        Newest { run: self.runs().first().map(|run| run.id), at: None, total: self.stats().map(|stats| stats.total) }
    }

    /// Whether the database answers. Without it everything on the screen is old.
    pub fn connected(&self) -> bool {
        self.database().connected()
    }

    /// How old what is on the screen is; `None` before the first snapshot.
    pub fn data_age(&self) -> Option<Duration> {
        self.database().updated_at.map(|at| self.now.saturating_duration_since(at))
    }

    /// Age of the last successful refresh by the server's clock.
    pub fn freshness(&self) -> Option<Duration> {
        let success = self.stats()?.last_success_at?;
        health::age(success, self.server_now()?)
    }

    /// What was read of the view together with all others.
    pub fn shown_view(&self) -> Option<&View> {
        self.all()?.managed(&self.snapshot()?.view)
    }

    /// Why the state of the view is what it is, in a sentence.
    pub fn sentence(&self, health: &Health) -> Option<String> {
        let (snapshot, now) = (self.snapshot()?, self.server_now()?);
        let stats = snapshot.stats.as_ref().ok()?;
        Some(health.sentence(&snapshot.known(self.shown_view(), now).of(stats), now))
    }

    /// The verdict. Losing the database, or the statistics, is unknown: never healthy.
    pub fn health(&self) -> Health {
        if let Some(unknown) = self.unreachable() {
            return unknown;
        }
        match (self.snapshot(), self.server_now()) {
            (Some(snapshot @ Snapshot { stats: Ok(stats), .. }), Some(now)) => {
                let known = snapshot.known(self.shown_view(), now);
                self.limits().limits().judge(&known.of(stats), now, AgeStyle::Coarse)
            }
            (Some(Snapshot { stats: Err(missing), .. }), _) => Health::unknown(missing.reason.clone()),
            _ => Health::unknown("reading"),
        }
    }

    /// The verdict while nothing current is known.
    fn unreachable(&self) -> Option<Health> {
        match &self.database().link {
            Link::Connecting => return Some(Health::unknown("connecting")),
            Link::Down { reason, .. } => return Some(Health::unknown(reason.clone())),
            Link::Connected | Link::Live | Link::Polling { .. } => {}
        }
        self.database().poll_error.as_ref().map(|error| Health::unknown(error.reason.clone()))
    }

    /// Statistics, if they could be read.
    pub fn stats(&self) -> Option<&refreshtop_core::stats::RefreshStats> {
        self.snapshot()?.stats.as_ref().ok()
    }

    /// Recent runs, newest first; empty if they could not be read.
    pub fn runs(&self) -> &[Run] {
        self.snapshot().and_then(|s| s.runs.as_deref().ok()).unwrap_or_default()
    }

    /// Recent failures, newest first; empty if they could not be read.
    pub fn errors(&self) -> &[Run] {
        self.snapshot().and_then(|s| s.errors.as_deref().ok()).unwrap_or_default()
    }

    /// What any list knows of the run with this key.
    pub fn known_run(&self, id: Uuid) -> Option<&Run> {
        let lists = [self.runs(), self.errors()];
        lists.into_iter().flatten().find(|run| run.id == id).or_else(|| self.screens.runs.run(id))
    }

    /// One of the overview's lists.
    pub fn list(&self, focus: Focus) -> &[Run] {
        match focus {
            Focus::Errors => self.errors(),
            Focus::Runs => self.runs(),
        }
    }

    /// Index of the selected row of that list; `None` if it is empty.
    pub fn selected_index(&self, focus: Focus) -> Option<usize> {
        self.screens.overview.index(focus, self.list(focus))
    }

    /// The scroll position of what is open and longer than the screen, if it is scrolled by lines.
    pub fn scroll_mut(&mut self) -> Option<&mut u16> {
        match &mut self.overlay {
            Some(overlay) => Some(overlay.scroll_mut()),
            None => self.screens.get_mut(self.screen).scroll_mut(),
        }
    }

    /// The part of the state that the screens may read.
    pub fn context(&self) -> Context<'_> {
        Context {
            now: self.now,
            server_now: self.server_now(),
            screen: self.screen,
            connected: self.connected(),
            standby: self.database().is_standby(),
            refreshing: matches!(self.database().trigger, Trigger::Running { .. }),
            paused: self.paused.is_some(),
            window: self.chosen_window(),
            freshness_limit: self.limits().max_age.value,
            overrides: &self.options.overrides,
            all: self.all(),
            shown: &self.shown,
            newest: self.newest(),
            runs: self.runs(),
            errors: self.errors(),
        }
    }

    /// Changes the screens, which may read a part of the state.
    pub fn with_screens<T>(&mut self, change: impl FnOnce(&mut Screens, &Context) -> T) -> T {
        let mut screens = std::mem::take(&mut self.screens);
        let result = change(&mut screens, &self.context());
        self.screens = screens;
        result
    }

    /// Consecutive failures up to now, newest first.
    pub fn failing_streak(&self) -> u32 {
        let board = self.shown_view().and_then(|view| view.recent.as_ref());
        board.map_or_else(|| Recent::of_runs(self.runs()).failing_streak(), Recent::failing_streak)
    }
}
